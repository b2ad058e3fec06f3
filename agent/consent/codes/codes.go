package codes

import (
	"bytes"
	_ "embed" // the shipped list
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The code systems whose codes are checked for their form. Codes of another
// system are compared as they are.
const (
	SNOMED = "http://snomed.info/sct"
	ReadV2 = "http://read.info/readv2"
	CTV3   = "http://read.info/ctv3"
)

// Verdict is what a coded entry means for sharing for the patient's own care.
type Verdict uint8

// The verdicts. The zero value is none of them.
const (
	Dissent    Verdict = iota + 1 // the record must not be shared
	Consent                       // it may be shared again
	ThirdParty                    // a dissent that names somebody in words: counts as Dissent
	Ignored                       // it is about something else
)

var verdictNames = [...]string{Dissent: "dissent", Consent: "consent", ThirdParty: "third-party", Ignored: "ignored"}

// String returns the verdict as a list has it, such as "third-party".
func (v Verdict) String() string {
	if v < Dissent || v > Ignored {
		return "unknown verdict"
	}
	return verdictNames[v]
}

// parseVerdict returns the verdict of a list's text, or zero.
func parseVerdict(text string) Verdict {
	if at := slices.Index(verdictNames[1:], text); at >= 0 {
		return Verdict(at + 1)
	}
	return 0
}

// Row is one code of a list.
type Row struct {
	System  string // URI of the code system
	Code    string // of Read codes five characters, filled up with dots
	Verdict Verdict
	Meaning string // in words; of its own, not a copy of the code system's term
	Source  string // where it was published
}

// List is a list of codes. It is never changed and may be used by many
// goroutines.
type List struct {
	date time.Time
	rows []Row
	byID map[id]Verdict
}

// id is a code in the form in which codes are compared.
type id struct{ system, code string }

//go:embed codes.csv
var shipped []byte

// Shipped returns the list that comes with the agent.
func Shipped() *List { return readShipped() }

var readShipped = sync.OnceValue(func() *List {
	l, err := read(bytes.NewReader(shipped), nil)
	if err != nil {
		// It is part of the program; a test reads it. Without any code every
		// coded entry is unknown and refused.
		return &List{}
	}
	return l
})

// Date returns the day of the list, at midnight UTC.
func (l *List) Date() time.Time { return l.date }

// Rows yields the codes in the order of the list.
func (l *List) Rows() iter.Seq[Row] { return slices.Values(l.rows) }

// Systems returns the code systems of the list, sorted.
func (l *List) Systems() []string {
	systems := make(map[string]bool)
	for i := range l.rows {
		systems[l.rows[i].System] = true
	}
	return slices.Sorted(maps.Keys(systems))
}

// Of returns what a code means, and whether the list has it. Read codes are
// compared by their five characters; see canonical.
func (l *List) Of(c care.Coding) (v Verdict, known bool) {
	code, ok := canonical(c.System, c.Code)
	if !ok {
		return 0, false
	}
	v, known = l.byID[id{c.System, code}]
	return v, known
}

// Apply sets the kind of a directive that was read with a code, and reports
// whether it says anything about sharing; if not, it is to be left out. A
// directive without a code must have a kind, and is left as it is.
//
// A code that the list does not have fails with SourceUnavailable, Reason
// UNKNOWN_CODE, and one whose meaning is not the kind given with it with Reason
// CODE: a source that cannot be understood is not one that says nothing. The
// error quotes no code, for a query that returns the wrong column returns
// somebody's data.
func (l *List) Apply(d *care.Directive) (keep bool, err error) {
	if d.Code == (care.Coding{}) {
		if !d.Kind.Valid() {
			return false, failure(care.SourceUnavailable, "CODE", "a row has neither a code nor a kind")
		}
		return true, nil
	}
	v, known := l.Of(d.Code)
	kind := care.Dissent
	switch {
	case !known:
		return false, failure(care.SourceUnavailable, "UNKNOWN_CODE", "a row "+systemText(d.Code.System)+
			" has a code that is not on the list of consent codes; select the listed codes only, or add it to the site's own list")
	case v == Ignored:
		return false, nil
	case v == Consent:
		kind = care.ConsentGiven
	}
	if d.Kind != 0 && d.Kind != kind {
		return false, failure(care.SourceUnavailable, "CODE", "a row "+systemText(d.Code.System)+" has a kind that is not what its code means")
	}
	d.Kind = kind
	return true, nil
}

// systemText names a code system if it is one of those known here.
func systemText(system string) string {
	switch system {
	case SNOMED, ReadV2, CTV3:
		return "of the code system " + system
	}
	return "of a code system that is not built in"
}

// canonical returns a code in the form in which codes are compared, and whether
// it has the form of its system.
//
// A SNOMED CT identifier is itself. A Read code (version 2 or CTV3) is five
// characters, filled up with dots on the right: systems leave these dots out,
// and some export seven characters, of which the last two are the number of the
// term that was chosen and not part of the code. A code of six characters could
// be read in two ways and is none. Capital and small letters differ.
func canonical(system, code string) (string, bool) {
	switch system {
	case SNOMED:
		return code, care.ValidSNOMED(code)
	case ReadV2, CTV3:
		return canonicalRead(code)
	}
	return code, plain(system, maxSystem) && plain(code, maxCode)
}

// readSize is the length of a Read code without its term.
const readSize = 5

func canonicalRead(code string) (string, bool) {
	if len(code) == readSize+2 {
		if !alphanumeric(code[readSize:]) {
			return "", false
		}
		code = code[:readSize]
	}
	stem := strings.TrimRight(code, ".")
	if len(code) > readSize || stem == "" || !alphanumeric(stem) {
		return "", false
	}
	return stem + "....."[len(stem):], true
}

func alphanumeric(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func failure(kind care.Kind, reason, detail string) error {
	return &care.Error{Kind: kind, Op: "consent/codes", Reason: reason, Detail: detail}
}
