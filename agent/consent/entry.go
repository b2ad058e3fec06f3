package consent

import (
	"encoding/binary"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxBy is the longest account or file name kept with a directive, in bytes.
const maxBy = 64

// entryVersion is the first byte of an entry. An entry of another version is
// not read by guessing: it counts as damage.
const entryVersion = 1

// statement is one directive as it is kept: who it is about and where it comes
// from is in its key and bucket. Times are nanoseconds since 1970 UTC.
type statement struct {
	kind      care.DirectiveKind // zero: nothing was stated
	effective int64
	recorded  int64
	by        string
}

// supersedes reports whether s takes the place of old.
func (s statement) supersedes(old statement) bool {
	switch {
	case old.kind == 0:
		return true
	case s.effective != old.effective:
		return s.effective > old.effective
	case s.recorded != old.recorded:
		return s.recorded > old.recorded
	}
	return restrictive(s.kind) && !restrictive(old.kind)
}

// restrictive reports whether a directive of kind k withholds something.
func restrictive(k care.DirectiveKind) bool { return k == care.Dissent || k == care.Restriction }

// The matters a directive can be about, as indexes of entry.said.
const (
	sharing = iota
	findability
	matters
)

// matterOf returns what a directive of a valid kind is about.
func matterOf(k care.DirectiveKind) int {
	if k == care.Dissent || k == care.ConsentGiven {
		return sharing
	}
	return findability
}

// entry is all that one authority has said about one patient.
type entry struct {
	epoch uint64 // epoch of the store in which the entry was written
	said  [matters]statement
}

// admit takes s into the entry if it is the latest of its matter and reports
// whether it is.
func (e *entry) admit(s statement) bool {
	slot := &e.said[matterOf(s.kind)]
	if !s.supersedes(*slot) {
		return false
	}
	*slot = s
	return true
}

// flag adds what the entry says to f.
func (e *entry) flag(f *Flags) {
	f.Dissent = f.Dissent || e.said[sharing].kind == care.Dissent
	f.Restriction = f.Restriction || e.said[findability].kind == care.Restriction
}

// append appends the entry in its lasting form: version, epoch, then for each
// matter spoken of kind, effective, recorded and the counted text of by, all
// numbers big-endian.
func (e *entry) append(dst []byte) []byte {
	dst = append(dst, entryVersion)
	dst = binary.BigEndian.AppendUint64(dst, e.epoch)
	for _, s := range e.said {
		if s.kind == 0 {
			continue
		}
		dst = append(dst, byte(s.kind))
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.effective))
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.recorded))
		dst = append(dst, byte(len(s.by)))
		dst = append(dst, s.by...)
	}
	return dst
}

const (
	entryHeader     = 1 + 8
	statementHeader = 1 + 8 + 8 + 1
)

// parseEntry reads what append wrote. It accepts nothing else: append(parse(x))
// is x. The text of by is copied.
func parseEntry(src []byte) (entry, bool) {
	if len(src) < entryHeader || src[0] != entryVersion {
		return entry{}, false
	}
	e := entry{epoch: binary.BigEndian.Uint64(src[1:])}
	next := 0
	for src = src[entryHeader:]; len(src) > 0; {
		s, size := parseStatement(src)
		if size == 0 || matterOf(s.kind) < next {
			return entry{}, false
		}
		next = matterOf(s.kind) + 1
		e.said[next-1] = s
		src = src[size:]
	}
	return e, next > 0
}

// parseStatement reads one statement and returns its size, or 0.
func parseStatement(src []byte) (statement, int) {
	if len(src) < statementHeader {
		return statement{}, 0
	}
	kind, size := care.DirectiveKind(src[0]), statementHeader+int(src[17])
	if !kind.Valid() || src[17] > maxBy || len(src) < size {
		return statement{}, 0
	}
	return statement{
		kind:      kind,
		effective: int64(binary.BigEndian.Uint64(src[1:])),
		recorded:  int64(binary.BigEndian.Uint64(src[9:])),
		by:        string(src[statementHeader:size]),
	}, size
}

// directive returns s as the rest of the agent knows it.
func (s statement) directive(n care.NHSNumber, a care.Authority) care.Directive {
	return care.Directive{NHSNumber: n, Authority: a, Kind: s.kind, By: s.by,
		Effective: time.Unix(0, s.effective).UTC(), Recorded: time.Unix(0, s.recorded).UTC()}
}
