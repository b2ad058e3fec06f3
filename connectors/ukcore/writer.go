package ukcore

import (
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// writer appends one resource as JSON. Every member and element ends with a
// comma, which the bracket that closes them replaces; an object or array that
// stayed empty is taken back, because FHIR knows no empty ones. What names the
// record to the release decision is collected on the way: every code that is
// written and every record that is referred to.
type writer struct {
	buf   []byte
	enc   *Encoder
	codes []care.Coding
	ids   []byte // the ids of the record and its links, one after the other
	ends  []int  // where each id in ids ends
	ended bool   // the record belongs to the section's ended list
	fault string // the first element that could not be written
	why   string
}

func (w *writer) reset(buf []byte, enc *Encoder) {
	*w = writer{buf: buf, enc: enc, codes: w.codes[:0], ids: w.ids[:0], ends: w.ends[:0]}
}

// fail remembers the first element that could not be written. Elements of an
// array have no name.
func (w *writer) fail(element, why string) {
	if element == "" {
		element = "an element of a list"
	}
	if w.fault == "" {
		w.fault, w.why = element, why
	}
}

// name appends the name of a member; elements of an array have none.
func (w *writer) name(name string) {
	if name != "" {
		buf := append(w.buf, '"')
		buf = append(buf, name...)
		w.buf = append(buf, '"', ':')
	}
}

// object opens an object and returns where it began.
func (w *writer) object(name string) int {
	at := len(w.buf)
	w.name(name)
	w.buf = append(w.buf, '{')
	return at
}

// array opens an array and returns where it began.
func (w *writer) array(name string) int {
	at := len(w.buf)
	w.name(name)
	w.buf = append(w.buf, '[')
	return at
}

// closeObject closes the object that began at a place.
func (w *writer) closeObject(at int) { w.close(at, '{', '}') }

// closeArray closes the array that began at a place.
func (w *writer) closeArray(at int) { w.close(at, '[', ']') }

func (w *writer) close(at int, opening, closing byte) {
	last := len(w.buf) - 1
	if w.buf[last] == opening {
		w.buf = w.buf[:at]
		return
	}
	w.buf[last] = closing
	w.buf = append(w.buf, ',')
}

// raw appends a member whose value is JSON already.
func (w *writer) raw(name, value string) {
	w.name(name)
	w.buf = append(w.buf, value...)
	w.buf = append(w.buf, ',')
}

// text appends a text, unless it is empty. Most of a resource goes through
// here, and most of it needs no escape: it is appended to a local slice, which
// the compiler keeps in registers.
func (w *writer) text(name, s string) {
	if s == "" {
		return
	}
	buf := append(w.buf, '"')
	if name != "" {
		buf = append(buf, name...)
		buf = append(buf, '"', ':', '"')
	}
	if plain(s) == len(s) {
		buf = append(buf, s...)
		w.buf = append(buf, '"', ',')
		return
	}
	w.buf = buf
	w.escaped(name, s)
	w.buf = append(w.buf, '"', ',')
}

// texts appends an array of one text, unless it is empty.
func (w *writer) texts(name string, list ...string) {
	at := w.array(name)
	for _, s := range list {
		w.text("", s)
	}
	w.closeArray(at)
}

// decimal appends a number with its digits as they are.
func (w *writer) decimal(name, s string) {
	if s == "" {
		return
	}
	if !validDecimal(s) {
		w.fail(name, "a decimal number")
		return
	}
	w.raw(name, s)
}

// count appends a whole number that is not negative.
func (w *writer) count(name, s string) {
	if s == "" {
		return
	}
	if len(s) > 10 || digitsIn(s) != len(s) || (len(s) > 1 && s[0] == '0') {
		w.fail(name, "a whole number")
		return
	}
	w.raw(name, s)
}

// truth appends a truth value, unless it is unknown.
func (w *writer) truth(name string, t Truth) {
	switch t {
	case Yes:
		w.raw(name, "true")
	case No:
		w.raw(name, "false")
	}
}

// date appends a date, unless it is undated.
func (w *writer) date(name string, d care.DateTime) {
	if d.IsZero() {
		return
	}
	w.name(name)
	w.buf = append(w.buf, '"')
	w.buf = d.Append(w.buf)
	w.buf = append(w.buf, '"', ',')
}

// day appends a date of an element that has no room for a time of day.
func (w *writer) day(name string, d care.DateTime) {
	if d.Precision == care.ToInstant {
		d = care.Day(d.Time.Date())
	}
	w.date(name, d)
}

// instant appends a date of an element that needs a time of day, and reports
// whether it could.
func (w *writer) instant(name string, d care.DateTime) bool {
	if d.Precision != care.ToInstant {
		return false
	}
	w.date(name, d)
	return true
}

// hexDigits are the digits of an escape.
const hexDigits = "0123456789abcdef"

// escaped appends the inside of a JSON string (RFC 8259 section 7). Text that
// is not UTF-8 was damaged on its way here and is refused: replacing what is
// wrong would change the record silently.
func (w *writer) escaped(name, s string) {
	i := plain(s)
	w.buf = append(w.buf, s[:i]...)
	for i < len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			w.buf = appendEscape(w.buf, c)
			i++
		} else {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				w.fail(name, "a text in UTF-8; this one is damaged")
				return
			}
			w.buf = append(w.buf, s[i:i+size]...)
			i += size
		}
		n := plain(s[i:])
		w.buf = append(w.buf, s[i:i+n]...)
		i += n
	}
}

