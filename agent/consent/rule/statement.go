package rule

import (
	"cmp"
	"time"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Limits of what is kept with a statement, in bytes.
const (
	MaxBy     = 64  // of the account or file that recorded it
	MaxSystem = 128 // of the URI of a code system
	MaxCode   = 32  // of a code
)

// The times that a statement may be of, in milliseconds since 1970 UTC: from
// 1900 to the end of 2200. Six bytes hold them.
const (
	firstTime = -2_208_988_800_000
	endTime   = 7_289_654_400_000 // not included
)

// Statement is one thing that one authority says about one patient: about whom
// and by whom stands beside it.
type Statement struct {
	Kind      care.DirectiveKind
	Scope     Target // zero for everything; always zero for findability
	Effective int64  // from when it holds, in milliseconds since 1970 UTC
	Recorded  int64  // when it was recorded, likewise
	By        string // who recorded it; may be empty
	Code      care.Coding
}

// Target narrows a statement about sharing to one organisation or to one
// section. The zero Target is everything; at most one of the two is set.
type Target struct {
	Organisation care.ODSCode // whose staff it is about
	Section      care.Section // the part of the record it is about
}

// Directive returns the statement as the rest of the agent knows it: of patient
// n, stated by authority a, for care.SourceFlag read from the named source.
func (s *Statement) Directive(n care.NHSNumber, a care.Authority, source string) care.Directive {
	d := care.Directive{
		NHSNumber: n, Kind: s.Kind, Authority: a, Source: source, By: s.By, Code: s.Code,
		Effective: time.UnixMilli(s.Effective).UTC(), Recorded: time.UnixMilli(s.Recorded).UTC(),
	}
	if s.Scope.Organisation != "" {
		d.Scope.Organisations = []care.ODSCode{s.Scope.Organisation}
	}
	if s.Scope.Section != 0 {
		d.Scope.Sections = care.SetOf(s.Scope.Section)
	}
	return d
}

// restrictive reports whether a statement of kind k withholds something.
func restrictive(k care.DirectiveKind) bool { return k == care.Dissent || k == care.Restriction }

// findability reports whether kind k is about being found, not about sharing.
func findability(k care.DirectiveKind) bool { return k == care.Restriction || k == care.Unrestricted }

// whole reports whether s is about sharing everything.
func (s *Statement) whole() bool { return !findability(s.Kind) && s.Scope == Target{} }

// bySlot orders statements by what they are about: findability, sharing
// everything, sections, organisations. Of two statements of one slot only one
// is in force.
func bySlot(a, b Statement) int {
	return cmp.Or(
		cmp.Compare(a.class(), b.class()),
		cmp.Compare(a.Scope.Section, b.Scope.Section),
		cmp.Compare(a.Scope.Organisation, b.Scope.Organisation),
	)
}

func (s *Statement) class() int {
	switch {
	case findability(s.Kind):
		return 0
	case s.Scope.Section != 0:
		return 2
	case s.Scope.Organisation != "":
		return 3
	}
	return 1
}

// byTime orders statements by which of them holds: effective, then recorded,
// then the one that withholds.
func byTime(a, b *Statement) int {
	c := cmp.Or(cmp.Compare(a.Effective, b.Effective), cmp.Compare(a.Recorded, b.Recorded))
	switch {
	case c != 0 || restrictive(a.Kind) == restrictive(b.Kind):
		return c
	case restrictive(a.Kind):
		return 1
	}
	return -1
}

// supersedes reports whether s takes the place of old, which is of its slot. Of
// two that say the same of the same moment, the texts decide: which one does not
// matter, but it must be the same one in whatever order they arrive.
func (s *Statement) supersedes(old *Statement) bool {
	return cmp.Or(byTime(s, old),
		cmp.Compare(s.By, old.By),
		cmp.Compare(s.Code.System, old.Code.System),
		cmp.Compare(s.Code.Code, old.Code.Code)) > 0
}

// fault returns what is wrong with the statement, or nil.
func (s *Statement) fault() error {
	switch {
	case !s.Kind.Valid():
		return refusal(care.BadRequest, "KIND", badKind)
	case !s.Scope.valid(), findability(s.Kind) && s.Scope != Target{}:
		return refusal(care.BadRequest, "SCOPE", badScope)
	case s.Effective < firstTime || s.Effective >= endTime:
		return refusal(care.BadRequest, "EFFECTIVE", badEffective)
	case s.Recorded < firstTime || s.Recorded >= endTime:
		return refusal(care.BadRequest, "RECORDED", badRecorded)
	case s.By != "" && !plain(s.By, MaxBy):
		return refusal(care.BadRequest, "BY", badBy)
	case !validCode(s.Code):
		return refusal(care.BadRequest, "CODE", "its code or code system is missing, too long or not plain text")
	}
	return nil
}

const (
	badKind      = "the kind is missing"
	badEffective = "its effective date is missing or not between 1900 and 2200"
	badRecorded  = "the date it was recorded is not between 1900 and 2200"
	badScope     = "its scope must be everything, sections, or ODS codes of organisations, and of a restriction everything"
	badBy        = "who recorded it is missing, longer than 64 bytes or not plain text"
)

// valid reports whether t is everything, or one organisation, or one section.
func (t Target) valid() bool {
	switch {
	case t.Section != 0:
		return t.Section.Valid() && t.Organisation == ""
	case t.Organisation != "":
		return t.Organisation.Valid()
	}
	return true
}

// validCode reports whether c is no code, or a system and a code that fit.
func validCode(c care.Coding) bool {
	return c.System == "" && c.Code == "" || plain(c.System, MaxSystem) && plain(c.Code, MaxCode)
}

// plain reports whether a text is there, within its limit in bytes, UTF-8 and
// free of control characters.
func plain(text string, limit int) bool {
	if text == "" || len(text) > limit || !utf8.ValidString(text) {
		return false
	}
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func refusal(kind care.Kind, reason, detail string) error {
	return &care.Error{Kind: kind, Op: "consent/rule", Reason: reason, Detail: detail}
}
