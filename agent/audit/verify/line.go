package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	maxLine     = 1 << 20 // bytes of a line without its line feed
	maxSequence = 1 << 53
	maxGap      = 1 << 24 // numbers that one entry may state as missing

	timeLayout = "2006-01-02T15:04:05.000000Z"
)

// entry is what the order of a journal needs of one line.
type entry struct {
	seq, batch uint64
	prev, leaf tree.Hash
	time       time.Time
	late       bool // written after it occurred
	kind       care.EventKind
	said       *statement // what an entry about the journal itself states
}

// statement is what an entry says of other entries.
type statement struct {
	Actor       string `json:"actor"`
	From        uint64 `json:"from"`
	To          uint64 `json:"to"`
	MissingFrom uint64 `json:"missing_from"`
	MissingTo   uint64 `json:"missing_to"`
}

// statedKinds are the kinds of entries whose statement is read. The others'
// kinds are not kept.
var statedKinds = []care.EventKind{
	care.JournalRepaired, care.JournalWitnessed, care.JournalArchived, care.JournalPruned, care.ClockJumped,
}

// parseLine reads a line without its line feed, and reports whether it is one
// of format version 1, in its only spelling. It keeps none of raw.
func parseLine(raw []byte) (entry, bool) {
	var e entry
	c := cursor{rest: raw}
	c.literal(`{"v":1,"seq":`)
	e.seq = c.number()
	c.literal(`,"batch":`)
	e.batch = c.number()
	c.literal(`,"prev":"`)
	c.hash(&e.prev)
	c.literal(`","time":"`)
	e.time = c.instant()
	c.literal(`",`)
	taken := headerFields[:5]
	if !c.bad && bytes.HasPrefix(c.rest, []byte(`"occurred":"`)) {
		c.literal(`"occurred":"`)
		c.instant()
		c.literal(`",`)
		e.late, taken = true, headerFields
	}
	if c.bad || len(raw) > maxLine || e.seq > maxSequence || e.batch > e.seq || !bytes.HasPrefix(c.rest, []byte(`"kind":"`)) {
		return e, false
	}
	kind, _, _ := bytes.Cut(c.rest[len(`"kind":"`):], []byte{'"'})
	c.fields(taken, 1)
	if c.bad || len(c.rest) > 0 {
		return e, false
	}
	e.leaf = tree.LeafHash(raw)
	return e, e.state(kind, raw)
}

// state keeps what an entry of certain kinds states, and reports whether that
// can be read.
func (e *entry) state(kind, raw []byte) bool {
	for _, k := range statedKinds {
		if string(kind) == string(k) {
			e.kind, e.said = k, new(statement)
			return json.Unmarshal(raw, e.said) == nil
		}
	}
	return true
}

// gap returns the numbers before the entry that it states as missing, if it
// states any and they can be.
func (e *entry) gap() (span, bool) {
	if e.kind != care.JournalRepaired {
		return span{}, false
	}
	g := span{e.said.MissingFrom, e.said.MissingTo}
	return g, g.from > 0 && g.from <= g.to && g.to == e.seq-1 && g.to-g.from < maxGap
}

// span is a range of numbers, both ends included.
type span struct{ from, to uint64 }

func (s span) holds(n uint64) bool { return s.from <= n && n <= s.to }

// cursor takes one piece after the other off the front of a line. After what
// does not fit it is bad and stays so.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) literal(text string) {
	if c.bad || len(c.rest) < len(text) || string(c.rest[:len(text)]) != text {
		c.bad = true
		return
	}
	c.rest = c.rest[len(text):]
}

// number takes a number from 1 on, of at most 19 digits.
func (c *cursor) number() uint64 {
	n, v := 0, uint64(0)
	for ; n < len(c.rest) && isDigit(c.rest[n]); n++ {
		v = v*10 + uint64(c.rest[n]-'0')
	}
	if c.bad || n == 0 || n > 19 || c.rest[0] == '0' {
		c.bad = true
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

// hash takes 64 hexadecimal digits in lower case.
func (c *cursor) hash(h *tree.Hash) {
	const digits = 2 * len(tree.Hash{})
	if c.bad || len(c.rest) < digits || bytes.ContainsAny(c.rest[:digits], "ABCDEF") {
		c.bad = true
		return
	}
	if _, err := hex.Decode(h[:], c.rest[:digits]); err != nil {
		c.bad = true
	}
	c.rest = c.rest[digits:]
}

// instant takes a time that is, in UTC with microseconds.
func (c *cursor) instant() time.Time {
	if c.bad || len(c.rest) < len(timeLayout) {
		c.bad = true
		return time.Time{}
	}
	var part [7]int // year, month, day, hour, minute, second, microsecond
	at := 0
	for i, b := range []byte(timeLayout) {
		switch got := c.rest[i]; {
		case isDigit(b) && isDigit(got):
			part[at] = part[at]*10 + int(got-'0')
		case isDigit(b) || got != b:
			c.bad = true
			return time.Time{}
		default:
			at++
		}
	}
	c.rest = c.rest[len(timeLayout):]
	t := time.Date(part[0], time.Month(part[1]), part[2], part[3], part[4], part[5], part[6]*1000, time.UTC)
	c.bad = part[0] < 1 || t.Month() != time.Month(part[1]) ||
		part[3] > 23 || part[4] > 59 || part[5] > 59
	return t
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
