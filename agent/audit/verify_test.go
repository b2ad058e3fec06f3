package audit

import (
	"fmt"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxFaults bounds how many faults a Report lists.
const maxFaults = 1000

// Report is what Verify found.
type Report struct {
	Entries uint64        // readable entries
	Last    care.Position // the last of them
	Missing uint64        // numbers that entries state as missing
	Faults  []Fault       // in order; the first 1000
	More    int           // faults that are not listed
}

// Fault is one place where the journal is not as it was written.
type Fault struct {
	After  uint64 // number of the last readable entry before it
	Detail string
}

// Verify reads the whole journal and checks that every line can be read, that
// numbers have no gap but those the journal itself states, and that every
// entry names the leaf hash of the one before. It cannot tell that the end was
// cut off or that everything was rebuilt. It may be used while an agent
// writes. The error is about reading the files, not about what they hold.
func Verify(folder string) (Report, error) {
	var report Report
	for line, err := range Read(folder, 1, 0) {
		switch {
		case isDamage(err):
			report.fault("lines cannot be read")
		case err != nil:
			return report, err
		default:
			report.add(&line)
		}
	}
	return report, nil
}

// add checks one entry against the one before.
func (r *Report) add(line *Line) {
	next := r.Last.Sequence + 1
	gap := line.gap()
	switch {
	case gap.from == next:
		r.Missing += gap.to - gap.from + 1
	case line.Sequence > next:
		r.fault(fmt.Sprintf("entries %d to %d are missing", next, line.Sequence-1))
	case line.Sequence < next:
		r.fault(fmt.Sprintf("entry %d stands after entry %d", line.Sequence, r.Last.Sequence))
	}
	if line.Prev != r.Last.Leaf {
		r.fault(fmt.Sprintf("entry %d does not follow from the entry before it: one of the two was changed", line.Sequence))
	}
	r.Entries++
	r.Last = line.Position()
}

func (r *Report) fault(detail string) {
	if len(r.Faults) == maxFaults {
		r.More++
		return
	}
	r.Faults = append(r.Faults, Fault{After: r.Last.Sequence, Detail: detail})
}
