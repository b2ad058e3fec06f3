package consent

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/spool"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// maxReported is the most that a report tells of one by one.
const maxReported = 10_000 // directives in FillReport.Changed

// readingSuffix names the files beside the store in which readings arrive.
const readingSuffix = ".reading-"

// Fill takes a whole reading of a source, which was begun at asOf: all that it
// says of anybody, in place of all it said before. The old set is served until
// the new one is on disk; an error of all, or any directive that is not valid,
// leaves it in place. What was learned of a patient meanwhile counts until the
// next one. Consents dated ahead are left out until they hold.
//
// It fails with Conflict, BUSY, while the same source is being filled, OLD when
// asOf is before that of the last reading, CLOCK when it is ahead of now.
func (s *Store) Fill(ctx context.Context, source string, asOf time.Time, all iter.Seq2[care.Directive, error]) (FillReport, error) {
	slot, err := s.slotOf(source)
	if err != nil {
		return FillReport{}, err
	}
	if err := s.beginReading(slot); err != nil {
		return FillReport{}, err
	}
	whole := false
	defer func() { s.endReading(slot, whole) }()
	f := &fill{store: s, source: source, slot: slot, asOf: asOf.UnixMilli()}
	if err := f.check(&s.current().sets[slot], asOf); err != nil {
		return FillReport{}, err
	}
	if err := f.run(ctx, all); err != nil {
		return FillReport{}, err
	}
	s.hear(slot, f.asOf)
	whole = true
	return f.report, nil
}

// readingPath returns the file in which a reading arrives.
func (s *Store) readingPath(slot int) string { return fmt.Sprint(s.path, readingSuffix, slot) }

// fill is one Fill.
type fill struct {
	store  *Store
	source string
	slot   int
	asOf   int64
	report FillReport
	kept   uint64 // statements that the reading before had, too
}

func (f *fill) check(set *set, asOf time.Time) error {
	switch {
	case f.store.ahead(asOf):
		return conflict(rule.ReasonClock, "the reading is dated ahead of this machine's clock")
	case f.asOf < set.asOf:
		return conflict(ReasonOld, "a later reading was taken already")
	}
	return nil
}

// run spools the reading and makes it the source's set.
func (f *fill) run(ctx context.Context, all iter.Seq2[care.Directive, error]) error {
	var id [32]byte
	_, _ = rand.Read(id[:]) // never fails
	rows, err := spool.Create(f.store.readingPath(f.slot), f.store.spoolKey, id)
	if err != nil {
		return err
	}
	defer func() {
		if err := rows.Remove(); err != nil {
			f.store.opts.Log.Warn("the file of a reading could not be removed", "error", err)
		}
	}()
	if err := f.spool(ctx, rows, all); err != nil {
		return err
	}
	g := gathering{each: f.compare}
	built, err := g.build(ctx, f.store, f.slot, rows)
	if err != nil {
		return err
	}
	adopted := false
	err = f.store.update(ctx, func(c *change) (err error) {
		adopted, err = f.adopt(c, built, &g)
		return err
	})
	if err != nil || !adopted {
		built.Discard()
	}
	return err
}

// spool takes all that the source says.
func (f *fill) spool(ctx context.Context, rows *spool.Spool, all iter.Seq2[care.Directive, error]) error {
	keys := newKeyer(f.store.keySecret)
	var row []byte
	number := 0
	for d, err := range all {
		if number++; err != nil {
			return err
		}
		if number%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		said, err := f.store.readFrom(f.source, &d)
		if err != nil {
			return numbered(number, err)
		}
		if len(said) == 0 {
			f.report.Ahead++
			continue
		}
		key := spool.Key(keys.key(d.NHSNumber))
		for _, statement := range said {
			if row, err = appendRow(row[:0], d.NHSNumber, statement); err == nil {
				err = rows.Add(&key, row)
			}
			if err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// compare notes what is new of a patient.
func (f *fill) compare(k *vault.Key, number string, e *rule.Entry, value []byte) error {
	r := f.store.vault.Read()
	held, err := r.Get(f.slot, k)
	same := bytes.Equal(held, value)
	var before rule.Entry
	if err == nil && !same {
		before, err = parseEntry(held)
	}
	r.Done()
	if same {
		f.kept += uint64(len(e.Statements()))
		return err
	}
	if err != nil {
		return err
	}
	n, err := care.ParseNHSNumber(number)
	fresh := missing(e.Statements(), before.Statements())
	f.kept += uint64(len(e.Statements()) - len(fresh))
	room := min(len(fresh), maxReported-len(f.report.Changed))
	f.report.Changed = append(f.report.Changed, about(n, care.SourceFlag, f.source, fresh[:room])...)
	f.report.MoreChanged += len(fresh) - room
	return err
}

// adopt makes the reading the source's set, unless it is what the set holds.
func (f *fill) adopt(c *change, built *vault.Built, g *gathering) (adopted bool, err error) {
	set := &c.state.sets[f.slot]
	if err := f.check(set, time.UnixMilli(f.asOf)); err != nil {
		return false, err
	}
	f.report.Patients, f.report.Directives = g.patients, g.set.directives
	f.report.Gone = set.directives - min(f.kept, set.directives)
	if adopted = !set.filled || set.digest != g.set.digest || set.directives != g.set.directives; adopted {
		set.digest, set.directives = g.set.digest, g.set.directives
		c.moved = true
		if err := c.Adopt(built); err != nil {
			return false, err
		}
	}
	set.asOf, set.filled, set.lost = f.asOf, true, false
	c.dirty = true
	return adopted, nil
}
