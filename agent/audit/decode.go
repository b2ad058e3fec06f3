package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Line is one entry as it stands in the journal. Codes are the texts of the
// file, so that one this build does not know is still shown. A Line prints as
// its number and kind only; its fields hold personal data.
type Line struct {
	Sequence uint64         `json:"seq"`
	Batch    uint64         `json:"batch"`
	Time     time.Time      `json:"time"`
	Occurred time.Time      `json:"occurred"` // zero: at Time
	Kind     care.EventKind `json:"kind"`

	RequestID        string         `json:"request_id"`
	TraceParent      string         `json:"traceparent"`
	Interaction      string         `json:"interaction"`
	Received         time.Time      `json:"received"`
	Broker           string         `json:"broker"`
	Certificate      string         `json:"broker_certificate"`
	Software         string         `json:"broker_software"`
	UserID           string         `json:"user_id"`
	UserName         string         `json:"user_name"`
	RoleCode         string         `json:"role_code"`
	RoleName         string         `json:"role_name"`
	RoleProfile      string         `json:"role_profile"`
	Organisation     care.ODSCode   `json:"organisation"`
	OrganisationName string         `json:"organisation_name"`
	Purpose          string         `json:"purpose"`
	Permission       string         `json:"permission"`
	AlertReason      string         `json:"alert_reason"`
	Patient          Sealed         `json:"patient"` // zero: the entry names none
	NHSNumber        care.NHSNumber `json:"-"`       // this and the next two: set by Box.Reveal
	Linked           care.NHSNumber `json:"-"`
	DocumentID       string         `json:"-"`
	Reason           string         `json:"-"`
	Sections         []string       `json:"sections"`
	PeriodFrom       string         `json:"period_from"`
	PeriodTo         string         `json:"period_to"`

	Released     []string       `json:"released"`
	Refusal      string         `json:"refusal"`
	TrueReason   string         `json:"true_reason"`
	Detail       string         `json:"detail"`
	ConsentEpoch uint64         `json:"consent_epoch"`
	ConfigHash   string         `json:"config"`
	Alert        bool           `json:"alert"`
	Decision     uint64         `json:"decision"`
	Outcomes     []LineOutcome  `json:"outcomes"`
	OutcomesCut  bool           `json:"outcomes_cut"`
	Records      int64          `json:"records"`
	Bytes        int64          `json:"bytes"`
	Digest       string         `json:"digest"`
	DurationUS   int64          `json:"duration_us"`
	Directive    *LineDirective `json:"directive"`
	Count        int64          `json:"count"`
	Actor        string         `json:"actor"`
	Calls        []LineCall     `json:"calls"`
	Peer         string         `json:"peer"`
	Outbound     bool           `json:"outbound"`
	Query        string         `json:"query"`
	From         uint64         `json:"from"`
	To           uint64         `json:"to"`
	MissingFrom  uint64         `json:"missing_from"`
	MissingTo    uint64         `json:"missing_to"`
	Lost         int64          `json:"lost"`

	Prev [32]byte `json:"-"` // leaf hash of the entry before
	Leaf [32]byte `json:"-"` // leaf hash of this one
	Raw  []byte   `json:"-"` // the line without its newline
}

// LineOutcome is how one section ended.
type LineOutcome struct {
	Section  string    `json:"section"`
	State    string    `json:"state"`
	Read     int64     `json:"read"`
	Sent     int64     `json:"sent"`
	Withheld int64     `json:"withheld"`
	Outside  int64     `json:"outside"`
	Failed   int64     `json:"failed"`
	Ended    int64     `json:"ended"`
	Limit    int64     `json:"limit"`
	Boundary string    `json:"boundary"`
	AsOf     time.Time `json:"as_of"`
	Warnings []string  `json:"warnings"`
	Reason   string    `json:"reason"`
	Sources  []string  `json:"sources"`
	Details  []string  `json:"details"`
}

// LineCall tells of calls of one source.
type LineCall struct {
	Source     string `json:"source"`
	Operation  string `json:"operation"`
	DurationUS int64  `json:"duration_us"`
	Outcome    string `json:"outcome"`
	Reason     string `json:"reason"`
	Count      int64  `json:"count"` // 0: one
}

// LineDirective is what was stated about sharing a record.
type LineDirective struct {
	Kind          string    `json:"kind"`
	Organisations []string  `json:"organisations"` // ODS codes; empty: everyone
	Sections      []string  `json:"sections"`      // empty: all
	Authority     string    `json:"authority"`
	Source        string    `json:"source"`
	Effective     time.Time `json:"effective"`
	Recorded      time.Time `json:"recorded"`
	By            string    `json:"by"`
	CodeSystem    string    `json:"code_system"`
	Code          string    `json:"code"`
}

// String returns the entry's number and kind.
func (l Line) String() string { return fmt.Sprintf("journal entry %d %q", l.Sequence, string(l.Kind)) }

// Format writes what String returns, for every verb.
func (l Line) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(l.String())) }

// Position returns the entry's number and leaf hash.
func (l *Line) Position() care.Position { return care.Position{Sequence: l.Sequence, Leaf: l.Leaf} }

// leafHash is the hash of a Merkle tree leaf (RFC 6962 section 2.1).
func leafHash(line []byte) (leaf [32]byte) {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(line)
	h.Sum(leaf[:0])
	return leaf
}

