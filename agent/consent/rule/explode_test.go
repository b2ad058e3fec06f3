package rule

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func testNumber(t testing.TB) care.NHSNumber {
	n, err := care.ParseNHSNumber("9990000042")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// saidAtSite returns a directive of the site of 1 March 2026.
func saidAtSite(t testing.TB) care.Directive {
	return care.Directive{NHSNumber: testNumber(t), Kind: care.Dissent, Authority: care.Site, By: "reception", Effective: time.UnixMilli(noon(1))}
}

// now is when directives are exploded.
var now = time.UnixMilli(noon(10))

// st returns the statement of saidAtSite but for a change.
func st(change func(*Statement)) []Statement {
	s := Statement{Kind: care.Dissent, Effective: noon(1), Recorded: noon(1), By: "reception"}
	change(&s)
	return []Statement{s}
}

func scoped(targets ...Target) (all []Statement) {
	for _, target := range targets {
		all = append(all, st(func(s *Statement) { s.Scope = target })...)
	}
	return all
}

var exploded = []struct {
	name   string
	change func(*care.Directive)
	want   []Statement
}{
	{"everything", func(*care.Directive) {}, st(func(*Statement) {})},
	{"recorded", func(d *care.Directive) { d.Recorded = time.UnixMilli(noon(2)) }, st(func(s *Statement) { s.Recorded = noon(2) })},
	{"recorded in the future", func(d *care.Directive) { d.Recorded = now.Add(time.Hour) }, st(func(s *Statement) { s.Recorded = noon(10) })},
	{"cut to milliseconds", func(d *care.Directive) { d.Effective = d.Effective.Add(999_999) }, st(func(*Statement) {})},
	{"another zone", func(d *care.Directive) { d.Effective = d.Effective.In(time.FixedZone("", 3600)) }, st(func(*Statement) {})},
	{"organisations in their order", func(d *care.Directive) { d.Scope.Organisations = []care.ODSCode{"RWH", "RGT"} },
		scoped(Target{Organisation: "RWH"}, Target{Organisation: "RGT"})},
	{"sections by number", func(d *care.Directive) { d.Scope.Sections = care.SetOf(care.Documents, care.Alerts) },
		scoped(Target{Section: care.Alerts}, Target{Section: care.Documents})},
	{"a dissent of tomorrow", func(d *care.Directive) { d.Effective = now.Add(24 * time.Hour) }, st(func(s *Statement) { s.Effective, s.Recorded = noon(10), noon(10) })},
	{"a consent of a moment ahead", func(d *care.Directive) { d.Kind, d.Effective = care.ConsentGiven, now.Add(5*time.Minute) },
		st(func(s *Statement) { s.Kind, s.Effective, s.Recorded = care.ConsentGiven, noon(10), noon(10) })},
	{"a source keeps its date", func(d *care.Directive) {
		d.Authority, d.By, d.Effective, d.Recorded = care.SourceFlag, "", now.Add(24*time.Hour), now.Add(48*time.Hour)
	}, st(func(s *Statement) { s.By, s.Effective, s.Recorded = "", noon(11), noon(12) })},
	{"the region need not say who", func(d *care.Directive) { d.Authority, d.By = care.Region, "" }, st(func(s *Statement) { s.By = "" })},
	{"a code without its text", func(d *care.Directive) {
		d.Code = care.Coding{System: systems[2], Code: "93C1.", Display: "text"}
	}, st(func(s *Statement) { s.Code = care.Coding{System: systems[2], Code: "93C1."} })},
	{"the first moment", func(d *care.Directive) { d.Effective = time.UnixMilli(firstTime) }, st(func(s *Statement) { s.Effective, s.Recorded = firstTime, firstTime })},
}

func TestExplode(t *testing.T) {
	for _, c := range exploded {
		t.Run(c.name, func(t *testing.T) {
			d := saidAtSite(t)
			c.change(&d)
			got, err := Explode(&d, now)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
			again, err := Explode(&d, now)
			if err != nil || !slices.Equal(got, again) {
				t.Errorf("a second time %+v, %v", again, err)
			}
		})
	}
}

// manyOrganisations are one too many.
func manyOrganisations() (many []care.ODSCode) {
	for i := range MaxOrganisations + 1 {
		many = append(many, care.ODSCode(fmt.Sprintf("X%03d", i)))
	}
	return many
}

var notExploded = map[string]struct {
	change func(*care.Directive)
	reason string
}{
	"no number":         {func(d *care.Directive) { d.NHSNumber = care.NHSNumber{} }, ""},
	"no kind":           {func(d *care.Directive) { d.Kind = 0 }, "KIND"},
	"authority unknown": {func(d *care.Directive) { d.Authority = care.SourceFlag + 1 }, "AUTHORITY"},
	"two scopes": {func(d *care.Directive) {
		d.Scope = care.Scope{Organisations: []care.ODSCode{"RWH"}, Sections: care.AllSections}
	}, "SCOPE"},
	"an organisation twice":  {func(d *care.Directive) { d.Scope.Organisations = []care.ODSCode{"RWH", "RGT", "RWH"} }, "SCOPE"},
	"no organisation":        {func(d *care.Directive) { d.Scope.Organisations = []care.ODSCode{"RWH", ""} }, "SCOPE"},
	"a bad organisation":     {func(d *care.Directive) { d.Scope.Organisations = []care.ODSCode{"RWH", "rgt"} }, "SCOPE"},
	"too many organisations": {func(d *care.Directive) { d.Scope.Organisations = manyOrganisations() }, "SCOPE"},
	"unknown section":        {func(d *care.Directive) { d.Scope.Sections = care.AllSections + 2<<care.AboutMe }, "SCOPE"},
	"section 0":              {func(d *care.Directive) { d.Scope.Sections = 1 }, "SCOPE"},
	"restricted section":     {func(d *care.Directive) { d.Kind, d.Scope.Sections = care.Restriction, care.SetOf(care.Alerts) }, "SCOPE"},
	"no date":                {func(d *care.Directive) { d.Effective = time.Time{} }, "EFFECTIVE"},
	"1899":                   {func(d *care.Directive) { d.Effective = time.UnixMilli(firstTime - 1) }, "EFFECTIVE"},
	"2201":                   {func(d *care.Directive) { d.Effective = time.UnixMilli(endTime) }, "EFFECTIVE"},
	"beyond all calendars":   {func(d *care.Directive) { d.Effective = time.Unix(1<<62, 0) }, "EFFECTIVE"},
	"recorded 1899":          {func(d *care.Directive) { d.Recorded = time.UnixMilli(firstTime - 1) }, "RECORDED"},
	"recorded 2201":          {func(d *care.Directive) { d.Recorded = time.UnixMilli(endTime) }, "RECORDED"},
	"consent of tomorrow":    {func(d *care.Directive) { d.Kind, d.Effective = care.ConsentGiven, now.Add(5*time.Minute+1) }, "FUTURE_DATED"},
	"lifting of tomorrow":    {func(d *care.Directive) { d.Kind, d.Effective = care.Unrestricted, now.Add(time.Hour) }, "FUTURE_DATED"},
	"a source's, of tomorrow": {func(d *care.Directive) {
		d.Authority, d.Kind, d.Effective = care.SourceFlag, care.ConsentGiven, now.Add(time.Hour)
	}, "FUTURE_DATED"},
	"nobody":                {func(d *care.Directive) { d.By = "" }, "BY"},
	"nobody of nobody's":    {func(d *care.Directive) { d.Authority, d.By = 0, "" }, "BY"},
	"a line break":          {func(d *care.Directive) { d.By = "a\nb" }, "BY"},
	"a code without system": {func(d *care.Directive) { d.Code.Code = "93C1." }, "CODE"},
}

func TestExplodeRefuses(t *testing.T) {
	for name, c := range notExploded {
		t.Run(name, func(t *testing.T) {
			d := saidAtSite(t)
			c.change(&d)
			all, err := Explode(&d, now)
			kind := care.BadRequest
			if c.reason == "" {
				kind = care.InvalidNHSNumber
			}
			if all != nil || care.KindOf(err) != kind || care.ReasonOf(err) != c.reason {
				t.Errorf("got %+v, %v", all, err)
			}
		})
	}
}

// What a statement was made of comes back from it.
func TestDirective(t *testing.T) {
	n := testNumber(t)
	d := care.Directive{NHSNumber: n, Kind: care.ConsentGiven, Authority: care.SourceFlag, Source: "emis", By: "Dr Who",
		Effective: time.UnixMilli(noon(1)).UTC(), Recorded: time.UnixMilli(noon(2)).UTC(), Code: care.Coding{System: systems[2], Code: "93C0."}}
	for name, scope := range map[string]care.Scope{
		"everything": {}, "staff": {Organisations: []care.ODSCode{"RWH"}}, "section": {Sections: care.SetOf(care.Alerts)},
	} {
		d.Scope = scope
		all, err := Explode(&d, time.UnixMilli(noon(3)))
		if err != nil || len(all) != 1 {
			t.Fatal(name, all, err)
		}
		got := all[0].Directive(n, care.SourceFlag, "emis")
		if !slices.Equal(got.Scope.Organisations, scope.Organisations) || got.Scope.Sections != scope.Sections {
			t.Errorf("%s: scope %+v", name, got.Scope)
		}
		if got.NHSNumber != n || got.Kind != d.Kind || got.Authority != d.Authority || got.Source != "emis" || got.By != d.By ||
			got.Effective != d.Effective || got.Recorded != d.Recorded || got.Code != d.Code {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
