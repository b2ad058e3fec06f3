package feed

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// Ledger is a region's own set of flags in memory, about 200 bytes for a
// patient: what its sites must hold, the manifests that say so, and the last
// changes, so that a site that is a little behind need not be sent everything.
// It is for one goroutine at a time.
type Ledger struct {
	region   string
	sequence uint64
	asOf     time.Time
	patients map[care.NHSNumber]string // stored form of a rule.Entry
	said     uint64                    // statements in force
	digest   Digest
	history  []change
	first    uint64 // the state that it began with, before which nothing is known
}

// change is one statement that a state brought.
type change struct {
	sequence uint64
	said     care.Directive
}

// NewLedger returns an empty ledger of a region in its state number sequence,
// which the region knew to be right at asOf. Statements that are admitted next
// belong to that state.
func NewLedger(region string, sequence uint64, asOf time.Time) *Ledger {
	return &Ledger{region: region, sequence: sequence, asOf: asOf.UTC().Truncate(time.Millisecond),
		patients: make(map[care.NHSNumber]string), first: sequence}
}

// Next begins the next state: what is admitted from now on belongs to it.
// Without anything it says that nothing changed up to asOf. It fails with
// Conflict when sequence or asOf would go back.
func (l *Ledger) Next(sequence uint64, asOf time.Time) error {
	asOf = asOf.UTC().Truncate(time.Millisecond)
	if sequence <= l.sequence || asOf.Before(l.asOf) {
		return failure(care.Conflict, "OLD", "a region's sequence and its time never go back", nil)
	}
	l.sequence, l.asOf = sequence, asOf
	return nil
}

// Admit takes a directive of the region and reports whether that changed
// anything: it does not if something later was said of the same matter. Errors
// are those of rule.Explode for the ledger's time, and of rule.Entry.Admit; the
// ledger is then as it was.
func (l *Ledger) Admit(d care.Directive) (changed bool, err error) {
	d.Authority, d.Source = care.Region, ""
	statements, err := rule.Explode(&d, l.asOf)
	if err != nil {
		return false, err
	}
	before, err := l.entry(d.NHSNumber)
	if err != nil {
		return false, err
	}
	after, err := l.entry(d.NHSNumber)
	if err != nil {
		return false, err
	}
	var admitted []rule.Statement
	for _, s := range statements {
		took, err := after.Admit(s)
		if err != nil {
			return false, err
		}
		if took {
			admitted = append(admitted, s)
		}
	}
	if len(admitted) == 0 {
		return false, nil
	}
	l.put(d.NHSNumber, &before, &after)
	for i := range admitted {
		l.remember(admitted[i].Directive(d.NHSNumber, care.Region, ""))
	}
	return true, nil
}

// AdmitAll admits directives up to the first error, of the sequence or of a
// directive, which it says the number of. What came before it stays admitted.
func (l *Ledger) AdmitAll(all iter.Seq2[care.Directive, error]) error {
	n := 0
	for d, err := range all {
		if err != nil {
			return err
		}
		n++
		if _, err := l.Admit(d); err != nil {
			return numbered(n, err)
		}
	}
	return nil
}

// numbered says which directive an error is about.
func numbered(n int, err error) error {
	detail := fmt.Sprintf("directive %d is refused", n)
	if e, ok := errors.AsType[*care.Error](err); ok {
		detail = fmt.Sprintf("directive %d: %s", n, e.Detail)
	}
	return failure(care.KindOf(err), care.ReasonOf(err), detail, err)
}

// entry returns what is held about a patient.
func (l *Ledger) entry(n care.NHSNumber) (rule.Entry, error) {
	stored, held := l.patients[n]
	if !held {
		return rule.Entry{}, nil
	}
	return rule.Parse([]byte(stored))
}

// put replaces what is held about a patient.
func (l *Ledger) put(n care.NHSNumber, before, after *rule.Entry) {
	var row []byte
	for _, s := range before.Statements() {
		row = AppendRow(row[:0], n, &s)
		l.digest.Remove(row)
	}
	for _, s := range after.Statements() {
		row = AppendRow(row[:0], n, &s)
		l.digest.Add(row)
	}
	l.said += uint64(len(after.Statements()))
	l.said -= uint64(len(before.Statements()))
	l.patients[n] = string(after.Append(nil))
}

// remember adds to the history. It is cut back to what one push can carry now
// and then: whoever lacks a change that was cut lacks more than that.
func (l *Ledger) remember(said care.Directive) {
	if len(l.history) == 2*MaxChanges {
		l.history = slices.Delete(l.history, 0, MaxChanges)
	}
	l.history = append(l.history, change{l.sequence, said})
}

// Sequence returns the number of the ledger's state.
func (l *Ledger) Sequence() uint64 { return l.sequence }

// Digest returns the digest of the statements in force.
func (l *Ledger) Digest() Digest { return l.digest }

// Directives returns the statements in force, one directive for each, by
// patient: always in the same order, so that a push that broke off can go on.
// There is no error unless memory is damaged.
func (l *Ledger) Directives() iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		byNumber := func(a, b care.NHSNumber) int { return cmp.Compare(a.Reveal(), b.Reveal()) }
		for _, n := range slices.SortedFunc(maps.Keys(l.patients), byNumber) {
			e, err := l.entry(n)
			if err != nil {
				yield(care.Directive{}, err)
				return
			}
			for _, s := range e.Statements() {
				if !yield(s.Directive(n, care.Region, ""), nil) {
					return
				}
			}
		}
	}
}

// Snapshot returns the manifest of a push of Directives.
func (l *Ledger) Snapshot() (*Manifest, error) {
	m := l.manifest()
	m.Snapshot = true
	var content Content
	for d, err := range l.Directives() {
		if err != nil {
			return nil, err
		}
		content.Add(&d)
		m.Rows++
	}
	m.Content = content.Sum()
	return m, nil
}

// Changes returns the changes since a state of the ledger and the manifest of
// their push. It reports false when they are not all known any more, are more
// than one push can carry, or the ledger never had such a state: a snapshot
// must be pushed.
func (l *Ledger) Changes(base uint64) (*Manifest, []care.Directive, bool) {
	if base < l.first || base > l.sequence {
		return nil, nil, false
	}
	m := l.manifest()
	m.Base = base
	var content Content
	var said []care.Directive
	for i := range l.history {
		if l.history[i].sequence > base {
			said = append(said, l.history[i].said)
			content.Add(&l.history[i].said)
		}
	}
	if len(said) > MaxChanges {
		return nil, nil, false
	}
	m.Rows, m.Content = uint64(len(said)), content.Sum()
	return m, said, true
}

func (l *Ledger) manifest() *Manifest {
	return &Manifest{Region: l.region, Sequence: l.sequence, AsOf: l.asOf,
		Patients: uint64(len(l.patients)), Directives: l.said, Digest: l.digest}
}
