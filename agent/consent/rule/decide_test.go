package rule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func treat() *Ask {
	return &Ask{Organisation: "RWH", Sections: care.AllSections, Purpose: care.Treatment, Permission: care.PermissionAsked}
}

func TestZeroValuesRefuse(t *testing.T) {
	if a := Decide(new(Said), treat(), new(Ages), OptOut); a.Refusal != care.ConsentUnavailable || a.Reason != ReasonNeverFilled {
		t.Errorf("zero ages: %+v", a)
	}
	if a := Decide(new(Said), new(Ask), freshAges(), OptOut); a.Refusal != care.NoPermissionToView {
		t.Errorf("zero ask: %+v", a)
	}
	if a := Decide(new(Said), treat(), freshAges(), 0); a.Refusal != care.NoPermissionToView {
		t.Errorf("zero model: %+v", a)
	}
	ages := freshAges()
	ages.Sets = append(ages.Sets, Set{}, Set{Required: true})
	if a := Decide(new(Said), treat(), ages, OptOut); a.Reason != ReasonSourceNotRead {
		t.Errorf("zero set: %+v", a)
	}
}

// An entry that is none is damage, whoever asks and whatever else was said.
func TestDamagedEntries(t *testing.T) {
	restriction := admit(t, whole(care.Restriction, 1)).Append(nil)
	at := restriction[2:]
	for _, bad := range [][]byte{
		{storedVersion}, {2, 0, 0, 0, 0, 0, 0, 0}, restriction[:5],
		append([]byte{storedVersion, aboutMask}, at...),
		slices.Concat([]byte{storedVersion, aboutSection}, at, []byte{22}),
		slices.Concat([]byte{storedVersion, aboutSection}, at, []byte{33}),
		slices.Concat([]byte{storedVersion, aboutOrganisation}, at, []byte{0}),
		slices.Concat([]byte{storedVersion, aboutOrganisation}, at, []byte{4, 'R', 'W', 'H'}),
		slices.Concat([]byte{storedVersion, flagCode}, at, []byte{4, 1, 'x'}),
		append(slices.Clone(restriction), 0), append(slices.Clone(restriction), 0x80, 0, 0, 0, 0, 0, 0),
	} {
		var said Said
		said.Add(RegionVoice, restriction, Own)
		said.Add(SiteVoice, bad, Own)
		said.Add(2, restriction, Own)
		a := Decide(&said, treat(), freshAges(), OptOut)
		if a != (care.ConsentAnswer{Refusal: care.ConsentUnavailable, Reason: ReasonDamaged}) {
			t.Errorf("%x: %+v", bad, a)
		}
		why := strings.Join(Explain(&said, treat(), freshAges(), OptOut, a), " ")
		if !strings.Contains(why, "This site recorded something that cannot be read.") || !strings.Contains(why, "The region recorded a restriction") {
			t.Errorf("%x: %s", bad, why)
		}
	}
}

func TestSaidReset(t *testing.T) {
	var said Said
	said.Add(RegionVoice, nil, Own)
	if len(said.entries) != 0 {
		t.Error("silence was kept")
	}
	said.Add(RegionVoice, admit(t, whole(care.Dissent, 1)).Append(nil), Own)
	if a := Decide(&said, treat(), freshAges(), OptOut); a.Refusal != care.NoPatientConsent {
		t.Errorf("%+v", a)
	}
	said.Reset()
	if a := Decide(&said, treat(), freshAges(), OptOut); a.Refusal != care.OK {
		t.Errorf("after reset: %+v", a)
	}
	if said.entries[:1][0].entry != nil {
		t.Error("an entry is still held")
	}
}

// An ask that says less meets every dissent.
func TestVagueAsks(t *testing.T) {
	var said Said
	said.Add(RegionVoice, admit(t, forSection(care.Dissent, 1, care.Alerts)).Append(nil), Own)
	ask := treat()
	ask.Sections = 0
	if a := Decide(&said, ask, freshAges(), OptOut); a != (care.ConsentAnswer{Withheld: care.SetOf(care.Alerts)}) {
		t.Errorf("no section named: %+v", a)
	}
	req := &care.Request{Requester: care.Requester{Organisation: "RWH"}, Sections: care.SetOf(care.Alerts), Purpose: care.BreakGlass,
		Permission: care.PermissionNotAsked, Reason: "r", Interaction: care.ReadRecord}
	want := Ask{Organisation: "RWH", Sections: req.Sections, Purpose: care.BreakGlass, Permission: care.PermissionNotAsked, Reason: "r"}
	if got := Asked(req); got != want {
		t.Errorf("got %+v", got)
	}
	req.Interaction, want.Sections = care.ReadDocument, care.SetOf(care.Documents)
	if got := Asked(req); got != want {
		t.Errorf("a document: %+v", got)
	}
}

