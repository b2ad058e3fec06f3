package consent

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// altered returns the ledger's manifest of a snapshot, or of changes since a
// base, with something changed.
func (b *bench) altered(t *testing.T, base uint64, alter func(*feed.Manifest)) []byte {
	t.Helper()
	m, err := b.ledger.Snapshot()
	check(t, err)
	if base > 0 {
		m, _, _ = b.ledger.Changes(base)
	}
	alter(m)
	return m.Unsigned()
}

// wrong is a manifest that is not what it should be.
type wrong struct {
	name   string
	alter  func(*feed.Manifest)
	kind   care.Kind
	reason string
}

var wrongPushes = []wrong{
	{"older", func(m *feed.Manifest) { m.AsOf = start.Add(-time.Millisecond) }, care.Conflict, ReasonOld},
	{"ahead", func(m *feed.Manifest) { m.AsOf = start.Add(time.Hour) }, care.Conflict, rule.ReasonClock},
	{"another region", func(m *feed.Manifest) { m.Region = "south" }, care.Conflict, ReasonRegion},
	{"other rows", func(m *feed.Manifest) { m.Content[0]++ }, care.BadRequest, ReasonContent},
	{"more rows", func(m *feed.Manifest) { m.Rows++ }, care.BadRequest, ReasonContent},
	{"less rows", func(m *feed.Manifest) { m.Rows-- }, care.BadRequest, ReasonContent},
	{"other patients", func(m *feed.Manifest) { m.Patients-- }, care.Conflict, ReasonDigest},
	{"other statements", func(m *feed.Manifest) { m.Directives++ }, care.Conflict, ReasonDigest},
	{"another digest", func(m *feed.Manifest) { m.Digest[31]++ }, care.Conflict, ReasonDigest},
}

var wrongChanges = []wrong{
	{"another base", func(m *feed.Manifest) { m.Base, m.Sequence = 2, 3 }, care.Conflict, ReasonGap},
	{"changes without a number", func(m *feed.Manifest) { m.Sequence = 1 }, care.Conflict, ReasonOld},
	{"a snapshot", func(m *feed.Manifest) { m.Snapshot, m.Base = true, 0 }, care.BadRequest, feed.ReasonManifest},
}

var wrongSnapshots = []wrong{
	{"changes", func(m *feed.Manifest) { m.Snapshot, m.Base = false, 1 }, care.BadRequest, feed.ReasonManifest},
	{"too many", func(m *feed.Manifest) { m.Rows = MaxSnapshot + 1 }, care.LimitExceeded, "DIRECTIVES"},
}

func TestApply(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	s := b.filled(t, said(0, 1, care.Dissent, 3))
	b.next(t)
	b.admit(t, said(0, 5, care.Dissent, 1), said(0, 4, care.Restriction, 1), said(0, 1, care.ConsentGiven, 2))
	m, ds, _ := b.ledger.Changes(1)
	right := m.Unsigned()
	epoch := s.Committed()
	for _, c := range append(wrongChanges, wrongPushes...) {
		t.Run(c.name, func(t *testing.T) {
			fails(t, s.Apply(ctx, b.altered(t, 1, c.alter), ds), c.kind, c.reason)
			answers(t, s, 5, care.OK, "")
			answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
		})
	}
	of := slices.Clone(ds)
	of[1].Authority = care.Site
	fails(t, s.Apply(ctx, right, of), care.BadRequest, "AUTHORITY")
	fails(t, s.Apply(ctx, right, make([]care.Directive, 3)), care.InvalidNHSNumber, "")
	if s.Committed() != epoch {
		t.Error("the epoch has moved")
	}

	check(t, s.Apply(ctx, right, ds))
	answers(t, s, 4, care.PatientNotFound, rule.ReasonRestricted)
	answers(t, s, 5, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 1, care.OK, "")
	epoch = s.Committed()
	check(t, s.Apply(ctx, right, ds)) // repeated
	b.beat(t, s)                      // a sign of life
	fails(t, s.Apply(ctx, right, ds), care.Conflict, ReasonGap)
	if s.Committed() != epoch || s.Status().Sets[0].Sequence != 3 {
		t.Errorf("epoch %d, want %d; %+v", s.Committed(), epoch, s.Status())
	}
	check(t, s.Verify(ctx))
}

