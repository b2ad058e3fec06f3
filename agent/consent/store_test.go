package consent

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

func TestRefusesUntilFilled(t *testing.T) {
	b := newBench(t)
	s := b.open(t)
	answers(t, s, 1, care.ConsentUnavailable, ReasonNeverFilled)
	put(t, s, said(care.Site, 1, care.Dissent, 3))
	answers(t, s, 1, care.ConsentUnavailable, ReasonNeverFilled)
	check(t, s.Replace(context.Background(), care.Site, 1, start, each(said(0, 2, care.Dissent, 3))))
	answers(t, s, 9, care.ConsentUnavailable, ReasonNeverFilled) // only the region fills
	check(t, s.Replace(context.Background(), care.Region, 1, start, each()))
	answers(t, s, 9, care.OK, "")
	answers(t, s, 2, care.NoPatientConsent, ReasonDissent)
	answers(t, s, 1, care.OK, "") // the site's snapshot did not have it
}

func TestCheckWithoutNumber(t *testing.T) {
	s := newBench(t).filled(t)
	if got := s.Check(&care.Request{Purpose: care.Treatment}); got.Refusal != care.InvalidNHSNumber {
		t.Errorf("got %+v", got)
	}
	_, err := s.Show(care.NHSNumber{})
	fails(t, err, care.InvalidNHSNumber, "")
}

func TestMostRestrictiveAuthorityWins(t *testing.T) {
	s := newBench(t).filled(t, said(care.Region, 1, care.ConsentGiven, 0), said(care.Region, 2, care.Dissent, 90))
	put(t, s, said(care.Site, 1, care.Dissent, 90))
	put(t, s, said(care.Site, 2, care.ConsentGiven, 0))
	put(t, s, said(care.SourceFlag, 3, care.Restriction, 90))
	answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
	answers(t, s, 2, care.NoPatientConsent, ReasonDissent)
	answers(t, s, 3, care.PatientNotFound, ReasonRestricted)
}

// TestMattersAreApart proves that lifting a restriction never lifts a dissent,
// nor a consent a restriction, though later and from the same authority.
func TestMattersAreApart(t *testing.T) {
	s := newBench(t).filled(t)
	put(t, s, said(care.Site, 1, care.Dissent, 9))
	put(t, s, said(care.Site, 1, care.Restriction, 8))
	answers(t, s, 1, care.PatientNotFound, ReasonRestricted)
	put(t, s, said(care.Site, 1, care.Unrestricted, 7))
	answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
	put(t, s, said(care.Site, 1, care.Restriction, 6))
	put(t, s, said(care.Site, 1, care.ConsentGiven, 5))
	answers(t, s, 1, care.PatientNotFound, ReasonRestricted)
	put(t, s, said(care.Site, 1, care.Unrestricted, 4))
	answers(t, s, 1, care.OK, "")
	if got := s.Status().Sets[care.Site]; got.Patients != 1 || got.Directives[care.ConsentGiven] != 1 ||
		got.Directives[care.Unrestricted] != 1 || got.Directives[care.Dissent] != 0 {
		t.Errorf("counted %+v", got)
	}
}

func TestSetReportsChange(t *testing.T) {
	s := newBench(t).filled(t)
	epoch := s.Epoch()
	for i, c := range []struct {
		d    care.Directive
		want bool
	}{
		{said(care.Site, 1, care.Dissent, 5), true},
		{said(care.Site, 1, care.Dissent, 5), false},
		{said(care.Site, 1, care.ConsentGiven, 6), false}, // an older consent read later
		{said(care.Site, 1, care.ConsentGiven, 4), true},
		{said(care.Site, 1, care.Dissent, 5), false},
	} {
		if got := put(t, s, c.d); got != c.want {
			t.Errorf("step %d: changed %v", i, got)
		}
		if c.want {
			epoch++
		}
		if s.Epoch() != epoch {
			t.Errorf("step %d: epoch %d, want %d", i, s.Epoch(), epoch)
		}
	}
}