// plain returns how many bytes at the start of s stand for themselves in JSON:
// ASCII without control characters, quote and backslash. It looks at eight
// bytes at a time; most texts of a record hold nothing else.
func plain(s string) int {
	const (
		each = 0x0101010101010101
		high = 0x8080808080808080
	)
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		c := s[i : i+8]
		x := uint64(c[0]) | uint64(c[1])<<8 | uint64(c[2])<<16 | uint64(c[3])<<24 |
			uint64(c[4])<<32 | uint64(c[5])<<40 | uint64(c[6])<<48 | uint64(c[7])<<56
		quote, slash := x^(each*'"'), x^(each*'\\')
		if (x|(x-each*' ')&^x|(quote-each)&^quote|(slash-each)&^slash)&high != 0 {
			break
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// appendEscape appends one byte as an escape. FHIR allows no control characters
// but tab and line ends in texts; others are passed on escaped all the same,
// because leaving them out would change what the source holds.
func appendEscape(buf []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(buf, '\\', c)
	case '\n':
		return append(buf, '\\', 'n')
	case '\r':
		return append(buf, '\\', 'r')
	case '\t':
		return append(buf, '\\', 't')
	}
	return append(buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// narrative appends the text element that carries a note of a resource which
// has no other place for it. Its status says that the text holds more than the
// structured part (FHIR R4, narrative).
func (w *writer) narrative(note string) {
	if note == "" {
		return
	}
	at := w.object("text")
	w.text("status", "additional")
	w.name("div")
	w.buf = append(w.buf, `"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>`...)
	w.xhtml(note)
	w.buf = append(w.buf, `</p></div>",`...)
	w.closeObject(at)
}

// xhtml appends a text escaped for XHTML and for JSON. Control characters that
// XML cannot hold become spaces.
func (w *writer) xhtml(s string) {
	start := 0
	for i := range len(s) {
		var entity string
		switch c := s[i]; {
		case c == '&':
			entity = "&amp;"
		case c == '<':
			entity = "&lt;"
		case c == '>':
			entity = "&gt;"
		case c == '\n':
			entity = "<br/>"
		case c < ' ' && c != '\t':
			entity = " "
		default:
			continue
		}
		w.escaped("text", s[start:i])
		w.buf = append(w.buf, entity...)
		start = i + 1
	}
	w.escaped("text", s[start:])
}
