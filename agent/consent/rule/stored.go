package rule

import (
	"bytes"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The stored form of an entry is the byte storedVersion and then, in the order
// of Statements, for each statement:
//
//	1 byte    bits 0 and 1: kind less one; bits 2 and 3: what it is about (0
//	          everything, 1 section, 2 organisation); bit 4: recorded follows;
//	          bit 5: by follows; bit 6: a code follows
//	6 bytes   effective, in milliseconds since 1900 UTC, big-endian
//	6 bytes   recorded, likewise, if it is not the same
//	1 byte    section, or the counted text of the organisation's ODS code
//	          by, a counted text
//	1 byte    code system: 1 SNOMED CT, 2 Read v2, 3 CTV3, 0 a counted text
//	          code, a counted text
//
// A counted text is its length in one byte and its bytes. A whole-scope
// statement without the rest has 8 bytes with the version, 14 with the time it
// was recorded. Golden files hold the form.
const storedVersion = 1

const (
	flagRecorded = 1 << 4
	flagBy       = 1 << 5
	flagCode     = 1 << 6

	aboutSection      = 1 << 2
	aboutOrganisation = 2 << 2
	aboutMask         = 3 << 2
	kindMask          = 3
	unusedFlags       = 1 << 7

	timeSize = 6
)

// systems are the code systems that have a number.
var systems = [...]string{1: "http://snomed.info/sct", 2: "http://read.info/readv2", 3: "http://read.info/ctv3"}

// Append appends the stored form of the entry, which must not be silence.
func (e *Entry) Append(dst []byte) []byte {
	dst = append(dst, storedVersion)
	for i := range e.said {
		dst = e.said[i].append(dst)
	}
	return dst
}

func (s *Statement) append(dst []byte) []byte {
	head := len(dst)
	dst = appendTime(append(dst, byte(s.Kind-1)), s.Effective)
	if s.Recorded != s.Effective {
		dst[head] |= flagRecorded
		dst = appendTime(dst, s.Recorded)
	}
	switch {
	case s.Scope.Section != 0:
		dst[head] |= aboutSection
		dst = append(dst, byte(s.Scope.Section))
	case s.Scope.Organisation != "":
		dst[head] |= aboutOrganisation
		dst = appendText(dst, string(s.Scope.Organisation))
	}
	if s.By != "" {
		dst[head] |= flagBy
		dst = appendText(dst, s.By)
	}
	if s.Code.Code != "" {
		dst[head] |= flagCode
		dst = appendCode(dst, s.Code)
	}
	return dst
}

func appendCode(dst []byte, c care.Coding) []byte {
	for i := 1; i < len(systems); i++ {
		if systems[i] == c.System {
			return appendText(append(dst, byte(i)), c.Code)
		}
	}
	return appendText(appendText(append(dst, 0), c.System), c.Code)
}

func appendText(dst []byte, text string) []byte {
	return append(append(dst, byte(len(text))), text...)
}

func appendTime(dst []byte, ms int64) []byte {
	t := uint64(ms - firstTime)
	return append(dst, byte(t>>40), byte(t>>32), byte(t>>24), byte(t>>16), byte(t>>8), byte(t))
}

// Parse reads what Append wrote and accepts nothing else. It copies src. The
// error is ConsentUnavailable with ReasonDamaged.
func Parse(src []byte) (Entry, error) {
	var e Entry
	if err := e.Read(src); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// Read makes e what Parse returns, in place of what it was, whose memory it
// keeps. After an error e is of no use until the next Read.
func (e *Entry) Read(src []byte) error {
	e.said = e.said[:0]
	if len(src) < 2 || src[0] != storedVersion {
		return damaged()
	}
	for rest := src[1:]; len(rest) > 0; {
		var v view
		var ok bool
		if rest, ok = v.read(rest); !ok {
			return damaged()
		}
		if _, err := e.Admit(v.statement()); err != nil {
			return damaged()
		}
	}
	if !bytes.Equal(e.Append(make([]byte, 0, len(src))), src) {
		return damaged()
	}
	return nil
}

func damaged() error {
	return refusal(care.ConsentUnavailable, ReasonDamaged, "an entry of the consent store is not as it was written")
}

// view is one statement as it stands in a stored entry; its texts are part of
// the entry. What it holds is in bounds, not yet valid.
type view struct {
	kind         care.DirectiveKind
	section      care.Section
	organisation []byte
	effective    int64
	recorded     int64
	by           []byte
	known        byte // number of the code system
	system       []byte
	code         []byte
}

// read reads the next statement and returns what follows it.
func (v *view) read(src []byte) (rest []byte, ok bool) {
	if len(src) < 1+timeSize || src[0]&unusedFlags != 0 {
		return nil, false
	}
	head := src[0]
	v.kind = care.DirectiveKind(head&kindMask) + 1
	v.effective = parseTime(src[1:])
	v.recorded = v.effective
	src = src[1+timeSize:]
	if head&flagRecorded != 0 {
		if len(src) < timeSize {
			return nil, false
		}
		v.recorded, src = parseTime(src), src[timeSize:]
	}
	if src, ok = v.readTarget(head, src); !ok {
		return nil, false
	}
	if head&flagBy != 0 {
		if v.by, src, ok = cutText(src); !ok {
			return nil, false
		}
	}
	if head&flagCode != 0 {
		return v.readCode(src)
	}
	return src, true
}

func (v *view) readTarget(head byte, src []byte) (rest []byte, ok bool) {
	switch head & aboutMask {
	case 0:
		return src, true
	case aboutSection:
		if len(src) == 0 || !care.Section(src[0]).Valid() {
			return nil, false
		}
		v.section = care.Section(src[0])
		return src[1:], true
	case aboutOrganisation:
		v.organisation, rest, ok = cutText(src)
		return rest, ok
	}
	return nil, false
}

func (v *view) readCode(src []byte) (rest []byte, ok bool) {
	if len(src) == 0 || int(src[0]) >= len(systems) {
		return nil, false
	}
	v.known, src = src[0], src[1:]
	if v.known == 0 {
		if v.system, src, ok = cutText(src); !ok {
			return nil, false
		}
	}
	v.code, rest, ok = cutText(src)
	return rest, ok
}

// statement returns the statement with texts of its own.
func (v *view) statement() Statement {
	s := Statement{Kind: v.kind, Effective: v.effective, Recorded: v.recorded, By: string(v.by),
		Scope: Target{Organisation: care.ODSCode(v.organisation), Section: v.section}}
	if len(v.code) > 0 {
		s.Code = care.Coding{System: systems[v.known] + string(v.system), Code: string(v.code)}
	}
	return s
}

// cutText takes a counted text, which is never empty, off src.
func cutText(src []byte) (text, rest []byte, ok bool) {
	if len(src) == 0 || src[0] == 0 || len(src) < 1+int(src[0]) {
		return nil, nil, false
	}
	end := 1 + int(src[0])
	return src[1:end:end], src[end:], true
}

func parseTime(b []byte) int64 {
	_ = b[5]
	return firstTime + int64(uint64(b[0])<<40|uint64(b[1])<<32|uint64(b[2])<<24|uint64(b[3])<<16|uint64(b[4])<<8|uint64(b[5]))
}