func TestShow(t *testing.T) {
	region, site := said(care.Region, 1, care.Dissent, 5), said(care.Site, 1, care.Restriction, 4)
	s := newBench(t).filled(t, region)
	put(t, s, site)
	got, err := s.Show(number(1))
	check(t, err)
	if diff := cmp.Diff([]care.Directive{region, site}, got, cmp.Comparer(func(a, b care.NHSNumber) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if got, err := s.Show(number(2)); err != nil || got != nil {
		t.Errorf("of an unknown patient: %v, %v", got, err)
	}
}

func TestAgeAndClock(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 5), said(care.Region, 2, care.Restriction, 5))
	for _, c := range []struct {
		name   string
		shift  time.Duration
		reason string
	}{
		{"just fresh", 24 * time.Hour, ""},
		{"just stale", 24*time.Hour + 1, ReasonStale},
		{"ten years on", 87600 * time.Hour, ReasonStale},
		{"a little back", -5 * time.Minute, ""},
		{"back", -5*time.Minute - 1, ReasonClock},
		{"ten years back", -87600 * time.Hour, ReasonClock},
	} {
		b.clock.set(start.Add(c.shift))
		if c.reason == "" {
			answers(t, s, 3, care.OK, "")
			answers(t, s, 2, care.PatientNotFound, ReasonRestricted)
		} else {
			answers(t, s, 3, care.ConsentUnavailable, c.reason)
			answers(t, s, 2, care.ConsentUnavailable, c.reason) // as anyone is refused
		}
		answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
		if got := s.Status().Doubt; got != c.reason {
			t.Errorf("%s: status doubts %q", c.name, got)
		}
	}
}

// TestTimeFloor proves that time seen while writing is remembered over a
// restart, and that only a new snapshot of the region takes it back.
func TestTimeFloor(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	s := b.filled(t)
	b.clock.set(start.Add(20 * time.Hour))
	put(t, s, said(care.Site, 1, care.Dissent, 5))
	check(t, s.Close())
	b.clock.set(start)
	s = b.open(t)
	answers(t, s, 2, care.ConsentUnavailable, ReasonClock)
	check(t, s.Apply(ctx, care.Region, 1, 2, start, nil))
	answers(t, s, 2, care.ConsentUnavailable, ReasonClock)
	check(t, s.Replace(ctx, care.Site, 1, start, each()))
	answers(t, s, 2, care.ConsentUnavailable, ReasonClock)
	check(t, s.Replace(ctx, care.Region, 3, start, each()))
	answers(t, s, 2, care.OK, "")
}

// TestFutureDates proves that nothing dated ahead can hide a later dissent.
func TestFutureDates(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	ahead := said(care.Site, 1, care.ConsentGiven, -1)
	_, err := s.Set(context.Background(), ahead)
	fails(t, err, care.BadRequest, "FUTURE_DATED")
	ahead.Kind = care.Unrestricted
	fails(t, s.Replace(context.Background(), care.Region, 2, start, each(ahead)), care.BadRequest, "AUTHORITY")
	ahead.Authority = care.Region
	fails(t, s.Replace(context.Background(), care.Region, 2, start, each(ahead)), care.BadRequest, "FUTURE_DATED")

	skewed := said(care.Site, 1, care.ConsentGiven, 0)
	skewed.Effective, skewed.Recorded = start.Add(5*time.Minute), start.Add(5*time.Minute)
	put(t, s, skewed)
	answers(t, s, 1, care.OK, "")
	put(t, s, said(care.Site, 1, care.Dissent, 0)) // now, though the consent said five minutes from now
	answers(t, s, 1, care.NoPatientConsent, ReasonDissent)

	put(t, s, said(care.Site, 2, care.Dissent, -40000))
	answers(t, s, 2, care.NoPatientConsent, ReasonDissent)
	b.clock.set(start.Add(time.Minute))
	lift := said(care.Site, 2, care.ConsentGiven, 0)
	lift.Effective = b.clock.now()
	put(t, s, lift)
	answers(t, s, 2, care.OK, "")

	b.clock.set(start.AddDate(-20, 0, 0)) // a dead battery must not date a dissent back
	put(t, s, said(care.Site, 2, care.Dissent, -40000))
	if got, err := s.Show(number(2)); err != nil || got[0].Kind != care.Dissent {
		t.Errorf("kept %v, %v", got, err)
	}
}

