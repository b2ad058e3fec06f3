package consent

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// Store is the consent store. All methods may be called from many goroutines;
// changes are made one at a time and readers never wait for them.
type Store struct {
	opts                Options
	path                string
	instance            [16]byte
	slots               []int // the set of each configured source, in the order of Options.Sources
	keySecret, spoolKey [32]byte
	vault               *vault.Vault
	scratch             sync.Pool // of *scratch

	seeing sync.Mutex // held while the sight is replaced
	sight  atomic.Pointer[sight]
	lately atomic.Pointer[outlook] // the last one made

	pushing  sync.Mutex // held while snapshot is replaced
	snapshot *Snapshot  // the push under way, or nil
	staged   atomic.Pointer[Staged]

	hearing  sync.Mutex // held while heard is replaced; guards readings
	heard    atomic.Pointer[heard]
	readings map[int]uint64 // sources being read, and the turn of heard at which that began

	telling  sync.Mutex // guards the next two
	untold   bool       // something may have changed since OnDoubt was last considered
	speaking bool       // somebody considers it
	lastTold string     // by whoever speaks
}

// failedEpoch is the epoch of a store that refuses, so that whoever watches the
// epoch notices.
const failedEpoch = math.MaxUint64

// scratch is what a check needs. It belongs to one goroutine at a time.
type scratch struct {
	keys   *keyer
	person person
	said   rule.Said
	ask    rule.Ask
	ages   rule.Ages
}

// Check answers whether the record of the request's subject may leave. It never
// waits for a change in progress: a change counts from the moment its method
// has returned. Where the demographics were not checked, the caller must do so;
// Check knows the NHS number alone.
func (s *Store) Check(req *care.Request) care.ConsentAnswer {
	if req.Subject.NHSNumber.IsZero() {
		return care.ConsentAnswer{Refusal: care.InvalidNHSNumber, Epoch: s.Committed(), Version: s.Version()}
	}
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	sc.ask = rule.Asked(req)
	h := s.heard.Load()
	r := s.vault.Read()
	defer r.Done()
	defer sc.said.Reset()
	return s.decide(sc, h, r, req.Subject.NHSNumber)
}

// decide decides about one patient. What was said and how old it is stay in sc,
// and are valid until the reader is done. What was heard must have been loaded
// before the reader began: a reading that makes it superfluous is then seen by
// whoever misses it.
func (s *Store) decide(sc *scratch, h *heard, r *vault.Reader, n care.NHSNumber) care.ConsentAnswer {
	root := r.Root()
	err := s.hearAll(sc, h, r, n)
	sc.ages = s.ages(root.State.(*state), sc.person.count > 1)
	epoch, version := root.Epoch, root.Epoch+h.turn
	if sc.ages.Failure = s.failure(); sc.ages.Failure != "" {
		epoch, version = failedEpoch, failedEpoch
	} else if err != nil {
		sc.ages.Failure = rule.ReasonDamaged
	}
	answer := rule.Decide(&sc.said, &sc.ask, &sc.ages, s.opts.Model)
	answer.Epoch, answer.Version = epoch, version
	return answer
}

// hearAll collects what everyone says of a patient.
func (s *Store) hearAll(sc *scratch, h *heard, r *vault.Reader, n care.NHSNumber) error {
	if err := sc.person.find(sc.keys.key(n), r); err != nil {
		return err
	}
	for i := range sc.person.keys[:sc.person.count] {
		key, link := &sc.person.keys[i], sc.person.since
		if i == 0 {
			link = rule.Own
		}
		for v := range int(firstVoice) + len(s.slots) {
			value, err := r.Get(s.setOf(v), key)
			if err != nil {
				return err
			}
			if entry, there := h.of(s.setOf(v), key); there {
				sc.said.Add(rule.Voice(v), entry, link)
				sc.said.AddDenials(rule.Voice(v), value, link)
			} else {
				sc.said.Add(rule.Voice(v), value, link)
			}
		}
	}
	return nil
}

// setOf returns the set that holds what a voice says.
func (s *Store) setOf(voice int) int {
	if voice < int(firstVoice) {
		return voice // regionSet and siteSet are numbered like their voices
	}
	return s.slots[voice-int(firstVoice)]
}

