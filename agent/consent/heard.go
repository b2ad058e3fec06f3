package consent

import (
	"bytes"
	"fmt"
	"maps"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// maxHeard is of how many patients it is kept what sources said since their last
// whole readings.
const maxHeard = 4096

// heard is what sources said of single patients since their last whole readings,
// where that is not what the readings said. It is in memory only, because a look
// must leave no trace that a caller could find: a write takes time, moves the
// epoch and is journalled, and would so tell a patient who is restricted from
// one who is not there. After a restart whoever is asked for is looked up again;
// of a person's other numbers nothing is known before the next readings, see
// Store.ages. It is never changed, only replaced.
type heard struct {
	turn uint64 // goes up with every change
	said map[remark]hearsay
}

// remark names what a source says of a patient.
type remark struct {
	set int
	key vault.Key
}

// hearsay is an entry in its stored form, and when it was last heard.
type hearsay struct {
	entry []byte
	turn  uint64
}

// of returns what was heard of a patient since the last reading.
func (h *heard) of(set int, key *vault.Key) (entry []byte, there bool) {
	if len(h.said) == 0 {
		return nil, false
	}
	s, there := h.said[remark{set, *key}]
	return s.entry, there
}

// Learn takes what a source says of one patient now, in place of what it said
// of the patient before. It counts at once, until the next whole reading, and is
// not written to disk. A dissent or restriction that the source no longer
// mentions stays until that reading: of two looks at a patient the older may
// come last. A consent or lifting dated ahead is left out until it holds. It
// fails with BadRequest, SOURCE, for a source that is not configured, with
// LimitExceeded, BUSY, when too much was learned since the last reading, and with
// what rule.Explode fails with.
func (s *Store) Learn(source string, n care.NHSNumber, ds []care.Directive) error {
	slot, err := s.slotOf(source)
	if err != nil {
		return err
	}
	if n.IsZero() {
		return errNoNumber
	}
	now, err := s.entryOf(source, n, ds)
	if err != nil {
		return err
	}
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	return s.note(remark{slot, sc.keys.key(n)}, &now)
}

// entryOf makes an entry of what a source says of one patient.
func (s *Store) entryOf(source string, n care.NHSNumber, ds []care.Directive) (now rule.Entry, err error) {
	for i := range ds {
		if ds[i].NHSNumber != n {
			return now, failure(care.BadRequest, "PATIENT", "a directive is about another patient", nil)
		}
		said, err := s.readFrom(source, &ds[i])
		if err != nil {
			return now, numbered(i+1, err)
		}
		for _, statement := range said {
			if _, err := now.Admit(statement); err != nil {
				return now, numbered(i+1, err)
			}
		}
	}
	return now, nil
}

// note keeps what was heard, if it is new. While the source is read it is kept
// even if the set has it: the reading may have passed the patient already. That
// nothing is said is never news of somebody of whom nothing was said.
func (s *Store) note(about remark, now *rule.Entry) error {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	h := s.heard.Load()
	r := s.vault.Read()
	before, err := s.held(h, r, about)
	r.Done()
	if err != nil {
		return err
	}
	entry, err := withheld(before, now)
	if err != nil {
		return err
	}
	_, reading := s.readings[about.set]
	if bytes.Equal(entry, before) && (!reading || len(entry) == 0) {
		return nil
	}
	if _, there := h.said[about]; !there && len(h.said) >= maxHeard {
		return failure(care.LimitExceeded, ReasonBusy, fmt.Sprintf("what sources say of more than %d patients has changed since they were last read whole", maxHeard), nil)
	}
	next := &heard{turn: h.turn + 1, said: make(map[remark]hearsay, len(h.said)+1)}
	maps.Copy(next.said, h.said)
	next.said[about] = hearsay{entry, next.turn}
	s.heard.Store(next)
	return nil
}

// held returns what is held of a patient at present.
func (s *Store) held(h *heard, r *vault.Reader, about remark) ([]byte, error) {
	value, err := r.Get(about.set, &about.key)
	if err != nil {
		return nil, err
	}
	entry, there := h.of(about.set, &about.key)
	if !there {
		return bytes.Clone(value), nil
	}
	now, err := parseEntry(entry)
	if err != nil {
		return nil, err
	}
	return withheld(value, &now)
}

// withheld returns an entry in its stored form, with those statements of the one
// before that withhold.
func withheld(before []byte, now *rule.Entry) ([]byte, error) {
	entry, err := parseEntry(before)
	if err != nil {
		return nil, err
	}
	for _, s := range entry.Statements() {
		if s.Kind == care.Dissent || s.Kind == care.Restriction {
			if _, err := now.Admit(s); err != nil {
				return nil, err
			}
		}
	}
	return stored(nil, now), nil
}

// beginReading notes that a source is being read whole, and from when on what is
// heard of single patients may be newer than the reading.
func (s *Store) beginReading(slot int) error {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	if _, busy := s.readings[slot]; busy {
		return conflict(ReasonBusy, "this source is being read already")
	}
	s.readings[slot] = s.heard.Load().turn
	return nil
}

// endReading ends a reading. If it came to its end, it has all that was heard
// before it began. What the set says as well need not be kept.
func (s *Store) endReading(slot int, whole bool) {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	began := s.readings[slot]
	delete(s.readings, slot)
	h := s.heard.Load()
	if len(h.said) == 0 {
		return
	}
	r := s.vault.Read()
	defer r.Done()
	next := &heard{turn: h.turn + 1, said: maps.Clone(h.said)}
	maps.DeleteFunc(next.said, func(about remark, s hearsay) bool {
		if about.set != slot {
			return false
		}
		held, err := r.Get(slot, &about.key)
		return whole && s.turn <= began || err == nil && bytes.Equal(held, s.entry)
	})
	s.heard.Store(next)
}
