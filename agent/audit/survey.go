package audit

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// place is where one line stands and what it is.
type place struct {
	sequence, batch uint64
	leaf            [32]byte
	time            time.Time
	stop            bool // it says that the agent stopped
}

func (p *place) position() care.Position { return care.Position{Sequence: p.sequence, Leaf: p.leaf} }

// extent is what a segment holds: an unbroken beginning of lines that follow
// from one another, and perhaps a rest.
type extent struct {
	end     int64  // after the last line of the beginning
	last    place  // that line; zero when there is none
	batchAt int64  // where its batch begins
	expect  uint64 // number of the line that would come next
	limit   uint64 // more numbers than there is room for
	tail    int64  // after the last byte that is not NUL
	rest    bool   // something comes after the beginning
	changed bool   // the rest begins with a whole line that does not follow
	beyond  place  // the last whole line of the rest
}

// damaged reports whether the rest is more than a crash can leave. A batch is
// written only when the one before is on disk, so a crash tears none but the
// last, and tearing leaves no whole line where the beginning ends.
func (x *extent) damaged() bool { return x.changed || x.beyond.batch > x.expect }

// newest returns the line with the highest number.
func (x *extent) newest() *place {
	if x.beyond.sequence > x.last.sequence {
		return &x.beyond
	}
	return &x.last
}

// survey reads a whole segment.
func survey(s *segment, first uint64) (extent, error) {
	x := extent{expect: first, limit: first + uint64(s.size)/minLine}
	scan := newScanner(io.NewSectionReader(s.file, 0, s.size), maxLine+1, false)
	for {
		line, at, err := scan.next()
		switch {
		case err == io.EOF:
			return x, nil
		case err != nil && err != errDamaged:
			return x, err
		}
		x.add(line, at)
		x.tail = scan.offset
	}
}

// add takes the next stretch of the segment, which is nil if it is no line.
func (x *extent) add(line []byte, at int64) {
	h, body, ok := parseHeader(line)
	ok = ok && h.sequence < x.limit && json.Valid(line)
	if !ok {
		x.rest = true
		return
	}
	p := place{sequence: h.sequence, batch: h.batch, leaf: leafHash(line), time: h.time,
		stop: bytes.HasPrefix(body, []byte(`"kind":"`+care.AgentStopped+`"`))}
	if x.rest {
		if p.sequence >= x.beyond.sequence {
			x.beyond = p
		}
		return
	}
	if h.sequence != x.expect || x.last.sequence > 0 && h.prev != x.last.leaf {
		x.rest, x.changed, x.beyond = true, true, p
		return
	}
	if h.batch != x.last.batch {
		x.batchAt = at
	}
	x.last, x.end, x.expect = p, at+int64(len(line))+1, x.expect+1
}
