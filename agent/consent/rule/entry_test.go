package rule

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"pgregory.net/rapid"
)

// noon is noon of a day of March 2026, in milliseconds.
func noon(day int64) int64 { return 1_772_366_400_000 + (day-1)*86_400_000 }

// whole returns a statement about everything, recorded when it is effective.
func whole(kind care.DirectiveKind, day int64) Statement {
	return Statement{Kind: kind, Effective: noon(day), Recorded: noon(day)}
}

func forSection(kind care.DirectiveKind, day int64, s care.Section) Statement {
	st := whole(kind, day)
	st.Scope.Section = s
	return st
}

func forStaff(kind care.DirectiveKind, day int64, o care.ODSCode) Statement {
	st := whole(kind, day)
	st.Scope.Organisation = o
	return st
}

// admit returns the entry of some statements.
func admit(t testing.TB, all ...Statement) *Entry {
	t.Helper()
	e := new(Entry)
	for _, s := range all {
		if _, err := e.Admit(s); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func TestAdmit(t *testing.T) {
	recorded := func(s Statement, day int64) Statement { s.Recorded = noon(day); return s }
	by := func(s Statement, who string) Statement { s.By = who; return s }
	for _, c := range []struct {
		name  string
		said  []Statement
		holds []Statement // in order
	}{
		{"a later one", []Statement{whole(care.Dissent, 1), whole(care.ConsentGiven, 2)}, []Statement{whole(care.ConsentGiven, 2)}},
		{"an older one", []Statement{whole(care.ConsentGiven, 2), whole(care.Dissent, 1)}, []Statement{whole(care.ConsentGiven, 2)}},
		{"recorded later", []Statement{recorded(whole(care.Dissent, 1), 2), recorded(whole(care.ConsentGiven, 1), 3)}, []Statement{recorded(whole(care.ConsentGiven, 1), 3)}},
		{"a tie", []Statement{whole(care.Unrestricted, 1), whole(care.Restriction, 1)}, []Statement{whole(care.Restriction, 1)}},
		{"texts decide between equals", []Statement{by(whole(care.Dissent, 1), "b"), by(whole(care.Dissent, 1), "a")}, []Statement{by(whole(care.Dissent, 1), "b")}},
		{"two matters", []Statement{whole(care.Dissent, 1), whole(care.Unrestricted, 2)}, []Statement{whole(care.Unrestricted, 2), whole(care.Dissent, 1)}},
		{"everything covers what is older", []Statement{forSection(care.Dissent, 1, care.Alerts), forStaff(care.Dissent, 3, "RWH"), whole(care.ConsentGiven, 2)},
			[]Statement{whole(care.ConsentGiven, 2), forStaff(care.Dissent, 3, "RWH")}},
		{"what is older is covered", []Statement{whole(care.Dissent, 2), forStaff(care.ConsentGiven, 1, "RWH"), forStaff(care.ConsentGiven, 3, "RGT")},
			[]Statement{whole(care.Dissent, 2), forStaff(care.ConsentGiven, 3, "RGT")}},
		{"a tie with everything", []Statement{whole(care.ConsentGiven, 1), forStaff(care.Dissent, 1, "RWH"), forStaff(care.ConsentGiven, 1, "RGT")},
			[]Statement{whole(care.ConsentGiven, 1), forStaff(care.Dissent, 1, "RWH")}},
		{"findability covers nothing", []Statement{forStaff(care.Dissent, 1, "RWH"), whole(care.Unrestricted, 2)},
			[]Statement{whole(care.Unrestricted, 2), forStaff(care.Dissent, 1, "RWH")}},
		{"order", []Statement{forStaff(care.Dissent, 2, "RWH"), forStaff(care.Dissent, 2, "RGT"), forSection(care.Dissent, 2, care.Alerts),
			whole(care.ConsentGiven, 1), whole(care.Restriction, 1), forSection(care.Dissent, 2, care.Demographics)},
			[]Statement{whole(care.Restriction, 1), whole(care.ConsentGiven, 1), forSection(care.Dissent, 2, care.Demographics),
				forSection(care.Dissent, 2, care.Alerts), forStaff(care.Dissent, 2, "RGT"), forStaff(care.Dissent, 2, "RWH")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := admit(t, c.said...).Statements(); !slices.Equal(got, c.holds) {
				t.Errorf("got %+v\nwant %+v", got, c.holds)
			}
		})
	}
}

// What is as long as may be is kept, but not what people call a code; and of two
// that differ in a text only, the same one is in force in either order.
func TestAdmitTexts(t *testing.T) {
	s := whole(care.Dissent, 1)
	s.By = strings.Repeat("b", MaxBy)
	s.Code = care.Coding{System: strings.Repeat("s", MaxSystem), Code: strings.Repeat("c", MaxCode)}
	want := s
	s.Code.Display = "text"
	e := admit(t, s)
	if back, err := Parse(e.Append(nil)); err != nil || e.said[0] != want || back.said[0] != want {
		t.Errorf("%+v, %+v, %v", e.said, back.said, err)
	}
	for _, change := range []func(*Statement){
		func(s *Statement) { s.By = "c" },
		func(s *Statement) { s.Code.System = "t" },
		func(s *Statement) { s.Code.Code = "d" },
	} {
		other := want
		change(&other)
		if one, two := admit(t, want, other), admit(t, other, want); !slices.Equal(one.said, []Statement{other}) || !slices.Equal(two.said, one.said) {
			t.Errorf("%+v, %+v", one.said, two.said)
		}
	}
}

func TestAdmitRefuses(t *testing.T) {
	good := whole(care.Dissent, 1)
	for name, c := range map[string]struct {
		change func(*Statement)
		reason string
	}{
		"no kind":                {func(s *Statement) { s.Kind = 0 }, "KIND"},
		"kind unknown":           {func(s *Statement) { s.Kind = care.Unrestricted + 1 }, "KIND"},
		"section and staff":      {func(s *Statement) { s.Scope = Target{"RWH", care.Alerts} }, "SCOPE"},
		"no section":             {func(s *Statement) { s.Scope.Section = care.AboutMe + 1 }, "SCOPE"},
		"no ODS code":            {func(s *Statement) { s.Scope.Organisation = "rwh" }, "SCOPE"},
		"restriction of section": {func(s *Statement) { s.Kind, s.Scope.Section = care.Restriction, care.Alerts }, "SCOPE"},
		"lifting for staff":      {func(s *Statement) { s.Kind, s.Scope.Organisation = care.Unrestricted, "RWH" }, "SCOPE"},
		"effective too early":    {func(s *Statement) { s.Effective = firstTime - 1 }, "EFFECTIVE"},
		"effective too late":     {func(s *Statement) { s.Effective = endTime }, "EFFECTIVE"},
		"recorded too early":     {func(s *Statement) { s.Recorded = firstTime - 1 }, "RECORDED"},
		"recorded too late":      {func(s *Statement) { s.Recorded = endTime }, "RECORDED"},
		"by too long":            {func(s *Statement) { s.By = strings.Repeat("x", MaxBy+1) }, "BY"},
		"by with a tab":          {func(s *Statement) { s.By = "a\tb" }, "BY"},
		"by with a delete":       {func(s *Statement) { s.By = "a\x7f" }, "BY"},
		"by not UTF-8":           {func(s *Statement) { s.By = "\xff" }, "BY"},
		"code without system":    {func(s *Statement) { s.Code.Code = "93C1." }, "CODE"},
		"system without code":    {func(s *Statement) { s.Code.System = systems[2] }, "CODE"},
		"code too long":          {func(s *Statement) { s.Code = care.Coding{System: "x", Code: strings.Repeat("x", MaxCode+1)} }, "CODE"},
		"system too long":        {func(s *Statement) { s.Code = care.Coding{System: strings.Repeat("x", MaxSystem+1), Code: "x"} }, "CODE"},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			c.change(&s)
			var e Entry
			changed, err := e.Admit(s)
			if changed || care.KindOf(err) != care.BadRequest || care.ReasonOf(err) != c.reason || len(e.said) > 0 {
				t.Errorf("changed %v, %v", changed, err)
			}
		})
	}
}

