package rule

import (
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// at returns a statement of a moment.
func at(k care.DirectiveKind, effective, recorded int64, scope Target) Statement {
	return Statement{Kind: k, Effective: effective, Recorded: recorded, Scope: scope, By: "x"}
}

func entryOf(t *testing.T, said ...Statement) *Entry {
	t.Helper()
	e := new(Entry)
	for _, s := range said {
		if _, err := e.Admit(s); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// TestOverrules holds up which dates are those of a wrong clock.
func TestOverrules(t *testing.T) {
	const now = 1000
	all, section, other := Target{}, Target{Section: care.Medications}, Target{Section: care.Allergies}
	for name, c := range map[string]struct {
		held Statement
		said Statement
		want bool
	}{
		"of a time to come":        {at(care.ConsentGiven, 1001, 1001, all), at(care.Dissent, 10, 10, all), true},
		"of now":                   {at(care.ConsentGiven, now, now, all), at(care.Dissent, 10, 10, all), false},
		"older":                    {at(care.ConsentGiven, 1001, 1001, all), at(care.Dissent, 1002, 1002, all), false},
		"of the same moment":       {at(care.ConsentGiven, 1001, 1001, all), at(care.Dissent, 1001, 1001, all), false},
		"withholds too":            {at(care.Dissent, 1001, 1001, all), at(care.Dissent, 10, 10, all), false},
		"permits too":              {at(care.ConsentGiven, 1001, 1001, all), at(care.ConsentGiven, 10, 10, all), false},
		"withholds what was said":  {at(care.Dissent, 1001, 1001, all), at(care.ConsentGiven, 10, 10, all), false},
		"another matter":           {at(care.Unrestricted, 1001, 1001, all), at(care.Dissent, 10, 10, all), false},
		"finding":                  {at(care.Unrestricted, 1001, 1001, all), at(care.Restriction, 10, 10, all), true},
		"everything over a part":   {at(care.ConsentGiven, 1001, 1001, all), at(care.Dissent, 10, 10, section), true},
		"a part over everything":   {at(care.ConsentGiven, 1001, 1001, section), at(care.Dissent, 10, 10, all), false},
		"the same part":            {at(care.ConsentGiven, 1001, 1001, section), at(care.Dissent, 10, 10, section), true},
		"another part":             {at(care.ConsentGiven, 1001, 1001, other), at(care.Dissent, 10, 10, section), false},
		"recorded in time to come": {at(care.ConsentGiven, 20, 1001, all), at(care.Dissent, 10, 10, all), false},
	} {
		if got := entryOf(t, c.held).Overrules(&c.said, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestWithholds holds up what is known already.
func TestWithholds(t *testing.T) {
	all, section := Target{}, Target{Section: care.Medications}
	for name, c := range map[string]struct {
		held Statement
		said Statement
		want bool
	}{
		"the same":            {at(care.Dissent, 10, 10, all), at(care.Dissent, 10, 10, all), true},
		"later":               {at(care.Dissent, 11, 11, all), at(care.Dissent, 10, 10, all), true},
		"older":               {at(care.Dissent, 9, 9, all), at(care.Dissent, 10, 10, all), false},
		"a part":              {at(care.Dissent, 11, 11, section), at(care.Dissent, 10, 10, all), false},
		"all":                 {at(care.Dissent, 11, 11, all), at(care.Dissent, 10, 10, section), true},
		"permits":             {at(care.ConsentGiven, 11, 11, all), at(care.Dissent, 10, 10, all), false},
		"restriction instead": {at(care.Restriction, 11, 11, all), at(care.Dissent, 10, 10, all), false},
	} {
		if got := entryOf(t, c.held).Withholds(&c.said); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestLast holds up the latest time of an entry, whatever it is the time of.
func TestLast(t *testing.T) {
	section := Target{Section: care.Medications}
	for want, e := range map[int64]*Entry{
		0:  new(Entry),
		30: entryOf(t, at(care.Dissent, 20, 30, Target{}), at(care.Restriction, 10, 10, Target{})),
		40: entryOf(t, at(care.Dissent, 20, 30, Target{}), at(care.ConsentGiven, 40, 5, section)),
	} {
		if got := e.Last(); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}