// TestChangesNeedASnapshot proves that nothing can be built on an empty store.
func TestChangesNeedASnapshot(t *testing.T) {
	b := newBench(t)
	s := b.open(t)
	b.next(t)
	fails(t, b.changes(s, 1), care.Conflict, ReasonGap)
}

// TestReplayedBeat proves that repeating the last sign of life, which whoever
// reads the line could do, makes nothing fresh.
func TestReplayedBeat(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	b.pass(s, 20*time.Hour)
	b.next(t)
	m, _, _ := b.ledger.Changes(1)
	check(t, s.Apply(context.Background(), m.Unsigned(), nil))
	for range 20 * 60 { // and sets the clock back so slowly that nobody notices
		b.clocks.sleep(time.Minute)
		b.clocks.jump(-4 * time.Second)
		s.tick(context.Background())
	}
	check(t, s.Apply(context.Background(), m.Unsigned(), nil))
	if age := s.Status().Sets[0].Age; age != 20*time.Hour {
		t.Errorf("age %v", age)
	}
	check(t, pushAll(s, b.altered(t, 0, func(*feed.Manifest) {}), nil)) // the same state of the region in full
	if age := s.Status().Sets[0].Age; age != 20*time.Hour {
		t.Errorf("age %v", age)
	}
}

func TestSnapshot(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(0, 1, care.Dissent, 1), said(0, 2, care.Dissent, 1))
	put(t, s, said(care.Site, 2, care.Dissent, 5))
	old := b.ledger
	b.ledger = feed.NewLedger("north", 2, start)
	b.admit(t, said(0, 3, care.Dissent, 1), said(0, 4, care.Dissent, 2), said(0, 4, care.ConsentGiven, 1), said(0, 3, care.Restriction, 1))
	all, err := collect(b.ledger.Directives())
	check(t, err)
	for _, c := range append(wrongSnapshots, wrongPushes...) {
		t.Run(c.name, func(t *testing.T) {
			fails(t, pushAll(s, b.altered(t, 0, c.alter), all), c.kind, c.reason)
			answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
			answers(t, s, 3, care.OK, "")
			if s.Status().Sets[0].Sequence != 1 {
				t.Errorf("took it: %+v", s.Status())
			}
		})
	}
	n, err := s.BeginSnapshot(context.Background(), b.altered(t, 0, func(*feed.Manifest) {}), 0)
	check(t, err)
	fails(t, n.Add([]care.Directive{said(care.Site, 3, care.Dissent, 1)}), care.BadRequest, "AUTHORITY")
	fails(t, n.Finish(context.Background()), care.Conflict, ReasonBusy)

	check(t, b.snapshot(s))
	answers(t, s, 1, care.OK, "")                               // gone from the snapshot
	answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissent) // gone too, but the site's own stays
	answers(t, s, 3, care.PatientNotFound, rule.ReasonRestricted)
	answers(t, s, 4, care.OK, "") // the latest of two
	check(t, s.Verify(context.Background()))
	b.ledger = old
	fails(t, b.snapshot(s), care.Conflict, ReasonOld)
}

// TestSnapshotResumes breaks a push off, restarts, and goes on.
func TestSnapshotResumes(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	const directives = 2*checkpointEvery + 5000
	for i := range directives {
		b.admit(t, said(0, i, care.Dissent, 2))
	}
	all, err := collect(b.ledger.Directives())
	check(t, err)
	manifest := b.altered(t, 0, func(*feed.Manifest) {})
	s := b.open(t)
	n, err := s.BeginSnapshot(ctx, manifest, 0)
	check(t, err)
	for batch := range slices.Chunk(all[:checkpointEvery+2000], 1000) {
		check(t, n.Add(batch))
	}
	want := Staged{Manifest: feed.ID(manifest), Directives: checkpointEvery}
	if got := s.Status().Staged; got == nil || *got != want {
		t.Fatalf("staged %+v", got)
	}
	s = b.reopen(t, s)
	fails(t, n.Add(all[:1]), care.Conflict, ReasonBusy)
	if got := s.Status().Staged; got == nil || *got != want {
		t.Fatalf("staged %+v after a restart", got)
	}
	_, err = s.BeginSnapshot(ctx, manifest, 7)
	fails(t, err, care.Conflict, ReasonResume)
	if !strings.Contains(err.Error(), "25000") {
		t.Errorf("%v does not say where", err)
	}
	_, err = s.BeginSnapshot(ctx, b.altered(t, 0, func(m *feed.Manifest) { m.Sequence++ }), checkpointEvery)
	fails(t, err, care.Conflict, ReasonResume)

	b.goOn(t, s, manifest, all)
	answers(t, s, directives-1, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, directives, care.OK, "")
	_, err = s.BeginSnapshot(ctx, manifest, checkpointEvery)
	fails(t, err, care.Conflict, ReasonResume)
}

