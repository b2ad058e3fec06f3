// Package budget is the guard against enumeration: whoever asks for patient
// after patient is slowed down, then stopped, and the site is told.
//
// Three kinds of key have a budget: each user (of one organisation, through one
// broker), each organisation, and each broker. Three things are counted over
// the last hour: distinct patients asked for; answers that served nobody, by
// number and by share; and patients whose numbers follow one another. A request
// must be within all of them. What counts is what the caller was told: a
// restricted patient is one who was not found.
//
// Nothing here depends on whether a patient exists before the answer does, nor
// on the machine's clock. The budgets live in memory and are counted again from
// the journal when the agent starts.
package budget

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Options say how a Keeper works. The zero Options are good.
type Options struct {
	// OnReached is told when a key is first stopped by a limit, and again only
	// if it still or again is after an hour. It is called from Admit, from many
	// goroutines, and the request waits for it.
	OnReached func(Reached)

	// MaxKeys is how many users, how many organisations and how many brokers
	// are told apart, 4096 if it is 0. A user takes about 500 bytes, and at
	// most 40 bytes for every patient asked for.
	MaxKeys int

	// MaxWaiting is how many requests may be held back at once, 16 if it is 0.
	// One user has at most a quarter of them, at least one.
	MaxWaiting int

	// Uptime is how long the process has run; it must not follow the clock on
	// the wall. If it is nil, the monotonic clock is used.
	Uptime func() time.Duration
}

// Reached says that a key was stopped. Of Broker, Organisation and User those
// are set that name the key: all three for a user, one for the others. Where
// Organisation and User are missing at a level that has them, the key is that
// of all newcomers through the broker for whom there was no place.
type Reached struct {
	Level        Level
	Broker       string
	Organisation care.ODSCode
	User         string
	Reason       string // such as PATIENTS_USER
	Count, Limit int    // for a share, the patients not served and how many the share allows
}

// Keeper keeps the budgets. It is safe for concurrent use.
type Keeper struct {
	rules      Rules
	onReached  func(Reached)
	maxKeys    int
	maxWaiting int
	uptime     func() time.Duration

	mu      sync.Mutex
	now     int64 // slots since the start
	ahead   time.Duration
	newest  time.Time // of what was recalled
	hours   [levels]map[key]*hour
	waiting map[key]int // requests held back, by user
	held    int         // all of them
}

// New returns a Keeper that has seen nothing yet.
func New(rules Rules, o Options) *Keeper {
	k := &Keeper{rules: rules, onReached: o.OnReached, maxKeys: o.MaxKeys, maxWaiting: o.MaxWaiting, uptime: o.Uptime, waiting: map[key]int{}}
	for l := range k.hours {
		k.hours[l] = map[key]*hour{}
	}
	if k.onReached == nil {
		k.onReached = func(Reached) {}
	}
	if k.maxKeys <= 0 {
		k.maxKeys = 4096
	}
	if k.maxWaiting <= 0 {
		k.maxWaiting = 16
	}
	if k.uptime == nil {
		start := time.Now()
		k.uptime = func() time.Duration { return time.Since(start) }
	}
	return k
}

// Admit lets a request go on, at once or after a wait of up to two seconds, or
// refuses it with Kind LimitExceeded. The request must have passed Validate,
// and nothing may have been asked yet that depends on whether there is such a
// patient. It is counted when Admit returns nil, and not before: refused
// requests do not prolong a stop. Every admitted request is settled once.
//
// The reasons are SEQUENCE, NOT_FOUND and PATIENTS, each followed by _USER,
// _ORGANISATION or _BROKER; WAITING when too many are held back already; TIME
// and CALLER_GONE when ctx ended meanwhile (the latter with Kind Cancelled).
func (k *Keeper) Admit(ctx context.Context, req *care.Request) error {
	b, ok := baseOf(req.Subject.NHSNumber)
	if !ok {
		return &care.Error{Kind: care.InvalidNHSNumber, Op: op, Detail: "the NHS number is missing"}
	}
	who := keysOf(req.Broker.Name, req.Requester.Organisation, req.Requester.UserID)
	pause, err := k.try(&who, b, false)
	if pause == 0 || err != nil {
		return err
	}
	err = wait(ctx, pause)
	k.leave(who[User])
	if err != nil {
		return err
	}
	_, err = k.try(&who, b, true)
	return err
}

