package audit

import (
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"
)

// timeLayout is how instants are written: UTC with microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// object appends the fields of one JSON object. It leaves out what is empty,
// zero or false, and allocates nothing beyond its buffer.
type object struct {
	buf  []byte
	more bool // a field was written, so a comma comes before the next
}

func (o *object) key(name string) {
	if o.more {
		o.buf = append(o.buf, ',')
	}
	o.more = true
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, `":`...)
}

// text writes a text of at most limit bytes; what is over is cut off.
func (o *object) text(name, value string, limit int) {
	if value != "" {
		o.key(name)
		o.buf = appendText(o.buf, value, limit)
	}
}

func (o *object) number(name string, value int64) {
	if value != 0 {
		o.key(name)
		o.buf = strconv.AppendInt(o.buf, value, 10)
	}
}

func (o *object) count(name string, value uint64) {
	if value != 0 {
		o.key(name)
		o.buf = strconv.AppendUint(o.buf, value, 10)
	}
}

func (o *object) flag(name string, value bool) {
	if value {
		o.key(name)
		o.buf = append(o.buf, "true"...)
	}
}

func (o *object) time(name string, value time.Time) {
	if !value.IsZero() {
		o.instant(name, value)
	}
}

// instant writes a time even if it is the zero time.
func (o *object) instant(name string, value time.Time) {
	o.key(name)
	o.buf = append(o.buf, '"')
	o.buf = appendInstant(o.buf, value)
	o.buf = append(o.buf, '"')
}

// appendInstant appends a time in timeLayout. Package time is several times
// faster with its own layout, which leaves the fraction to be added.
func appendInstant(dst []byte, value time.Time) []byte {
	value = value.UTC()
	dst = value.AppendFormat(dst, time.RFC3339)
	dst = append(dst[:len(dst)-1], ".000000Z"...)
	for micro, i := value.Nanosecond()/1000, len(dst)-2; micro > 0; i-- {
		dst[i] = byte('0' + micro%10)
		micro /= 10
	}
	return dst
}

func (o *object) hash(name string, value *[32]byte) {
	o.key(name)
	o.buf = append(o.buf, '"')
	o.buf = hex.AppendEncode(o.buf, value[:])
	o.buf = append(o.buf, '"')
}

// texts writes a list of at most most texts; a longer one ends with "…".
func (o *object) texts(name string, values []string, most, limit int) {
	if len(values) == 0 {
		return
	}
	o.key(name)
	o.buf = append(o.buf, '[')
	for i, v := range values {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		if i == most {
			o.buf = append(o.buf, `"…"`...)
			break
		}
		o.buf = appendText(o.buf, v, limit)
	}
	o.buf = append(o.buf, ']')
}

// appendText appends s as a JSON string. Control characters, also those that
// steer terminals, are escaped, and bytes that are not UTF-8 replaced. Of a
// text of more than limit bytes only the beginning is written, and "…".
func appendText(dst []byte, s string, limit int) []byte {
	cut := len(s) > limit
	if cut {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		dst = append(dst, s[done:i]...)
		dst = appendRune(dst, r)
		i += size
		done = i
	}
	dst = append(dst, s[done:]...)
	if cut {
		dst = append(dst, "…"...)
	}
	return append(dst, '"')
}

// appendRune appends a rune that is not plain ASCII text.
func appendRune(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029':
		return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
	}
	return utf8.AppendRune(dst, r)
}
