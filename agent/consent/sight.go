package consent

import (
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// How far clocks are trusted.
const (
	tickEvery  = 10 * time.Second // how often Run looks at the clocks
	saveEvery  = 5 * time.Minute  // how often it writes down what time it is
	clockStep  = 5 * time.Second  // how far wall clock and uptime may come apart between two looks
	longestGap = 2 * time.Minute  // between two looks; more is sleep, or a machine that was put back
	nearly     = 5 * time.Minute  // how far the region's time may be from ours to prove ours
)

// sight is what this process has seen of the time and of those who vouch. It is
// never changed, only replaced, see Store.see. Wall times are nanoseconds since
// 1970 UTC.
type sight struct {
	wall    int64         // wall clock when it was last looked at
	up      time.Duration // uptime at that moment
	floor   int64         // latest wall time seen that was not doubted
	vouched bool          // the region has vouched for this process
	jumped  bool          // the wall clock was set

	// since is, for each set, the uptime at which its authority knew it to be
	// right. Measured by a clock that nobody sets, so that a wall clock which is
	// set back makes nothing fresh.
	since [vault.Sets]time.Duration
	// read says which sources were read whole in this process.
	read [vault.Sets]bool
	// asOf is the region's time that since goes with, in milliseconds; 0 if it
	// was never heard.
	asOf int64
}

// moment is the two clocks read together.
type moment struct {
	wall int64
	up   time.Duration
}

func (s *Store) moment() moment { return moment{s.opts.Now().UnixNano(), s.opts.Uptime()} }

// look returns whether the region's vouching still counts at a moment, and
// whether the wall clock has to be doubted: it was set, or the machine slept,
// since the clocks were looked at. Whoever asks between two looks of Run sees
// it as soon as Run.
func (g *sight) look(at moment) (vouched, jumped bool) {
	gap := at.up - g.up
	apart := time.Duration(at.wall-g.wall) - gap
	return g.vouched && gap <= longestGap, g.jumped || apart.Abs() > clockStep
}

// see replaces the sight by a changed copy that has looked at the clocks.
func (s *Store) see(change func(g *sight, at moment)) *sight {
	s.seeing.Lock()
	defer s.seeing.Unlock()
	g, at := *s.sight.Load(), s.moment()
	g.vouched, g.jumped = g.look(at)
	g.wall, g.up = at.wall, at.up
	if !g.jumped {
		g.floor = max(g.floor, at.wall)
	}
	change(&g, at)
	s.sight.Store(&g)
	return &g
}

// look looks at the clocks.
func (s *Store) look() *sight { return s.see(func(*sight, moment) {}) }

// hear notes that a set's authority was heard just now, of asOf in milliseconds.
func (s *Store) hear(set int, asOf int64) {
	s.see(func(g *sight, at moment) {
		since := at.sinceOf(asOf)
		if set == regionSet {
			if g.asOf != 0 { // by the region's own clock it is no younger than that
				since = min(since, g.since[set]+time.Duration(nanos(asOf-g.asOf)))
			}
			g.asOf = asOf
		}
		g.since[set], g.read[set] = since, true
	})
	s.tell()
}

// sinceOf returns the uptime at which it was asOf by the wall clock.
func (m moment) sinceOf(asOf int64) time.Duration { return m.up - time.Duration(m.wall-nanos(asOf)) }

func nanos(ms int64) int64 { return ms * int64(time.Millisecond) }

func millis(nanos int64) int64 { return nanos / int64(time.Millisecond) }

// latest returns the later of now and the floor: a clock that went back must
// not make a new statement look older than those it follows.
func (s *Store) latest() time.Time {
	return time.Unix(0, max(s.opts.Now().UnixNano(), s.sight.Load().floor)).UTC()
}

// outlook is what a state and a sight say together of the authorities. It is
// made once for all requests until either is replaced.
type outlook struct {
	state *state
	sight *sight
	lost  bool
	sets  []rule.Set // by rule.Voice
	// linked is sets for a person with several numbers. A source is asked about
	// one of them; what it said of the others before a restart is known again
	// when it was read.
	linked []rule.Set
}

// outlook returns what the state and the present sight come to.
func (s *Store) outlook(st *state) *outlook {
	g := s.sight.Load()
	if o := s.lately.Load(); o != nil && o.state == st && o.sight == g {
		return o
	}
	o := &outlook{state: st, sight: g, lost: st.lost(s.slots), sets: make([]rule.Set, int(firstVoice)+len(s.slots))}
	region := &st.sets[regionSet]
	o.sets[rule.RegionVoice] = rule.Set{Name: st.region, Required: true, Filled: region.filled,
		AsOf: time.UnixMilli(region.asOf), Since: g.since[regionSet], MaxAge: s.opts.MaxAge}
	for i, slot := range s.slots {
		set := &st.sets[slot]
		o.sets[int(firstVoice)+i] = rule.Set{Name: set.name, Required: true, Filled: set.filled,
			AsOf: time.UnixMilli(set.asOf), Since: g.since[slot], MaxAge: s.opts.Sources[i].MaxAge}
	}
	o.linked = slices.Clone(o.sets)
	for i, slot := range s.slots {
		o.linked[int(firstVoice)+i].Filled = st.sets[slot].filled && (g.read[slot] || s.opts.OnlyKept)
	}
	s.lately.Store(o)
	return o
}

// firstVoice is the voice of the first source.
const firstVoice = rule.SiteVoice + 1

// ages returns how far a state can be relied on at this moment, for a person with
// several numbers or with one.
func (s *Store) ages(st *state, linked bool) rule.Ages {
	o, at := s.outlook(st), s.moment()
	a := rule.Ages{Lost: o.lost, Now: time.Unix(0, at.wall), Uptime: at.up, Floor: time.Unix(0, o.sight.floor), Sets: o.sets}
	if linked {
		a.Sets = o.linked
	}
	a.Vouched, a.Jumped = o.sight.look(at)
	return a
}