// try counts the request, or says how long it is to wait first, or why it may
// not go on. One that has waited does not wait again, but is judged again:
// others were counted meanwhile.
func (k *Keeper) try(who *keys, b base, waited bool) (pause time.Duration, err error) {
	k.mu.Lock()
	k.turn()
	s := k.seats(who)
	l, u := k.judge(&s, b)
	if u.over {
		reached, first := k.stop(&s[l], l, u)
		k.mu.Unlock()
		if first {
			k.onReached(reached)
		}
		return 0, stopped(l, u.measure)
	}
	defer k.mu.Unlock()
	if pause = delay(u.part); pause > 0 && !waited {
		return pause, k.enter(who[User])
	}
	k.count(&s, b)
	return 0, nil
}

// judge returns the limit that speaks most against a request: one that is used
// up, of the narrowest key, or else the one of which most is used.
func (k *Keeper) judge(s *[levels]seat, b base) (at Level, worst use) {
	for l := range levels {
		h := s[l].hour
		if h == nil {
			h = &unseen
		}
		if u := h.pressed(k.rules.of(l), b); u.worse(worst) {
			at, worst = l, u
		}
	}
	return at, worst
}

// unseen is the hour of a key that has not been seen.
var unseen hour

// count counts an admitted request.
func (k *Keeper) count(s *[levels]seat, b base) {
	k.sit(s)
	for l := range s {
		s[l].hour.ask(b, k.slot())
	}
}

// stop reports whether this is the first request of the key within an hour that
// is stopped by the limit, and what to say of it.
func (k *Keeper) stop(s *seat, l Level, u use) (r Reached, first bool) {
	if s.hour == nil || !s.hour.silent(u.measure, k.now) {
		return r, false
	}
	s.hour.told[u.measure] = k.now + 1
	return reachedBy(l, s.key, u), true
}

func reachedBy(l Level, name key, u use) Reached {
	return Reached{l, name.broker, name.organisation, name.user, reason(l, u.measure), u.count, u.limit}
}

// enter takes one of the places of those who wait.
func (k *Keeper) enter(user key) error {
	if k.held >= k.maxWaiting || k.waiting[user] >= max(1, k.maxWaiting/4) {
		return crowded()
	}
	k.held++
	k.waiting[user]++
	return nil
}

// leave gives the place back.
func (k *Keeper) leave(user key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held--
	if k.waiting[user]--; k.waiting[user] == 0 {
		delete(k.waiting, user)
	}
}

// wait lets time pass, unless the request ends first.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &care.Error{Kind: care.LimitExceeded, Op: op, Reason: "TIME", Detail: "the request was held back, because a limit is near, for longer than it may take", Err: ctx.Err()}
	}
	return &care.Error{Kind: care.Cancelled, Op: op, Reason: "CALLER_GONE", Detail: "the caller went away", Err: ctx.Err()}
}

// Settle counts what an admitted request was told when it ended. Told is the
// Kind that the caller saw, not the true one. PatientNotFound and
// InvalidDemographics served nobody and tell who searches something (GP Connect
// wants the two told apart, so invented demographics find out who is a patient
// here); OK and RecordNotFound served the patient; the others count as neither.
// A request that is not settled counts for an hour as one that served nobody.
func (k *Keeper) Settle(req *care.Request, told care.Kind) {
	b, ok := baseOf(req.Subject.NHSNumber)
	if !ok {
		return // never admitted
	}
	who := keysOf(req.Broker.Name, req.Requester.Organisation, req.Requester.UserID)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn()
	k.settle(&who, b, told)
}

func (k *Keeper) settle(who *keys, b base, told care.Kind) {
	broker := who[Broker]
	if k.hours[Broker][broker] == nil {
		broker = key{}
	}
	for l := range levels {
		if h := k.hours[l][who[l]]; h != nil && h.settle(b, told, k.slot()) {
			continue
		}
		if h := k.newcomers(l, broker).hour; h != nil {
			h.settle(b, told, k.slot())
		}
	}
}
