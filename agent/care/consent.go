package care

import "time"

// DirectiveKind is what a patient, or someone responsible, has said about
// sharing the record of one site.
type DirectiveKind uint8

// The kinds of directive.
const (
	Dissent      DirectiveKind = iota + 1 // the record must not be shared
	ConsentGiven                          // it may be shared again; supersedes an earlier dissent
	Restriction                           // the person is sensitive (S-flag): not to be found at all
	Unrestricted                          // the restriction was lifted
)

var directiveCodes = [...]string{Dissent: "DISSENT", ConsentGiven: "CONSENT", Restriction: "RESTRICTION", Unrestricted: "UNRESTRICTED"}

// Valid reports whether k is one of the kinds.
func (k DirectiveKind) Valid() bool { return k >= Dissent && k <= Unrestricted }

// String returns the stable code, such as "DISSENT".
func (k DirectiveKind) String() string {
	if !k.Valid() {
		return "UNKNOWN_DIRECTIVE"
	}
	return directiveCodes[k]
}

// ParseDirectiveKind returns the kind of a stable code.
func ParseDirectiveKind(code string) (DirectiveKind, bool) {
	return parseCode[DirectiveKind](directiveCodes[:], code)
}

// Authority is where a directive comes from. Between authorities the most
// restrictive wins; within one the latest effective statement does.
type Authority uint8

// The authorities.
const (
	Region     Authority = iota + 1 // pushed by the region's broker
	Site                            // set by the site itself: command line or file
	SourceFlag                      // read from the source system
)

var authorityCodes = [...]string{Region: "REGION", Site: "SITE", SourceFlag: "SOURCE"}

// Valid reports whether a is one of the authorities.
func (a Authority) Valid() bool { return a >= Region && a <= SourceFlag }

// String returns the stable code, such as "REGION".
func (a Authority) String() string {
	if !a.Valid() {
		return "UNKNOWN_AUTHORITY"
	}
	return authorityCodes[a]
}

// Directive is one statement about sharing one patient's record.
type Directive struct {
	NHSNumber NHSNumber
	Kind      DirectiveKind
	Scope     Scope // what a Dissent or ConsentGiven is about; zero for everything
	Authority Authority
	Source    string    // for SourceFlag: the source's name in the site's configuration
	Effective time.Time // from when it holds; the latest wins
	Recorded  time.Time // when it was recorded
	By        string    // who recorded it: an account or a file's name
	Code      Coding    // the coded entry it was read from, if it was; without Display
}

// Scope narrows a Dissent or a ConsentGiven to some organisations or to some
// sections, not both. The zero Scope is everything.
type Scope struct {
	Organisations []ODSCode  // whose staff the statement is about
	Sections      SectionSet // the parts of the record it is about
}

// IsZero reports whether the scope is everything.
func (s Scope) IsZero() bool { return len(s.Organisations) == 0 && s.Sections == 0 }

// ConsentAnswer is what the consent store says to one request.
type ConsentAnswer struct {
	Refusal  Kind       // OK, or why nothing may leave
	Reason   string     // true reason for the journal: DISSENT, RESTRICTED, STALE, NEVER_FILLED, ...
	Withheld SectionSet // asked sections that the patient does not want shared, where not all are refused
	Epoch    uint64     // of the store that was asked, as it is on disk
	Version  uint64     // changes whenever the answer might
	Alert    bool       // break-glass was needed: the site's privacy officer is to be told
}
