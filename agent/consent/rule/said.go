package rule

import "github.com/mycarerecord/edge-agent/agent/care"

// Voice is one authority among those that are heard: an index of Ages.Sets. It
// tells apart the sources of a site, which all have one care.Authority.
type Voice uint8

// The voices that every site has. All others are sources.
const (
	RegionVoice Voice = 0
	SiteVoice   Voice = 1
)

// Own is the link time of the patient's own number: it was never linked.
const Own int64 = -1 << 63

// Said is what all voices say about one person, under each of the person's NHS
// numbers. It points to stored entries and copies none. The zero Said is
// silence; Reset makes it so again and keeps its memory, so that a Said that is
// used again allocates nothing. It is not safe for concurrent use.
type Said struct {
	entries []heard
}

// heard is a stored entry and where it was found.
type heard struct {
	entry   []byte
	link    int64
	voice   Voice
	denials bool // what lifts and consents does not count
}

// Reset empties s.
func (s *Said) Reset() {
	clear(s.entries)
	s.entries = s.entries[:0]
}

// Add takes in the stored form of an entry of one voice; an empty one is
// silence. It must stay as it is until s is no longer used. link is Own, or for
// another number of the same person when the two were found to be one person's,
// in milliseconds since 1970 UTC: before that moment whoever made a statement
// under one number could not know those under the other.
//
// An entry that is not a stored form makes Decide answer DAMAGED.
func (s *Said) Add(v Voice, entry []byte, link int64) {
	if len(entry) > 0 {
		s.entries = append(s.entries, heard{entry, link, v, false})
	}
}

// AddDenials is Add of an entry of which only what withholds counts, because the
// voice was heard since and did not repeat the rest.
func (s *Said) AddDenials(v Voice, entry []byte, link int64) {
	if len(entry) > 0 {
		s.entries = append(s.entries, heard{entry, link, v, true})
	}
}

// findings is what all that was said comes to for one request.
type findings struct {
	damaged      bool // an entry cannot be read
	restricted   bool
	dissent      bool            // to sharing anything
	organisation bool            // to sharing with the organisation that asks
	sections     care.SectionSet // not to be shared
}

// find goes through all that was said.
func (s *Said) find(ask *Ask) findings {
	var f findings
	for i := range s.entries {
		rest, ok := s.entries[i].statements()
		for ok && len(rest) > 0 {
			var v view
			if rest, ok = v.read(rest); ok && restrictive(v.kind) && !s.lifted(i, &v) {
				f.add(&v, ask)
			}
		}
		f.damaged = f.damaged || !ok
	}
	return f
}

// add adds a statement that withholds something and is in force.
func (f *findings) add(v *view, ask *Ask) {
	switch {
	case v.kind == care.Restriction:
		f.restricted = true
	case v.organisation != nil:
		f.organisation = f.organisation || ask.of(v.organisation)
	case v.section != 0:
		f.sections = f.sections.With(v.section)
	default:
		f.dissent = true
	}
}

// lifted reports whether a statement of entry i that withholds something is
// lifted by one of the same voice under another number: a later one about the
// same thing or about everything, and later than the two numbers were linked.
// Within one entry nothing is left to lift.
func (s *Said) lifted(i int, withheld *view) bool {
	at := &s.entries[i]
	for j := range s.entries {
		other := &s.entries[j]
		if j == i || other.voice != at.voice || other.denials {
			continue
		}
		linked := max(at.link, other.link)
		rest, ok := other.statements()
		for ok && len(rest) > 0 {
			var v view
			if rest, ok = v.read(rest); ok && v.effective > linked && v.lifts(withheld) {
				return true
			}
		}
	}
	return false
}

// lifts reports whether v, if it may speak of w at all, lifts it.
func (v *view) lifts(w *view) bool {
	switch {
	case restrictive(v.kind), findability(v.kind) != findability(w.kind):
		return false
	case v.effective != w.effective:
		return v.effective > w.effective && v.covers(w)
	}
	return v.recorded > w.recorded && v.covers(w)
}

// covers reports whether v is about all that w is about.
func (v *view) covers(w *view) bool {
	everything := v.section == 0 && v.organisation == nil
	return everything || v.section == w.section && string(v.organisation) == string(w.organisation)
}

// statements returns the statements of the entry, still to be read.
func (h *heard) statements() (rest []byte, ok bool) {
	if len(h.entry) < 2 || h.entry[0] != storedVersion {
		return nil, false
	}
	return h.entry[1:], true
}
