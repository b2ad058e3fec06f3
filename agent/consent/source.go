package consent

import (
	"bytes"
	"context"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// reading is a Fill under way.
type reading struct {
	// learned is what Learn was told meanwhile, which the reading may have missed.
	learned map[care.NHSNumber][]rule.Statement
	// full says that more was learned than is kept.
	full bool
}

// slotOf returns the set of a source.
func (s *Store) slotOf(source string) (int, error) {
	for i := range s.opts.Sources {
		if s.opts.Sources[i].Name == source {
			return s.slots[i], nil
		}
	}
	return 0, failure(care.BadRequest, ReasonSource, "the source is not one of those whose directives are kept", nil)
}

// Learn takes what a source says of one patient now, in place of what it said
// of the patient before, and returns the statements that are new. A dissent or
// restriction that the source no longer mentions stays until the next whole
// reading: of two looks at a patient the older may come last. Nothing is
// written if there is nothing new. A consent or lifting dated ahead is left out
// until it holds. It fails with BadRequest, SOURCE, for a source that is not
// configured, and with what rule.Explode fails with.
func (s *Store) Learn(ctx context.Context, source string, n care.NHSNumber, ds []care.Directive) (changed []care.Directive, err error) {
	slot, err := s.slotOf(source)
	if err != nil {
		return nil, err
	}
	if n.IsZero() {
		return nil, errNoNumber
	}
	var now rule.Entry
	for i := range ds {
		if ds[i].NHSNumber != n {
			return nil, failure(care.BadRequest, "PATIENT", "a directive is about another patient", nil)
		}
		said, err := s.readFrom(source, &ds[i])
		if err != nil {
			return nil, numbered(i+1, err)
		}
		for _, statement := range said {
			if _, err := now.Admit(statement); err != nil {
				return nil, numbered(i+1, err)
			}
		}
	}
	if known, err := s.known(slot, n, &now); known || err != nil {
		return nil, err
	}
	var taken []rule.Statement
	err = s.update(ctx, func(c *change) error {
		key := c.keys.key(n)
		before, err := c.entry(slot, &key)
		if err != nil {
			return err
		}
		for _, said := range before.Statements() { // what withholds is not taken back by a look at one patient: see Learn
			if said.Kind == care.Dissent || said.Kind == care.Restriction {
				if _, err := now.Admit(said); err != nil {
					return err
				}
			}
		}
		s.learned(slot, n, now.Statements())
		taken = missing(now.Statements(), before.Statements())
		if len(taken) == 0 && len(before.Statements()) == len(now.Statements()) {
			return nil
		}
		return c.put(slot, key, n, before.Statements(), &now)
	})
	if err != nil {
		return nil, err
	}
	return about(n, care.SourceFlag, source, taken), nil
}

// readFrom makes statements of what a source says; none of a consent or lifting
// that does not hold yet.
func (s *Store) readFrom(source string, d *care.Directive) ([]rule.Statement, error) {
	if d.Source != "" && d.Source != source {
		return nil, failure(care.BadRequest, "AUTHORITY", "it is of another source", nil)
	}
	said, err := explode(d, care.SourceFlag, s.latest())
	if care.ReasonOf(err) == "FUTURE_DATED" {
		return nil, nil
	}
	return said, err
}

// known reports whether a set holds exactly an entry of a patient, and will: a
// reading under way may have seen the patient before, and would undo it.
func (s *Store) known(slot int, n care.NHSNumber, e *rule.Entry) (bool, error) {
	s.filling.Lock()
	underWay := s.readings[slot] != nil
	s.filling.Unlock()
	if underWay {
		return false, nil
	}
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	key := sc.keys.key(n)
	return s.same(slot, &key, stored(nil, e))
}

// same reports whether a set holds this value of a key.
func (s *Store) same(slot int, key *vault.Key, value []byte) (bool, error) {
	r := s.vault.Read()
	defer r.Done()
	held, err := r.Get(slot, key)
	return bytes.Equal(held, value), err
}

// learned notes what was learned for a reading under way. The caller makes a
// change, so that the reading does not end meanwhile.
func (s *Store) learned(slot int, n care.NHSNumber, said []rule.Statement) {
	s.filling.Lock()
	defer s.filling.Unlock()
	r := s.readings[slot]
	if r == nil || len(said) == 0 {
		return
	}
	if _, there := r.learned[n]; !there && len(r.learned) == maxLearned {
		r.full = true
	}
	if !r.full {
		r.learned[n] = append(r.learned[n], said...)
	}
}