// The limit leaves room for what is about everything, whatever is there.
func TestAdmitLimit(t *testing.T) {
	e := new(Entry)
	for i := range maxScoped {
		if changed, err := e.Admit(forStaff(care.Dissent, 5, care.ODSCode(fmt.Sprintf("X%03d", i)))); err != nil || !changed {
			t.Fatal(i, changed, err)
		}
	}
	one := forStaff(care.Dissent, 5, "RWH")
	if changed, err := e.Admit(one); changed || care.KindOf(err) != care.LimitExceeded || care.ReasonOf(err) != "STATEMENTS" {
		t.Errorf("one too many: %v, %v", changed, err)
	}
	if changed, err := e.Admit(forStaff(care.ConsentGiven, 6, "X000")); err != nil || !changed {
		t.Errorf("in place of another: %v, %v", changed, err)
	}
	for _, s := range []Statement{whole(care.Dissent, 4), whole(care.Restriction, 4)} {
		if changed, err := e.Admit(s); err != nil || !changed {
			t.Errorf("%v: %v, %v", s.Kind, changed, err)
		}
	}
	if len(e.said) != MaxStatements {
		t.Errorf("%d statements", len(e.said))
	}
	if back, err := Parse(e.Append(nil)); err != nil || !slices.Equal(back.said, e.said) {
		t.Errorf("a full entry: %v", err)
	}
	if _, err := e.Admit(whole(care.ConsentGiven, 7)); err != nil || len(e.said) != 2 {
		t.Errorf("%d statements beside a consent to everything, %v", len(e.said), err)
	}
}