func TestApply(t *testing.T) {
	s, ctx := newBench(t).filled(t), context.Background()
	delta := []care.Directive{said(0, 5, care.Dissent, 1), said(0, 4, care.Restriction, 1), said(0, 5, care.Restriction, 2)}
	fails(t, s.Apply(ctx, care.Region, 0, 2, start, delta), care.Conflict, "GAP")
	fails(t, s.Apply(ctx, care.Region, 2, 3, start, delta), care.Conflict, "GAP")
	fails(t, s.Apply(ctx, care.Region, 1, 0, start, delta), care.Conflict, "OLD")
	fails(t, s.Apply(ctx, care.Region, 1, 2, start.Add(-1), delta), care.Conflict, "OLD")
	fails(t, s.Apply(ctx, care.Region, 1, 2, start.Add(time.Hour), delta), care.Conflict, "CLOCK")
	fails(t, s.Apply(ctx, care.Site, 0, 1, start, delta), care.Conflict, "GAP") // never filled
	fails(t, s.Apply(ctx, 0, 1, 2, start, delta), care.BadRequest, "AUTHORITY")
	fails(t, s.Apply(ctx, care.Region, 1, 2, start, make([]care.Directive, 1)), care.InvalidNHSNumber, "")
	answers(t, s, 5, care.OK, "")

	check(t, s.Apply(ctx, care.Region, 1, 2, start, delta))
	answers(t, s, 4, care.PatientNotFound, ReasonRestricted)
	answers(t, s, 5, care.PatientNotFound, ReasonRestricted)
	epoch := s.Epoch()
	check(t, s.Apply(ctx, care.Region, 1, 2, start, delta)) // replayed
	check(t, s.Apply(ctx, care.Region, 2, 3, start, nil))   // a sign of life
	fails(t, s.Apply(ctx, care.Region, 1, 2, start, delta), care.Conflict, "GAP")
	if s.Epoch() != epoch || s.Status().Sequence != 3 {
		t.Errorf("epoch %d, want %d; status %+v", s.Epoch(), epoch, s.Status())
	}
	check(t, s.Verify(ctx))
}

func TestReplace(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1), said(care.Region, 2, care.Dissent, 1))
	put(t, s, said(care.Site, 2, care.Dissent, 5))
	broken := errors.New("broken off")
	for _, c := range []struct {
		name     string
		sequence uint64
		asOf     time.Time
		err      error
		kind     care.Kind
		reason   string
	}{
		{"old sequence", 0, start, nil, care.Conflict, "OLD"},
		{"old time", 2, start.Add(-1), nil, care.Conflict, "OLD"},
		{"ahead", 2, start.Add(time.Hour), nil, care.Conflict, "CLOCK"},
		{"broken off", 2, start, broken, care.Internal, ""},
	} {
		err := s.Replace(ctx, care.Region, c.sequence, c.asOf, func(yield func(care.Directive, error) bool) {
			_ = yield(said(0, 3, care.Dissent, 1), nil) && c.err != nil && yield(care.Directive{}, c.err)
		})
		fails(t, err, c.kind, c.reason)
		answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
		answers(t, s, 3, care.OK, "")
	}
	check(t, s.Replace(ctx, care.Region, 1, start, each(
		said(0, 3, care.Dissent, 1), said(0, 4, care.ConsentGiven, 1), said(0, 4, care.Dissent, 2), said(0, 3, care.Restriction, 1))))
	answers(t, s, 1, care.OK, "")                          // gone from the snapshot
	answers(t, s, 2, care.NoPatientConsent, ReasonDissent) // gone too, but the site's own stays
	answers(t, s, 3, care.PatientNotFound, ReasonRestricted)
	answers(t, s, 4, care.OK, "") // the latest of two
	check(t, s.Verify(ctx))
}

// TestSnapshotInBatches loads more than fits one transaction, with directives
// about the same patients far apart.
func TestSnapshotInBatches(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	s := b.open(t)
	const patients = batchSize + 1000
	check(t, s.Replace(ctx, care.Region, 1, start, func(yield func(care.Directive, error) bool) {
		for i := range patients {
			if !yield(said(0, i, care.Dissent, 2), nil) {
				return
			}
		}
		for i := 0; i < patients && yield(said(0, i, care.ConsentGiven, i%2+1), nil); i += 10 {
		}
	}))
	check(t, s.Close())
	s = b.open(t)
	answers(t, s, 0, care.OK, "")
	answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
	answers(t, s, patients-1, care.NoPatientConsent, ReasonDissent)
	answers(t, s, patients, care.OK, "")
	if got := s.Status().Sets[care.Region]; got.Patients != patients || got.Directives[care.ConsentGiven] != patients/10 {
		t.Errorf("counted %+v", got)
	}
}

