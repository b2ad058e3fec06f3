package rule

import (
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// MaxStatements is how many statements of one authority about one patient can
// be in force at once. Two of them are kept for those about everything, so that
// a patient can always dissent.
const MaxStatements = 256

const maxScoped = MaxStatements - 2

// Entry is all that one authority says about one patient: the statements in
// force, one for each thing that can be spoken of, without those that a later
// statement about everything has made void. The zero Entry is silence. An Entry
// is not safe for concurrent use and must not be copied while it is admitted to.
type Entry struct {
	said []Statement // ascending by bySlot; no scoped one is covered by the whole one
}

// Statements returns the statements in force, ordered by what they are about.
// The slice is the entry's own and valid until the next Admit.
func (e *Entry) Statements() []Statement { return e.said }

// Admit takes s into the entry if it is in force beside what is there, and
// reports whether that changed anything. The same statements give the same
// entry in whatever order and how often they are admitted. Code.Display is not
// kept. It fails with BadRequest for a statement that is not valid, and with
// LimitExceeded for one too many; the entry is then as it was.
func (e *Entry) Admit(s Statement) (changed bool, err error) {
	s.Code.Display = ""
	if err := s.fault(); err != nil {
		return false, err
	}
	at, spoken := slices.BinarySearchFunc(e.said, s, bySlot)
	switch {
	case spoken && !s.supersedes(&e.said[at]), !spoken && e.covers(&s):
		return false, nil
	case spoken:
		e.said[at] = s
	case s.Scope != Target{} && e.scoped() == maxScoped:
		return false, refusal(care.LimitExceeded, "STATEMENTS", "there are more statements about one patient than can be kept")
	default:
		e.said = slices.Insert(e.said, at, s)
	}
	if s.whole() {
		e.said = slices.DeleteFunc(e.said, func(old Statement) bool { return old.Scope != Target{} && byTime(&s, &old) >= 0 })
	}
	return true, nil
}

// covers reports whether the statement about everything makes a scoped one
// void. A later consent lifts it. A later dissent withholds all that it could,
// and whatever takes the place of that dissent is later still.
func (e *Entry) covers(s *Statement) bool {
	if s.Scope == (Target{}) {
		return false
	}
	for i := range e.said {
		if e.said[i].whole() {
			return byTime(&e.said[i], s) >= 0
		}
	}
	return false
}

// scoped returns how many statements are about one section or organisation.
func (e *Entry) scoped() int {
	n := len(e.said)
	for i := range e.said {
		if e.said[i].Scope == (Target{}) {
			n--
		}
	}
	return n
}