func TestAge(t *testing.T) {
	ages := freshAges()
	ages.Uptime = time.Hour
	set := &ages.Sets[0]
	for _, c := range []struct {
		asOf  time.Duration // before now
		since time.Duration
		want  time.Duration
	}{
		{time.Minute, time.Hour, time.Minute},
		{time.Minute, time.Hour - 3*time.Minute, 3 * time.Minute},
		{time.Minute, -time.Hour, 2 * time.Hour},
		{-time.Minute, time.Hour, 0},
	} {
		set.AsOf, set.Since = ages.Now.Add(-c.asOf), c.since
		if got := ages.Age(RegionVoice); got != c.want {
			t.Errorf("%v, %v: %v, want %v", c.asOf, c.since, got, c.want)
		}
	}
}

// The edges of age and clock.
func TestDoubtEdges(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Ages)
		want   string
	}{
		{"as old as may be", func(a *Ages) { a.Sets[0].AsOf = a.Now.Add(-time.Hour) }, ""},
		{"older", func(a *Ages) { a.Sets[0].AsOf = a.Now.Add(-time.Hour - 1) }, ReasonStale},
		{"as old as may be by uptime", func(a *Ages) { a.Sets[0].Since = -time.Hour }, ""},
		{"older by uptime", func(a *Ages) { a.Sets[0].Since = -time.Hour - 1 }, ReasonStale},
		{"five minutes ahead", func(a *Ages) { a.Sets[0].AsOf, a.Floor = a.Now.Add(clockTolerance), a.Now.Add(clockTolerance) }, ""},
		{"region further ahead", func(a *Ages) { a.Sets[0].AsOf = a.Now.Add(clockTolerance + 1) }, ReasonClock},
		{"floor further ahead", func(a *Ages) { a.Floor = a.Now.Add(clockTolerance + 1) }, ReasonClock},
		{"source further ahead", func(a *Ages) {
			a.Sets = append(a.Sets, Set{}, Set{Required: true, Filled: true, AsOf: a.Now.Add(clockTolerance + 1), MaxAge: time.Hour})
		}, ReasonClock},
		{"a source that nobody needs", func(a *Ages) {
			a.Sets = append(a.Sets, Set{Filled: true, AsOf: a.Now.Add(time.Hour)}, Set{AsOf: a.Now.AddDate(-1, 0, 0)})
		}, ""},
		{"source older", func(a *Ages) {
			a.Sets = append(a.Sets, Set{}, Set{Required: true, Filled: true, AsOf: a.Now.Add(-2 * time.Hour), MaxAge: time.Hour})
		}, ReasonSourceStale},
		{"failure before lost", func(a *Ages) { a.Failure, a.Lost = ReasonPoisoned, true }, ReasonPoisoned},
		{"lost before never filled", func(a *Ages) { a.Lost, a.Sets = true, nil }, ReasonLost},
		{"clock before all doubts", func(a *Ages) { a.Floor, a.Jumped, a.Vouched = a.Now.Add(time.Hour), true, false }, ReasonClock},
		{"jumped before vouched", func(a *Ages) { a.Jumped, a.Vouched = true, false }, ReasonClockJumped},
		{"vouched before age", func(a *Ages) { a.Vouched, a.Sets[0].AsOf = false, time.Time{} }, ReasonUnvouched},
	} {
		t.Run(c.name, func(t *testing.T) {
			ages := freshAges()
			c.change(ages)
			if got := ages.Doubt(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	st := forStaff(care.Dissent, 3, "RGT")
	st.Effective, st.By = noon(3)-12*3_600_000, "SECRET"
	var said Said
	said.Add(RegionVoice, admit(t, st).Append(nil), Own)
	said.Add(2, admit(t, whole(care.Unrestricted, 4)).Append(nil), noon(1))
	said.Add(3, admit(t, forSection(care.ConsentGiven, 5, care.Alerts)).Append(nil), Own)
	said.Add(4, admit(t, whole(care.Restriction, 2)).Append(nil), Own)
	said.Add(4, admit(t, whole(care.Unrestricted, 6)).Append(nil), noon(3))
	end := whole(care.ConsentGiven, 7)
	end.Effective += 12*3_600_000 - 1
	said.Add(SiteVoice, admit(t, end).Append(nil), Own)
	ages := freshAges()
	ages.Sets = append(ages.Sets, Set{}, Set{Name: "emis"}, Set{})
	got := Explain(&said, treat(), ages, OptOut, Decide(&said, treat(), ages, OptOut))
	want := []string{
		"The record may be shared: nothing that was said stands against it.",
		"The region recorded a dissent to sharing the record with staff of RGT, effective on 3 March 2026; this request is not about that.",
		"The record system emis recorded that a restriction was lifted, effective on 4 March 2026 at 12:00 UTC, under another NHS number of the same person, linked on 1 March 2026 at 12:00 UTC.",
		"A record system recorded consent to sharing the section Alerts, effective on 5 March 2026 at 12:00 UTC.",
		"A record system recorded a restriction (the patient is not to be found), effective on 2 March 2026 at 12:00 UTC; a later statement under another of the person's numbers lifts it.",
		"A record system recorded that a restriction was lifted, effective on 6 March 2026 at 12:00 UTC, under another NHS number of the same person, linked on 3 March 2026 at 12:00 UTC.",
		"This site recorded consent to sharing the whole record, effective on 7 March 2026.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every reason is explained in words of its own.
func TestExplainReasons(t *testing.T) {
	texts := make(map[string]string)
	ages := freshAges()
	ages.Sets = append(ages.Sets, Set{}, Set{Name: "emis", Required: true}, Set{Name: "tpp", Required: true, Filled: true, AsOf: ages.Now.Add(-time.Hour - time.Minute), MaxAge: time.Hour})
	for _, reason := range []string{ReasonDamaged, ReasonPoisoned, ReasonClosed, ReasonLost, ReasonNeverFilled, ReasonClock, ReasonClockJumped,
		ReasonUnvouched, ReasonSourceNotRead, ReasonRestricted, ReasonDissent, ReasonDissentOrganisation, ReasonDissentSections, ReasonNoPermission, ReasonNoReason} {
		text := Explain(new(Said), treat(), ages, OptOut, refuse(care.ConsentUnavailable, reason))[0]
		if texts[text] != "" || strings.Contains(text, reason) || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %s", reason, text)
		}
		texts[text] = reason
	}
	want := "Nothing is released while an objection could go unheard: the record system emis was never read; " +
		"the record system tpp was last heard on 20 March 2026 at 10:59 UTC, longer ago than 1h0m0s."
	if texts[want] != ReasonSourceNotRead {
		t.Errorf("%+v", texts)
	}
}

// One dissent of the region, one consent of a source: as much as is usual.
func benchmarkSaid(tb testing.TB) (*Said, func()) {
	region := admit(tb, forStaff(care.Dissent, 1, "RGT")).Append(nil)
	source := admit(tb, whole(care.ConsentGiven, 2)).Append(nil)
	said := new(Said)
	return said, func() {
		said.Reset()
		said.Add(RegionVoice, region, Own)
		said.Add(2, source, Own)
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	said, fill := benchmarkSaid(t)
	ask, ages := treat(), freshAges()
	fill()
	if n := testing.AllocsPerRun(100, func() {
		fill()
		if Decide(said, ask, ages, OptOut).Refusal != care.OK {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	ask, ages := treat(), freshAges()
	source := ages.Sets[0]
	source.Required = true
	ages.Sets = append(ages.Sets, Set{}, source)
	b.Run("silence", func(b *testing.B) {
		b.ReportAllocs()
		said := new(Said)
		for b.Loop() {
			said.Reset()
			Decide(said, ask, ages, OptOut)
		}
	})
	b.Run("statements", func(b *testing.B) {
		b.ReportAllocs()
		said, fill := benchmarkSaid(b)
		for b.Loop() {
			fill()
			Decide(said, ask, ages, OptOut)
		}
	})
}