func TestRestartKeepsAll(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
	put(t, s, said(care.Site, 2, care.Restriction, 1))
	before, epoch := s.Status(), s.Epoch()
	check(t, s.Close())
	check(t, s.Close())
	answers(t, s, 1, care.ConsentUnavailable, ReasonClosed)
	_, err := s.Set(context.Background(), said(care.Site, 3, care.Dissent, 1))
	fails(t, err, care.ConsentUnavailable, ReasonClosed)
	fails(t, s.Verify(context.Background()), care.ConsentUnavailable, ReasonClosed)

	s = b.open(t)
	if diff := cmp.Diff(before, s.Status()); diff != "" || s.Epoch() != epoch {
		t.Errorf("epoch %d, want %d; status %s", s.Epoch(), epoch, diff)
	}
	answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
	answers(t, s, 2, care.PatientNotFound, ReasonRestricted)
	answers(t, s, 3, care.OK, "")
}

func TestRejectsWhatIsNotADirective(t *testing.T) {
	s := newBench(t).filled(t)
	good := said(care.Site, 1, care.Dissent, 1)
	for name, spoil := range map[string]func(*care.Directive){
		"number":         func(d *care.Directive) { d.NHSNumber = care.NHSNumber{} },
		"kind":           func(d *care.Directive) { d.Kind = 9 },
		"authority":      func(d *care.Directive) { d.Authority = 0 },
		"effective":      func(d *care.Directive) { d.Effective = time.Time{} },
		"effective late": func(d *care.Directive) { d.Effective = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) },
		"recorded":       func(d *care.Directive) { d.Recorded = time.Date(1200, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no by":          func(d *care.Directive) { d.By = "" },
		"long by":        func(d *care.Directive) { d.By = strings.Repeat("x", maxBy+1) },
		"by with line":   func(d *care.Directive) { d.By = "a\nb" },
		"by not UTF-8":   func(d *care.Directive) { d.By = "a\xff" },
	} {
		d := good
		spoil(&d)
		if _, err := s.Set(context.Background(), d); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	good.By = strings.Repeat("x", maxBy)
	put(t, s, good)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Set(ctx, good)
	fails(t, err, care.Cancelled, "")
	if err := s.Verify(ctx); err != nil { // one entry: over before it looks at ctx
		t.Error(err)
	}
	many := make([]care.Directive, maxDelta+1)
	for i := range many {
		many[i] = good
	}
	fails(t, s.Apply(context.Background(), care.Site, 0, 1, start, many), care.LimitExceeded, "DIRECTIVES")
}

func TestOpenChecksOptions(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"key":      func(o *Options) { o.Key = sitekey.Key{} },
		"model":    func(o *Options) { o.Model = 0 },
		"age":      func(o *Options) { o.MaxAge = 0 },
		"long age": func(o *Options) { o.MaxAge = LongestMaxAge + 1 },
	} {
		b := newBench(t)
		spoil(&b.opts)
		_, err := Open(b.path, b.opts)
		if fails(t, err, care.BadRequest, "OPTIONS"); !absent(b.path) {
			t.Errorf("%s: made a file", name)
		}
	}
	b := newBench(t)
	b.path = filepath.Join(b.path, "no", "such", "folder")
	_, err := Open(b.path, b.opts)
	fails(t, err, care.ConsentUnavailable, "CREATE")
}

// TestReadersNeverSeeBetween swaps snapshots while readers check. Whatever the
// moment, patient 1 has dissented and patient 2 is restricted by the site.
func TestReadersNeverSeeBetween(t *testing.T) {
	s, ctx := newBench(t).filled(t, said(care.Region, 1, care.Dissent, 9)), context.Background()
	put(t, s, said(care.Site, 2, care.Restriction, 9))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			var last uint64
			for {
				answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
				answers(t, s, 2, care.PatientNotFound, ReasonRestricted)
				if now := s.Check(ask(3)); now.Epoch < last || now.Refusal == care.ConsentUnavailable {
					t.Errorf("epoch %d after %d: %+v", now.Epoch, last, now)
				} else {
					last = now.Epoch
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 40 {
		kind := care.Dissent
		if i%2 == 0 {
			kind = care.ConsentGiven
		}
		check(t, s.Replace(ctx, care.Region, uint64(i+2), start, each(said(0, 1, care.Dissent, i), said(0, 3, kind, 1))))
		want := care.OK
		if kind == care.Dissent {
			want = care.NoPatientConsent
		}
		if got := s.Check(ask(3)); got.Refusal != want || got.Epoch != s.Epoch() {
			t.Errorf("after snapshot %d: %+v", i, got)
		}
		check(t, s.Verify(ctx))
	}
	close(done)
	readers.Wait()
	if s.Epoch() == math.MaxUint64 {
		t.Error("the store failed")
	}
}
