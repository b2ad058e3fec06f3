package care

import (
	crypto "crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"unique"
)

// redacted is what a person's identifier looks like wherever it is printed.
const redacted = "[redacted]"

// NHSNumber is the NHS number of one person: ten digits of which the last is a
// check digit (NHS Data Dictionary, NHS NUMBER). The zero value is no number.
//
// It is comparable and may be a map key, within one process. The number is
// masked, so that no verb of package fmt and no encoder can show it, not even
// through an unexported field of another struct: only Reveal and AppendDigits
// do. NHSNumber is safe for concurrent use.
type NHSNumber struct {
	masked uint64 // 0 is no number
}

// mask hides numbers from whoever prints memory by accident. It is another one
// in every process. It is no encryption: who can read the process's memory
// reads the mask too.
var mask = newMask()

// masking is x -> x*factor ^ offset modulo 2^64; the factor is odd, so that it
// can be undone.
type masking struct{ factor, inverse, offset uint64 }

func newMask() (m masking) {
	for {
		var random [16]byte
		_, _ = crypto.Read(random[:]) // ends the process where it cannot be had
		m.factor, m.offset = binary.LittleEndian.Uint64(random[:])|1, binary.LittleEndian.Uint64(random[8:])
		m.inverse = 1
		for range 6 { // Newton: each step doubles the number of right bits
			m.inverse *= 2 - m.factor*m.inverse
		}
		if m.open(0) > maxNumber { // what would be masked as 0 is no number
			return m
		}
	}
}

const maxNumber = 9_999_999_999

func (m *masking) hide(number uint64) uint64 { return number*m.factor ^ m.offset }
func (m *masking) open(masked uint64) uint64 { return (masked ^ m.offset) * m.inverse }

// NHSNumberSystem is the FHIR identifier system of NHS numbers (UK Core Patient).
const NHSNumberSystem = "https://fhir.nhs.uk/Id/nhs-number"

// ParseNHSNumber reads an NHS number from ten digits; spaces and hyphens in
// the printed 3-3-4 form are ignored. It refuses a wrong length, a wrong check
// digit, the ten numbers of one repeated digit (which pass the check) and the
// ranges of Scotland and Northern Ireland, which are not NHS numbers although
// their check digits agree. The error has Kind InvalidNHSNumber and never
// quotes its input.
//
// Numbers from 999 000 0000 on are test numbers, never issued to a person;
// ParseNHSNumber accepts them and IsTest tells: only a test site may serve them.
func ParseNHSNumber(text string) (NHSNumber, error) {
	var d [10]byte
	n := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			if n == len(d) {
				return NHSNumber{}, invalidNHSNumber("it has more than 10 digits")
			}
			d[n] = c
			n++
		case (c == ' ' || c == '-') && n > 0 && n < len(d):
		default:
			return NHSNumber{}, invalidNHSNumber("it holds a character that is not a digit")
		}
	}
	if n != len(d) {
		return NHSNumber{}, invalidNHSNumber("it has fewer than 10 digits")
	}
	if why := checkDigits(&d); why != "" {
		return NHSNumber{}, invalidNHSNumber(why)
	}
	number := uint64(0)
	for _, c := range d {
		number = number*10 + uint64(c-'0')
	}
	return NHSNumber{mask.hide(number)}, nil
}

// checkDigits says what is wrong with ten digits, or nothing. The rule is
// modulus 11 over the first nine with weights 10 to 2 (NHS Data Dictionary).
func checkDigits(d *[10]byte) string {
	sum, repeated := 0, true
	for i, c := range d {
		if i < 9 {
			sum += int(c-'0') * (10 - i)
		}
		repeated = repeated && c == d[0]
	}
	check := (11 - sum%11) % 11
	switch prefix := string(d[:3]); {
	case check == 10 || check != int(d[9]-'0'):
		return "its check digit is wrong"
	case repeated:
		return "it is one digit repeated"
	case prefix <= "311":
		return "it is in the Scottish CHI range, not an NHS number"
	case prefix >= "320" && prefix <= "399":
		return "it is in the Northern Irish range, not an NHS number"
	}
	return ""
}

func invalidNHSNumber(why string) error {
	return &Error{Kind: InvalidNHSNumber, Op: "care.ParseNHSNumber", Detail: "the NHS number is not valid: " + why}
}

// Reveal returns the ten digits. Every call is a place where a person's
// identifier leaves the type that protects it: the wire, the journal, the key
// of a store, a query to a source.
func (n NHSNumber) Reveal() string {
	var digits [10]byte
	return string(n.AppendDigits(digits[:0]))
}

// AppendDigits appends what Reveal returns.
func (n NHSNumber) AppendDigits(dst []byte) []byte {
	if n.IsZero() {
		return dst
	}
	number := mask.open(n.masked)
	for unit := uint64(1_000_000_000); unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(number/unit%10))
	}
	return dst
}

// IsZero reports whether n is no number at all.
func (n NHSNumber) IsZero() bool { return n == NHSNumber{} }

// IsTest reports whether n is in the range 999 000 0000 to 999 999 9999, which
// is never issued to a person.
func (n NHSNumber) IsTest() bool { return !n.IsZero() && mask.open(n.masked) >= 999_000_0000 }

// Nobody returns a number that is nobody's: a random one of the range of IsTest.
// At a test site a source may hold somebody under it all the same.
func Nobody() NHSNumber {
	for {
		nine := 999_000_000 + rand.Uint64N(999_999) // the last one would be of one digit repeated
		sum := uint64(0)
		for weight, rest := uint64(2), nine; rest > 0; weight, rest = weight+1, rest/10 {
			sum += rest % 10 * weight
		}
		if check := (11 - sum%11) % 11; check < 10 {
			return NHSNumber{mask.hide(nine*10 + check)}
		}
	}
}

// String returns "[redacted]".
func (n NHSNumber) String() string { return redacted }

// GoString returns "[redacted]".
func (n NHSNumber) GoString() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (n NHSNumber) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalText returns "[redacted]"; JSON, XML and text loggers use it.
func (n NHSNumber) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Private is a text that identifies or describes a person: a name, a local
// record number. Like NHSNumber it shows itself through Reveal only, is
// comparable, and its zero value is the empty text.
type Private struct {
	text unique.Handle[string]
}

// NewPrivate protects a text.
func NewPrivate(text string) Private {
	if text == "" {
		return Private{}
	}
	return Private{unique.Make(text)}
}

// Reveal returns the protected text.
func (p Private) Reveal() string {
	if p.IsZero() {
		return ""
	}
	return p.text.Value()
}

// IsZero reports whether p holds no text.
func (p Private) IsZero() bool { return p == Private{} }

// String returns "[redacted]".
func (p Private) String() string { return redacted }

// GoString returns "[redacted]".
func (p Private) GoString() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (p Private) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalText returns "[redacted]".
func (p Private) MarshalText() ([]byte, error) { return []byte(redacted), nil }
