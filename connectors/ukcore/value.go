package ukcore

import (
	"strconv"
	"time"
)

// ValueKind says what a Value holds.
type ValueKind uint8

// The kinds of value. Null is the zero value.
const (
	Null         ValueKind = iota
	TextValue              // Text
	BytesValue             // Bytes: a text in UTF-8, read before the next row and not kept
	DecimalValue           // Text: a number as the source writes it, such as "7.10"
	IntegerValue           // Int
	BoolValue              // Bool
	DateValue              // Time: a date without a time or zone, at midnight UTC
	LocalValue             // Time: date and time of day without a zone; its location is ignored
	InstantValue           // Time: date and time with an offset
)

// Value is one cell of a row, neutral between drivers. There is no float: a
// connector gives a number as text, as precise as the source wrote it.
type Value struct {
	Kind  ValueKind
	Bool  bool
	Int   int64
	Text  string
	Bytes []byte
	Time  time.Time
}

// Text returns a text value.
func Text(s string) Value { return Value{Kind: TextValue, Text: s} }

// Bytes returns a text value in a buffer that the caller may reuse after Row.
func Bytes(b []byte) Value { return Value{Kind: BytesValue, Bytes: b} }

// Decimal returns a number as its text.
func Decimal(s string) Value { return Value{Kind: DecimalValue, Text: s} }

// Integer returns a whole number.
func Integer(n int64) Value { return Value{Kind: IntegerValue, Int: n} }

// Bool returns a truth value.
func Bool(b bool) Value { return Value{Kind: BoolValue, Bool: b} }

// Date returns a date without a time of day.
func Date(t time.Time) Value { return Value{Kind: DateValue, Time: t} }

// Local returns a date and time of day without a zone.
func Local(t time.Time) Value { return Value{Kind: LocalValue, Time: t} }

// Instant returns a date and time with an offset.
func Instant(t time.Time) Value { return Value{Kind: InstantValue, Time: t} }

// text returns the value as text and whether it has such a form.
func (v *Value) text() (string, bool) {
	switch v.Kind {
	case Null:
		return "", true
	case TextValue, DecimalValue:
		return v.Text, true
	case BytesValue:
		return string(v.Bytes), true
	case IntegerValue:
		return strconv.FormatInt(v.Int, 10), true
	}
	return "", false
}
