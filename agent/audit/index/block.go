package index

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
)

const (
	magic      = "MCRIDX1\n"
	lengths    = shardCount // number of the part with the lengths of the lines
	partCount  = shardCount + 1
	sealSize   = sha256.Size
	maxHeader  = 1 << 20 // bytes; one of a block without gaps has about 150
	headerRead = 1 << 10 // bytes read at first
)

// span is a range of numbers, both ends included.
type span struct{ from, to uint64 }

// run is a range of entries whose lines follow one another in one segment.
type run struct {
	span
	segment uint64 // number of the segment's first entry
	offset  int64  // of the first line in it
	size    int64  // bytes of the lines, newlines included
}

// end returns the offset after the last line.
func (r *run) end() int64 { return r.offset + r.size }

// header says what one block of the index covers.
type header struct {
	number     uint64
	runs       []run     // entries whose terms are in the block, in order
	missing    []span    // numbers that the journal states as missing, in order
	first      time.Time // earliest and latest time of the entries, microseconds
	last       time.Time
	leaf       [32]byte // leaf hash of the last entry
	unrevealed uint64   // entries whose patient could not be told
	sizes      [partCount]uint64
}

// bounds returns the numbers that a block may cover.
func bounds(number uint64) span {
	return span{number * blockEntries, number*blockEntries + blockEntries - 1}
}

// lastRun returns the run that ends the block, nil if it has none.
func (h *header) lastRun() *run {
	if len(h.runs) == 0 {
		return nil
	}
	return &h.runs[len(h.runs)-1]
}

// runOf returns the run that holds an entry, and how many entries are in the
// runs before it.
func (h *header) runOf(entry uint64) (r run, before int) {
	for _, r := range h.runs {
		if entry <= r.to {
			return r, before
		}
		before += int(r.to - r.from + 1)
	}
	return run{}, before
}

// entries returns how many entries the block covers.
func (h *header) entries() (n uint64) {
	for _, r := range h.runs {
		n += r.to - r.from + 1
	}
	return n
}

// at widens the times of the block to an entry's.
func (h *header) at(t time.Time) {
	if h.first.IsZero() || t.Before(h.first) {
		h.first = t
	}
	if h.last.IsZero() || t.After(h.last) {
		h.last = t
	}
}