// goOn goes on with a push from its first checkpoint, at the second attempt.
func (b *bench) goOn(t *testing.T, s *Store, manifest []byte, all []care.Directive) {
	t.Helper()
	ctx := context.Background()
	n, err := s.BeginSnapshot(ctx, manifest, checkpointEvery)
	check(t, err)
	over, err := s.BeginSnapshot(ctx, manifest, checkpointEvery) // the first one's connection is dead
	check(t, err)
	fails(t, n.Add(all[:1]), care.Conflict, ReasonBusy)
	for batch := range slices.Chunk(all[checkpointEvery:], 1000) {
		check(t, over.Add(batch))
	}
	check(t, over.Finish(ctx))
	check(t, s.Vouched(b.vouching(s)))
	if got := s.Status(); got.Staged != nil || got.Sets[0].Patients != uint64(len(all)) || got.Doubt != "" {
		t.Errorf("got %+v", got)
	}
}

// TestSnapshotCancelled proves that an end of time while the set is built costs
// nothing that had arrived.
func TestSnapshotCancelled(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	b.next(t)
	b.admit(t, said(0, 1, care.Dissent, 1))
	all, err := collect(b.ledger.Directives())
	check(t, err)
	manifest := b.altered(t, 0, func(*feed.Manifest) {})
	n, err := s.BeginSnapshot(context.Background(), manifest, 0)
	check(t, err)
	check(t, n.Add(all))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := n.Finish(ctx); care.KindOf(err) != care.Cancelled {
		t.Errorf("got %v", err)
	}
	answers(t, s, 1, care.OK, "")
	check(t, b.snapshot(s))
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
}

// TestSignedPushes proves that a site with the region's key takes nothing that
// was not signed with it.
func TestSignedPushes(t *testing.T) {
	b := newBench(t)
	private, public, err := note.GenerateKey(strings.NewReader(strings.Repeat("seed of a test ", 10)), "north")
	check(t, err)
	signer, err := note.NewSigner(private)
	check(t, err)
	b.opts.RegionKeys = []string{public}
	s := b.open(t)
	m, err := b.ledger.Snapshot()
	check(t, err)
	fails(t, pushAll(s, m.Unsigned(), nil), care.Unauthenticated, feed.ReasonSignature)
	signed, err := m.Sign(signer)
	check(t, err)
	check(t, pushAll(s, signed, nil))
	check(t, s.Vouched(b.vouching(s)))
	b.next(t)
	fails(t, b.changes(s, 1), care.Unauthenticated, feed.ReasonSignature)
	answers(t, s, 1, care.OK, "")
}

// TestPushToEffect proves that the very next request knows a change whose method
// has returned.
func TestPushToEffect(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	for i := range 200 {
		before := s.Check(ask(i))
		base := b.ledger.Sequence()
		b.next(t)
		b.admit(t, said(0, i, care.Dissent, 1))
		check(t, b.changes(s, base))
		answers(t, s, i, care.NoPatientConsent, rule.ReasonDissent)
		if before.Refusal != care.OK || s.Committed() == before.Epoch {
			t.Errorf("before: %+v; epoch %d", before, s.Committed())
		}
	}
}

// TestOvertaken proves that a snapshot does not undo what was pushed while it
// arrived.
func TestOvertaken(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	n, err := s.BeginSnapshot(context.Background(), b.altered(t, 0, func(*feed.Manifest) {}), 0)
	check(t, err)
	b.next(t)
	b.admit(t, said(0, 1, care.Dissent, 1))
	check(t, b.changes(s, 1))
	fails(t, n.Finish(context.Background()), care.Conflict, ReasonOld)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
}