// drawStatement draws one of few statements, so that they often meet.
func drawStatement(t *rapid.T) Statement {
	s := Statement{Kind: care.DirectiveKind(rapid.IntRange(1, 4).Draw(t, "kind")), By: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "by")}
	s.Effective = noon(rapid.Int64Range(1, 5).Draw(t, "effective"))
	s.Recorded = noon(rapid.Int64Range(1, 5).Draw(t, "recorded"))
	if s.Kind == care.Dissent || s.Kind == care.ConsentGiven {
		s.Scope = rapid.SampledFrom([]Target{{}, {}, {Section: care.Alerts}, {Section: care.Documents}, {Organisation: "RWH"}, {Organisation: "RGT"}}).Draw(t, "scope")
	}
	if rapid.Bool().Draw(t, "coded") {
		s.Code = care.Coding{System: rapid.SampledFrom([]string{systems[1], systems[3], "urn:x"}).Draw(t, "system"), Code: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "code")}
	}
	return s
}

func drawStatements(t *rapid.T, label string) []Statement {
	return rapid.SliceOfN(rapid.Custom(drawStatement), 0, 8).Draw(t, label)
}

// Any order of the same statements, some of them repeated, gives the same entry
// and the same bytes, and nothing changes it that it has.
func TestAdmitOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		all := drawStatements(r, "said")
		shuffled := rapid.Permutation(slices.Concat(all, all[:len(all)/2])).Draw(r, "shuffled")
		one, other := admit(t, all...), admit(t, shuffled...)
		if !slices.Equal(one.said, other.said) {
			r.Fatalf("%+v\nis not\n%+v", one.said, other.said)
		}
		for _, s := range all {
			if changed, err := one.Admit(s); changed || err != nil {
				r.Fatalf("%+v changed it: %v", s, err)
			}
		}
		if len(all) == 0 {
			return
		}
		stored := one.Append(nil)
		if back, err := Parse(stored); err != nil || !slices.Equal(back.said, one.said) {
			r.Fatalf("%x: %v", stored, err)
		}
	})
}

// TestMain runs the property tests more often than package rapid does by itself,
// unless -rapid.checks says how often.
func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("3000"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
