package rule

import "slices"

// LastTime is the latest time that a statement may be of, in milliseconds since
// 1970 UTC.
const LastTime = endTime - 1

// Last returns the latest time that any statement in force names, or 0 if there
// is none later than 1970.
func (e *Entry) Last() int64 {
	last := int64(0)
	for i := range e.said {
		last = max(last, e.said[i].Effective, e.said[i].Recorded)
	}
	return last
}

// Withholds reports whether s would change nothing because all that it withholds
// is withheld already, by a statement that is not older.
func (e *Entry) Withholds(s *Statement) bool {
	return slices.ContainsFunc(e.said, func(held Statement) bool {
		return restrictive(held.Kind) && held.speaksOf(s) && byTime(&held, s) >= 0
	})
}

// Overrules reports whether s withholds something that a statement of a later
// date permits, and that date is still to come at now, in milliseconds since
// 1970 UTC. No statement that permits is taken of a date to come: it was dated
// by a clock that was wrong, and says nothing of which of the two came first.
func (e *Entry) Overrules(s *Statement, now int64) bool {
	return restrictive(s.Kind) && slices.ContainsFunc(e.said, func(held Statement) bool {
		return !restrictive(held.Kind) && held.Effective > now && held.speaksOf(s) && byTime(&held, s) > 0
	})
}

// speaksOf reports whether s is about all that other is about.
func (s *Statement) speaksOf(other *Statement) bool {
	return findability(s.Kind) == findability(other.Kind) && (s.Scope == Target{} || s.Scope == other.Scope)
}