// append appends the header as it stands in a file.
func (h *header) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, h.number)
	dst = binary.AppendUvarint(dst, uint64(len(h.runs)))
	for _, r := range h.runs {
		for _, v := range [...]uint64{r.from, r.to, r.segment, uint64(r.offset), uint64(r.size)} {
			dst = binary.AppendUvarint(dst, v)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(h.missing)))
	for _, s := range h.missing {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, s.from), s.to)
	}
	dst = binary.AppendUvarint(dst, uint64(h.first.UnixMicro()))
	dst = binary.AppendUvarint(dst, uint64(h.last.UnixMicro()))
	dst = append(dst, h.leaf[:]...)
	dst = binary.AppendUvarint(dst, h.unrevealed)
	for _, n := range h.sizes {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// parseHeader is the reverse of append.
func parseHeader(b []byte) (*header, error) {
	c := cursor{rest: b}
	h := &header{number: c.number()}
	for range min(c.number(), blockEntries) {
		r := run{span: span{c.number(), c.number()}, segment: c.number(), offset: int64(c.number()), size: int64(c.number())}
		h.runs = append(h.runs, r)
	}
	for range min(c.number(), blockEntries) {
		h.missing = append(h.missing, span{c.number(), c.number()})
	}
	h.first, h.last = time.UnixMicro(int64(c.number())).UTC(), time.UnixMicro(int64(c.number())).UTC()
	h.leaf = [32]byte(c.take(32))
	h.unrevealed = c.number()
	for i := range h.sizes {
		h.sizes[i] = c.number()
	}
	if c.failed || len(c.rest) > 0 || !h.valid() {
		return nil, errMalformed
	}
	return h, nil
}

// valid reports whether the ranges are in order, within the block, and apart.
func (h *header) valid() bool {
	if h.number >= 1<<50/blockEntries {
		return false
	}
	spans := slices.Clone(h.missing)
	for _, r := range h.runs {
		if r.offset < 0 || r.size < 0 || r.end() < 0 {
			return false
		}
		spans = append(spans, r.span)
	}
	slices.SortFunc(spans, bySpan)
	next := bounds(h.number).from
	for _, s := range spans {
		if s.from < next || s.to < s.from || s.to > bounds(h.number).to {
			return false
		}
		next = s.to + 1
	}
	for _, n := range h.sizes {
		if n > maxPart {
			return false
		}
	}
	return slices.IsSortedFunc(h.runs, func(a, b run) int { return bySpan(a.span, b.span) })
}

// maxPart bounds the bytes of one part.
const maxPart = 64 << 20

// sealer makes and checks the seals of a block's header and parts:
// HMAC-SHA256 under a key of its own. The seal of a part covers that of the
// header, so that parts of different times cannot be mixed. It belongs to one
// goroutine.
type sealer struct {
	mac  hash.Hash
	room []byte
}

func newSealer(key *[32]byte) *sealer {
	return &sealer{mac: hmac.New(sha256.New, derive(key, "seals"))}
}

func (s *sealer) header(b []byte) []byte { return s.sum('h', nil, 0, b) }

func (s *sealer) part(header []byte, part int, b []byte) []byte {
	return s.sum('p', header, byte(part), b)
}

// sum is valid until the next call.
func (s *sealer) sum(use byte, header []byte, part byte, b []byte) []byte {
	s.mac.Reset()
	s.mac.Write([]byte{use, part})
	s.mac.Write(header)
	s.mac.Write(b)
	s.room = s.mac.Sum(s.room[:0])
	return s.room
}

// builder is a block that is being made.
type builder struct {
	header
	lists   postings
	lengths []byte
}

func newBuilder(number uint64) *builder {
	return &builder{header: header{number: number}, lists: postings{}}
}

// add adds the entry that a line holds, which comes after all others.
func (b *builder) add(h *hasher, p place, l *audit.Line, revealed bool) {
	r := b.lastRun()
	if r == nil || r.segment != p.segment || r.to+1 != p.entry || r.end() != p.offset {
		b.runs = append(b.runs, run{span{p.entry, p.entry}, p.segment, p.offset, 0})
		r = b.lastRun()
	}
	r.to = p.entry
	r.size += int64(p.length)
	b.lengths = binary.AppendUvarint(b.lengths, uint64(p.length))
	b.at(timeOf(l))
	b.leaf = l.Leaf
	at := uint16(p.entry % blockEntries)
	for t := range termsOf(l) {
		b.lists.add(h.of(t), at)
	}
	if !revealed {
		b.unrevealed++
		b.lists.add(h.of(term{dim: unrevealed}), at)
	}
}

// encode returns the block as it stands in a file.
func (b *builder) encode(s *sealer) []byte {
	var parts [partCount][]byte
	shards := b.lists.shards()
	copy(parts[:], shards[:])
	parts[lengths] = b.lengths
	for i, p := range parts {
		b.sizes[i] = uint64(len(p))
	}
	head := b.append(nil)
	out := binary.BigEndian.AppendUint32([]byte(magic), uint32(len(head)))
	out = append(out, head...)
	seal := slices.Clone(s.header(head))
	out = append(out, seal...)
	for i, p := range parts {
		out = append(out, p...)
		out = append(out, s.part(seal, i, p)...)
	}
	return out
}

// timeOf returns when what an entry tells of happened.
func timeOf(l *audit.Line) time.Time {
	if !l.Occurred.IsZero() {
		return l.Occurred
	}
	return l.Time
}
