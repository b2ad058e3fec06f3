package rule

import "time"

// clockTolerance is how far two clocks may differ before either is doubted.
const clockTolerance = 5 * time.Minute

// Ages is how far what is known can be relied on at the moment of a request.
// The zero value is a store that was never filled.
type Ages struct {
	Failure string // ReasonDamaged, ReasonPoisoned, ReasonClosed, or empty
	Lost    bool   // the store was lost or is older than it should be, and is not whole again
	Vouched bool   // the region has vouched for this process
	Jumped  bool   // this machine's clock was set, and the region has not vouched since
	Now     time.Time
	Uptime  time.Duration // now by a clock that cannot be set: since the machine was started
	Floor   time.Time     // latest time seen when the store was written
	Sets    []Set         // by Voice; may be shared by many Ages
}

// Set is what is known of one voice as a whole.
type Set struct {
	Name     string // of a source, in the site's configuration; for people
	Required bool   // nothing is released before it is filled, or when it is too old; the region's always is
	Filled   bool   // all that it says was loaded at some time
	AsOf     time.Time
	Since    time.Duration // AsOf by the clock of Ages.Uptime; may be negative
	MaxAge   time.Duration
}

// Age returns how long ago voice v was known to be right: the longer of what
// the machine's clock says and what the one that cannot be set does.
func (a *Ages) Age(v Voice) time.Duration {
	set := &a.Sets[v]
	return max(a.Now.Sub(set.AsOf), a.Uptime-set.Since)
}

// Doubt returns the reason for which a patient who has not objected is refused,
// consent or none, or the empty text when it can be relied on that there was no
// objection.
func (a *Ages) Doubt() string {
	if failure := a.failure(); failure != "" {
		return failure
	}
	return a.doubt()
}

// failure returns why nothing can be said about anybody, or the empty text.
func (a *Ages) failure() string {
	switch {
	case a.Failure != "":
		return a.Failure
	case a.Lost:
		return ReasonLost
	case len(a.Sets) == 0 || !a.Sets[RegionVoice].Filled:
		return ReasonNeverFilled
	}
	return ""
}

// doubt returns why silence proves nothing, or the empty text.
func (a *Ages) doubt() string {
	if a.Now.Sub(a.Floor) < -clockTolerance {
		return ReasonClock
	}
	unheard := ""
	for v := range a.Sets {
		set := &a.Sets[v]
		if !a.counts(Voice(v)) {
			continue
		}
		age := a.Now.Sub(set.AsOf)
		if age < -clockTolerance {
			return ReasonClock
		}
		if unheard == "" && (!set.Filled || max(age, a.Uptime-set.Since) > set.MaxAge) {
			unheard = set.unheard(Voice(v))
		}
	}
	switch {
	case a.Jumped:
		return ReasonClockJumped
	case !a.Vouched:
		return ReasonUnvouched
	}
	return unheard
}

// unheard returns the reason for which a set that was not filled, or too long
// ago, refuses.
func (s *Set) unheard(v Voice) string {
	switch {
	case !s.Filled:
		return ReasonSourceNotRead
	case v == RegionVoice:
		return ReasonStale
	}
	return ReasonSourceStale
}

// counts reports whether nothing may be released without hearing voice v.
func (a *Ages) counts(v Voice) bool { return v == RegionVoice || a.Sets[v].Required }
