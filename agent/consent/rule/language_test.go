package rule_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/codes"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// start is the moment at which every test asks.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// group is some decisions under a heading.
type group struct {
	title string
	cases []decision
}

// decision is one case in words; what is left out is the usual.
type decision struct {
	name   string
	model  string // opt-out, asks, none
	said   string // statements, separated by semicolons
	known  string // how far what is known can be relied on
	asks   string // purpose, outcome of asking, organisation, sections
	answer string
}

// usual fills in what a case leaves out.
func (d decision) usual() decision {
	for field, value := range map[*string]string{&d.model: "opt-out", &d.said: "nothing", &d.known: "fresh", &d.asks: "care, asked"} {
		if *field == "" {
			*field = value
		}
	}
	return d
}

// parsed is a decision as Decide takes it.
type parsed struct {
	model rule.Model
	said  rule.Said
	ages  rule.Ages
	ask   rule.Ask
}

func parseCase(t *testing.T, d decision) *parsed {
	t.Helper()
	return &parsed{model: pick(t, models, d.model), said: parseSaid(t, d.said), ages: parseKnown(t, d.known), ask: parseAsk(t, d.asks)}
}

func pick[T any](t *testing.T, from map[string]T, word string) T {
	t.Helper()
	v, ok := from[word]
	if !ok {
		t.Fatalf("%q is not a word of the table", word)
	}
	return v
}

var (
	models   = map[string]rule.Model{"opt-out": rule.OptOut, "asks": rule.AskPermission, "none": 0}
	voices   = map[string]rule.Voice{"region": rule.RegionVoice, "site": rule.SiteVoice, "emis": 2}
	speakers = map[string]care.Authority{"region": care.Region, "site": care.Site, "emis": care.SourceFlag}
	systems  = map[string]string{"SNOMED CT": codes.SNOMED, "Read v2": codes.ReadV2, "CTV3": codes.CTV3}
	kinds    = map[string]care.DirectiveKind{"dissent": care.Dissent, "consent": care.ConsentGiven,
		"restriction": care.Restriction, "unrestricted": care.Unrestricted}
	purposes = map[string]care.Purpose{"care": care.Treatment, "emergency care": care.EmergencyTreatment,
		"break-glass": care.BreakGlass, "break-glass without a reason": care.BreakGlass, "no purpose known here": 0}
	permissions = map[string]care.Permission{"asked": care.PermissionAsked, "patient absent": care.PermissionAbsent,
		"could not be asked": care.PermissionEmergency, "nobody asked": care.PermissionNotAsked, "nothing stated": 0}
)

const dateForm = `(\d+ [A-Z][a-z]+ \d{4})`

var statementForm = regexp.MustCompile(`^(region|site|emis)(?:, other number linked ` + dateForm + `)?: ` +
	`(?:code (\S+) of (SNOMED CT|Read v2|CTV3)|(dissent|consent|restriction|unrestricted)(?: for (staff of|section) (\S+))?)` +
	` on ` + dateForm + `(?:, recorded ` + dateForm + `)?$`)

// place is where an entry is kept.
type place struct {
	voice rule.Voice
	link  int64
}