// decodeLine reads a line that stands in a segment without its newline. It
// keeps none of raw.
func decodeLine(raw []byte) (Line, error) {
	h, _, ok := parseHeader(raw)
	if !ok {
		return Line{}, damaged("audit.Read", "a line of the journal does not begin as format version 1 requires")
	}
	var line Line
	if err := json.Unmarshal(raw, &line); err != nil {
		return Line{}, damaged("audit.Read", "entry "+strconv.FormatUint(h.sequence, 10)+" of the journal cannot be read")
	}
	line.Sequence, line.Batch, line.Time, line.Occurred = h.sequence, h.batch, h.time, h.occurred
	line.Prev, line.Leaf, line.Raw = h.prev, leafHash(raw), bytes.Clone(raw)
	return line, nil
}

// scanLine reads what Scan yields of a line.
func scanLine(raw []byte) (Line, error) {
	if !json.Valid(raw) {
		return decodeLine(raw)
	}
	return skimLine(raw)
}

// skimLine is scanLine that does not look whether all of the line is JSON.
func skimLine(raw []byte) (Line, error) {
	h, body, ok := parseHeader(raw)
	if !ok {
		return decodeLine(raw)
	}
	kind, _, _ := bytes.Cut(body[len(`"kind":"`):], []byte{'"'})
	if string(kind) == string(care.JournalRepaired) { // it may state numbers as missing
		return decodeLine(raw)
	}
	return Line{Sequence: h.sequence, Batch: h.batch, Time: h.time, Occurred: h.occurred, Kind: kindOf(kind),
		Prev: h.prev, Leaf: leafHash(raw), Raw: raw}, nil
}

// kindOf returns a kind without allocating for those that are frequent.
func kindOf(text []byte) care.EventKind {
	for _, k := range [...]care.EventKind{care.ReleaseDecided, care.ReleaseEnded, care.ReleaseRefused} {
		if string(text) == string(k) {
			return k
		}
	}
	return care.EventKind(text)
}

// parseHeader reads the first fields of a line, which have a fixed order and
// form, and returns the body that follows, without the closing brace.
func parseHeader(line []byte) (h header, body []byte, ok bool) {
	p := headerParser{rest: line, ok: true}
	p.literal(`{"v":1,"seq":`)
	h.sequence = p.number()
	p.literal(`,"batch":`)
	h.batch = p.number()
	p.literal(`,"prev":"`)
	p.hex(h.prev[:])
	p.literal(`","time":"`)
	h.time = p.instant()
	p.literal(`",`)
	if p.ok && bytes.HasPrefix(p.rest, []byte(`"occurred":"`)) {
		p.literal(`"occurred":"`)
		h.occurred = p.instant()
		p.literal(`",`)
	}
	body, closed := bytes.CutSuffix(p.rest, []byte("}"))
	ok = p.ok && closed && h.batch <= h.sequence && h.sequence <= maxSequence
	return h, body, ok && bytes.HasPrefix(body, []byte(`"kind":"`))
}

// maxSequence bounds numbers to what every reader of JSON takes exactly.
const maxSequence = 1 << 53

// headerParser takes one piece after the other off the front of a line.
type headerParser struct {
	rest []byte
	ok   bool
}

// take returns the next n bytes, or n zero bytes once parsing has failed.
func (p *headerParser) take(n int) []byte {
	if !p.ok || len(p.rest) < n {
		p.ok = false
		return make([]byte, n)
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

func (p *headerParser) literal(text string) {
	if string(p.take(len(text))) != text {
		p.ok = false
	}
}

func (p *headerParser) number() uint64 {
	n := 0
	for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
		n++
	}
	digits := p.take(n)
	v, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || digits[0] == '0' { // n is at least 1 where err is nil
		p.ok = false
	}
	return v
}

func (p *headerParser) hex(dst []byte) {
	digits := p.take(2 * len(dst))
	for i := range dst {
		high, low := nibbles[digits[2*i]], nibbles[digits[2*i+1]]
		if high|low == 0xff {
			p.ok = false
			return
		}
		dst[i] = high<<4 | low
	}
}

// nibbles are the values of hexadecimal digits in lower case; 0xff is none.
var nibbles = func() (v [256]byte) {
	for c := range v {
		v[c] = 0xff
	}
	for n, c := range []byte("0123456789abcdef") {
		v[c] = byte(n)
	}
	return v
}()

// instant reads a time in timeLayout. What it does not read as package time
// writes it is refused: the 30th of February, a sixtieth second.
func (p *headerParser) instant() time.Time {
	text := p.take(len(timeLayout))
	if !p.ok {
		return time.Time{}
	}
	n := [...]int{digits(text[0:4]), digits(text[5:7]), digits(text[8:10]), digits(text[11:13]), digits(text[14:16]), digits(text[17:19]), digits(text[20:26])}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1000, time.UTC)
	var again [len(timeLayout) + 8]byte
	if string(appendInstant(again[:0], t)) != string(text) {
		p.ok = false
	}
	return t
}

// digits returns the number that a few digits are. Of anything else it returns
// some number.
func digits(text []byte) (n int) {
	for _, c := range text {
		n = 10*n + int(c-'0')
	}
	return n
}
