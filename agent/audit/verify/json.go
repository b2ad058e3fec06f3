package verify

import (
	"unicode/utf8"
)

const (
	maxDepth = 8  // objects and lists within one another
	maxKeys  = 64 // fields of an object
)

// headerFields are the names that the fixed beginning of a line has used, the
// last of them only if it is there.
var headerFields = []string{"v", "seq", "batch", "prev", "time", "occurred"}

// fields takes the fields of an object, of which the names in taken have been,
// and the brace that closes it. Of the many ways to write the same JSON it
// takes one: no space, no float, no false, no null, no escape but where one is
// needed.
func (c *cursor) fields(taken []string, depth int) {
	var seen names
	for _, name := range taken {
		seen.add([]byte(name))
	}
	for !c.bad {
		if !seen.add(c.name()) {
			c.bad = true
			return
		}
		c.value(depth)
		if c.ends('}') {
			return
		}
	}
}

// names is a set of field names.
type names struct {
	n    int
	mask uint64 // of the sums of those in the set, so that most need no search
	list [maxKeys][]byte
}

// add reports whether a name is new and there is room for it.
func (s *names) add(name []byte) bool {
	sum := len(name)
	for _, b := range name {
		sum = sum*31 + int(b)
	}
	bit := uint64(1) << (sum & 63)
	if s.n == maxKeys || len(name) == 0 {
		return false
	}
	if s.mask&bit != 0 {
		for _, other := range s.list[:s.n] {
			if string(other) == string(name) {
				return false
			}
		}
	}
	s.mask |= bit
	s.list[s.n] = name
	s.n++
	return true
}

// name takes the name of a field: a letter, then letters, digits and
// underscores, in lower case.
func (c *cursor) name() []byte {
	c.literal(`"`)
	n := 0
	for n < len(c.rest) && isName(c.rest[n], n) {
		n++
	}
	if c.bad || n == 0 {
		c.bad = true
		return nil
	}
	name := c.rest[:n]
	c.rest = c.rest[n:]
	c.literal(`":`)
	return name
}

func isName(b byte, at int) bool {
	return 'a' <= b && b <= 'z' || at > 0 && (isDigit(b) || b == '_')
}

// value takes what a field or an element of a list is.
func (c *cursor) value(depth int) {
	if c.bad || len(c.rest) == 0 {
		c.bad = true
		return
	}
	switch c.rest[0] {
	case '"':
		c.text()
	case '{', '[':
		c.nested(depth + 1)
	case 't':
		c.literal("true")
	default:
		c.integer()
	}
}

// nested takes an object or a list.
func (c *cursor) nested(depth int) {
	open := c.rest[0]
	c.rest = c.rest[1:]
	switch {
	case depth > maxDepth:
		c.bad = true
	case open == '{':
		c.fields(nil, depth)
	case len(c.rest) > 0 && c.rest[0] == ']':
		c.rest = c.rest[1:]
	default:
		for !c.bad {
			c.value(depth)
			if c.ends(']') {
				return
			}
		}
	}
}

// ends takes a comma, or the byte that closes an object or list.
func (c *cursor) ends(closing byte) bool {
	if c.bad || len(c.rest) == 0 || c.rest[0] != ',' && c.rest[0] != closing {
		c.bad = true
		return true
	}
	closed := c.rest[0] == closing
	c.rest = c.rest[1:]
	return closed
}

// integer takes a whole number of at most 19 digits.
func (c *cursor) integer() {
	if c.rest[0] == '0' {
		c.rest = c.rest[1:]
		return
	}
	if c.rest[0] == '-' {
		c.rest = c.rest[1:]
	}
	c.number()
}

// text takes a string.
func (c *cursor) text() {
	b := c.rest
	for i := 1; i < len(b); {
		switch ch := b[i]; {
		case ch == '"':
			c.rest = b[i+1:]
			return
		case ch == '\\':
			n := escape(b[i+1:])
			if n == 0 {
				c.bad = true
				return
			}
			i += 1 + n
		case ch >= ' ' && ch < 0x7f:
			i++
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 || mustEscape(r) {
				c.bad = true
				return
			}
			i += size
		}
	}
	c.bad = true
}

// mustEscape reports whether a rune, which is no quote and no backslash, cannot
// stand as it is: controls, those of terminals too, and line separators.
func mustEscape(r rune) bool {
	return r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029'
}

// escape returns how many bytes after a backslash belong to it, or 0 if that is
// not how the rune is written.
func escape(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"', '\\', 'n', 't':
		return 1
	}
	if len(b) < 5 || b[0] != 'u' {
		return 0
	}
	r := rune(0)
	for _, d := range b[1:5] {
		switch {
		case isDigit(d):
			r = r<<4 | rune(d-'0')
		case 'a' <= d && d <= 'f':
			r = r<<4 | rune(d-'a'+10)
		default:
			return 0
		}
	}
	if !mustEscape(r) || r == '\n' || r == '\t' {
		return 0
	}
	return 5
}