// Show returns all that is kept of one patient. It fails with
// ConsentUnavailable when the store has failed, but not because it is empty,
// lost or old.
func (s *Store) Show(n care.NHSNumber) (Held, error) {
	if n.IsZero() {
		return Held{}, errNoNumber
	}
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	h := s.heard.Load()
	r := s.vault.Read()
	defer r.Done()
	if err := sc.person.find(sc.keys.key(n), r); err != nil {
		return Held{}, err
	}
	held := Held{Linked: sc.person.count - 1}
	for v := range int(firstVoice) + len(s.slots) {
		for i := range sc.person.keys[:sc.person.count] {
			value, err := s.held(h, r, remark{s.setOf(v), sc.person.keys[i]})
			if err != nil {
				return Held{}, err
			}
			said, err := parseEntry(value)
			if err != nil {
				return Held{}, err
			}
			held.Directives = append(held.Directives, about(n, authorityOf(v), s.sourceOf(v), said.Statements())...)
		}
	}
	return held, nil
}

func authorityOf(voice int) care.Authority {
	switch rule.Voice(voice) {
	case rule.RegionVoice:
		return care.Region
	case rule.SiteVoice:
		return care.Site
	}
	return care.SourceFlag
}

func (s *Store) sourceOf(voice int) string {
	if voice < int(firstVoice) {
		return ""
	}
	return s.opts.Sources[voice-int(firstVoice)].Name
}

// Explain answers an ask about a patient as Check would, and says in plain
// sentences why. It names nobody.
func (s *Store) Explain(n care.NHSNumber, ask rule.Ask) (care.ConsentAnswer, []string, error) {
	if n.IsZero() {
		return care.ConsentAnswer{}, nil, errNoNumber
	}
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	sc.ask = ask
	h := s.heard.Load()
	r := s.vault.Read()
	defer r.Done()
	defer sc.said.Reset()
	answer := s.decide(sc, h, r, n)
	return answer, rule.Explain(&sc.said, &sc.ask, &sc.ages, s.opts.Model, answer), nil
}

// Version returns a number that changes whenever a statement changes, and is the
// largest uint64 while the store cannot be relied on, for whatever reason. An
// answer of Check holds for as long as Version is the answer's. It means nothing
// once the process has ended.
func (s *Store) Version() uint64 {
	if s.doubt() != "" {
		return failedEpoch
	}
	return s.heard.Load().turn + s.vault.Root().Epoch
}

// Committed returns the epoch of what is on disk, which never goes back: what
// the journal remembers a store by. It is the largest uint64 if the store has
// failed.
func (s *Store) Committed() uint64 {
	if s.vault.Err() != nil {
		return failedEpoch
	}
	return s.vault.Root().Epoch
}

// Failed is closed when a change could not be written or the file was found
// damaged while it was open. The process must then end and open the store
// again: what it sees may differ from what is on disk. Until then the store
// refuses everything.
func (s *Store) Failed() <-chan struct{} { return s.vault.Failed() }

// Verify reads and checks every entry of the file while the store is in use. On
// damage the store refuses from then on.
func (s *Store) Verify(ctx context.Context) error {
	defer s.tell()
	return s.vault.Verify(ctx)
}

// Close waits for the calls in progress and closes the file. It may be called
// more than once; every other method then refuses. A push under way is left on
// disk to go on with.
func (s *Store) Close() error {
	s.pushing.Lock()
	under := s.snapshot
	s.pushing.Unlock()
	if under != nil {
		under.Abandon()
	}
	defer s.tell()
	return s.vault.Close()
}

// failure returns why the store refuses everything, or the empty text.
func (s *Store) failure() string {
	err := s.vault.Err()
	if err == nil {
		return ""
	}
	switch reason := care.ReasonOf(err); reason {
	case rule.ReasonPoisoned, rule.ReasonClosed:
		return reason
	}
	return rule.ReasonDamaged
}

// current returns the state in force.
func (s *Store) current() *state { return s.vault.Root().State.(*state) }

var errNoNumber = failure(care.InvalidNHSNumber, "", "the NHS number is missing", nil)