// parseSaid reads what was said as a store would: through the code list, through
// Explode, into one entry for each voice and number.
func parseSaid(t *testing.T, text string) rule.Said {
	t.Helper()
	var said rule.Said
	if strings.HasPrefix(text, "nothing") {
		return said
	}
	entries := make(map[place]*rule.Entry)
	var order []place
	for part := range strings.SplitSeq(text, "; ") {
		at, d := parseStatement(t, part)
		keep, err := codes.Shipped().Apply(&d)
		if err != nil {
			t.Fatal(err)
		}
		if !keep {
			continue
		}
		if entries[at] == nil {
			entries[at], order = new(rule.Entry), append(order, at)
		}
		all, err := rule.Explode(&d, start)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		if _, err := entries[at].Admit(all[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range order {
		said.Add(at.voice, entries[at].Append(nil), at.link)
	}
	return said
}

// parseStatement reads one statement and where it is kept.
func parseStatement(t *testing.T, part string) (place, care.Directive) {
	t.Helper()
	f := statementForm.FindStringSubmatch(part)
	if f == nil {
		t.Fatalf("%q is not a statement", part)
	}
	at := place{voices[f[1]], rule.Own}
	if f[2] != "" {
		at.link = date(t, f[2]).UnixMilli()
	}
	return at, directiveOf(t, f)
}

// directiveOf returns the directive of a statement's parts.
func directiveOf(t *testing.T, f []string) care.Directive {
	t.Helper()
	number, err := care.ParseNHSNumber("9990000042")
	if err != nil {
		t.Fatal(err)
	}
	d := care.Directive{NHSNumber: number, Authority: speakers[f[1]], Kind: kinds[f[5]], By: "table", Effective: date(t, f[8])}
	if f[3] != "" {
		d.Code = care.Coding{System: systems[f[4]], Code: f[3]}
	}
	if f[9] != "" {
		d.Recorded = date(t, f[9])
	}
	switch f[6] {
	case "staff of":
		d.Scope.Organisations = []care.ODSCode{care.ODSCode(f[7])}
	case "section":
		d.Scope.Sections = care.SetOf(section(t, f[7]))
	}
	return d
}

func date(t *testing.T, text string) time.Time {
	t.Helper()
	day, err := time.Parse("2 January 2006", text)
	if err != nil {
		t.Fatal(err)
	}
	return day
}

func section(t *testing.T, name string) care.Section {
	t.Helper()
	s, ok := care.ParseSection(name)
	if !ok {
		t.Fatalf("%q is not a section", name)
	}
	return s
}

// parseAsk reads who asks: "purpose, outcome of asking[, by ORG][, wants A B]".
func parseAsk(t *testing.T, text string) rule.Ask {
	t.Helper()
	parts := strings.Split(text, ", ")
	ask := rule.Ask{Purpose: pick(t, purposes, parts[0]), Permission: pick(t, permissions, parts[1]),
		Organisation: "RWH", Sections: care.AllSections, Reason: "unconscious"}
	if strings.HasSuffix(parts[0], "without a reason") {
		ask.Reason = " \t\n"
	}
	for _, part := range parts[2:] {
		if organisation, ok := strings.CutPrefix(part, "by "); ok {
			ask.Organisation = care.ODSCode(strings.TrimPrefix(organisation, "nobody"))
			continue
		}
		ask.Sections = 0
		for name := range strings.FieldsSeq(strings.TrimPrefix(part, "wants ")) {
			ask.Sections = ask.Sections.With(section(t, name))
		}
	}
	return ask
}

// fresh returns ages at which everything can be relied on.
func fresh() rule.Ages {
	ago := start.Add(-time.Hour)
	set := rule.Set{Required: true, Filled: true, AsOf: ago, Since: 6 * time.Hour, MaxAge: 24 * time.Hour}
	region, emis := set, set
	emis.Name = "emis"
	return rule.Ages{Vouched: true, Now: start, Uptime: 7 * time.Hour, Floor: ago, Sets: []rule.Set{region, {}, emis}}
}

var known = map[string]func(*rule.Ages){
	"fresh":                     func(*rule.Ages) {},
	"never filled":              func(a *rule.Ages) { a.Sets[0].Filled = false },
	"damaged":                   func(a *rule.Ages) { a.Failure = rule.ReasonDamaged },
	"poisoned":                  func(a *rule.Ages) { a.Failure = rule.ReasonPoisoned },
	"closed":                    func(a *rule.Ages) { a.Failure = rule.ReasonClosed },
	"lost":                      func(a *rule.Ages) { a.Lost = true },
	"region heard 24 hours ago": func(a *rule.Ages) { a.Sets[0].AsOf = start.Add(-24 * time.Hour) },
	"region heard 25 hours ago": func(a *rule.Ages) { a.Sets[0].AsOf = start.Add(-25 * time.Hour) },
	"region heard 25 hours ago by the clock that cannot be set": func(a *rule.Ages) { a.Sets[0].Since = a.Uptime - 25*time.Hour },
	"emis never read":         func(a *rule.Ages) { a.Sets[2].Filled, a.Sets[2].AsOf = false, time.Time{} },
	"emis read 25 hours ago":  func(a *rule.Ages) { a.Sets[2].AsOf = start.Add(-25 * time.Hour) },
	"region has not vouched":  func(a *rule.Ages) { a.Vouched = false },
	"clock behind the store":  func(a *rule.Ages) { a.Floor = start.Add(5*time.Minute + 1) },
	"clock behind the region": func(a *rule.Ages) { a.Sets[0].AsOf = start.Add(5*time.Minute + 1) },
	"clock was set":           func(a *rule.Ages) { a.Jumped = true },
}

func parseKnown(t *testing.T, text string) rule.Ages {
	t.Helper()
	ages := fresh()
	pick(t, known, text)(&ages)
	return ages
}

// words returns an answer as the table has it.
func words(a care.ConsentAnswer) string {
	text := "shared"
	switch {
	case a.Refusal != care.OK:
		text = a.Refusal.String() + " (" + a.Reason + ")"
	case a.Withheld != 0:
		text += " without " + a.Withheld.String()
	}
	if a.Alert {
		text += ", alerted"
	}
	return text
}

// Every word of the table's language for how far one can rely on what is known
// is used by it.
func TestTableUsesItsLanguage(t *testing.T) {
	for word := range known {
		used := slices.ContainsFunc(decisions, func(g group) bool {
			return slices.ContainsFunc(g.cases, func(d decision) bool { return d.usual().known == word })
		})
		if !used {
			t.Errorf("no case is about %q", word)
		}
	}
}
