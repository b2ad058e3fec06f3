package audit

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	maxReserve     = 256      // events kept while nothing can be written
	maxReserveBody = 64 << 10 // bytes of one of them
)

// reserve keeps what happened while nothing could be written.
type reserve struct {
	kept []late
	lost int // events that there was no room for
}

// late is one event that is to be written later.
type late struct {
	body []byte
	at   time.Time // when it occurred
}

// keep remembers a body if it tells of something that is true whether or not
// it is written. The oldest gives way. A decision to release is not such a
// thing: what could not be written was not released.
func (r *reserve) keep(body []byte, at time.Time) {
	if !isFact(body) {
		return
	}
	if len(body) > maxReserveBody {
		r.lost++
		return
	}
	if len(r.kept) == maxReserve {
		r.kept = slices.Delete(r.kept, 0, 1)
		r.lost++
	}
	r.kept = append(r.kept, late{bytes.Clone(body), at})
}

// keepLines remembers the events of a batch that failed.
func (r *reserve) keepLines(lines []byte) {
	for line := range bytes.Lines(lines) {
		h, body, ok := parseHeader(bytes.TrimSuffix(line, []byte{'\n'}))
		if !ok {
			continue
		}
		at := h.time
		if !h.occurred.IsZero() {
			at = h.occurred
		}
		r.keep(body, at)
	}
}

// take returns what was kept and keeps it no longer.
func (r *reserve) take() []late {
	kept := r.kept
	r.kept = nil
	return kept
}

// unwritten is the error for what is in no entry when the journal is closed,
// or nil. The reason is that of why, for which the journal could not be written.
func (r *reserve) unwritten(why error) error {
	n := len(r.kept) + r.lost
	if n == 0 {
		return nil
	}
	return &care.Error{Kind: care.AuditUnavailable, Op: "audit.Close", Reason: cmp.Or(care.ReasonOf(why), ReasonClosed), Err: why,
		Detail: fmt.Sprintf("%d facts could not be written and are lost, such as refusals, ends of answers and the stop itself; "+
			"no record left without its decision in the journal. Mend the journal's disk and start the agent again", n)}
}

// isFact reports whether a body tells of something that happened. A decision to
// release did not, if it was not written; a repair is told anew by the next.
func isFact(body []byte) bool {
	return !isOf(body, care.ReleaseDecided, care.JournalRepaired)
}

// freesSpace reports whether a body tells that segments are about to be removed,
// which they are only once that is on disk.
func freesSpace(body []byte) bool { return isOf(body, care.JournalArchived, care.JournalPruned) }

// isOf reports whether a body is of one of the kinds.
func isOf(body []byte, kinds ...care.EventKind) bool {
	return slices.ContainsFunc(kinds, func(kind care.EventKind) bool {
		return bytes.HasPrefix(body, []byte(`"kind":"`+kind+`"`))
	})
}
