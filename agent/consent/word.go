package consent

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// word is a directive of the site on its way into the store.
type word struct {
	directive  *care.Directive
	said       []rule.Statement
	now        int64 // when it is said, in milliseconds since 1970 UTC
	undated    bool  // nobody has said from when it holds: from now on
	unrecorded bool  // nobody has said when it was recorded: now
}

// spoken checks a directive of the site that is said now, and fills in its times.
func spoken(d *care.Directive, now time.Time) (w word, err error) {
	w = word{directive: d, now: now.UnixMilli(), undated: d.Effective.IsZero(), unrecorded: d.Recorded.IsZero()}
	if w.undated {
		d.Effective = now
	}
	if w.unrecorded {
		d.Recorded = now
	}
	w.said, err = explode(d, care.Site, now)
	return w, err
}

// say takes the site's word, as its last of all that were said of the person. at
// is what the clock says.
func (c *change) say(w *word, at time.Time) ([]rule.Statement, error) {
	before, err := c.before(w.directive.NHSNumber)
	if err != nil {
		return nil, err
	}
	next := before.next(w.now)
	switch {
	case w.undated, before.overrule(w.said, at.UnixMilli()):
		w.date(next, next)
	case w.unrecorded:
		w.date(w.said[0].Effective, next)
	default:
		w.date(w.said[0].Effective, w.said[0].Recorded)
	}
	return c.admit(siteSet, w.directive.NHSNumber, w.said)
}

// date sets the times of all that a directive says, and of the directive.
func (w *word) date(effective, recorded int64) {
	for i := range w.said {
		w.said[i].Effective, w.said[i].Recorded = effective, recorded
	}
	w.directive.Effective, w.directive.Recorded = time.UnixMilli(effective).UTC(), time.UnixMilli(recorded).UTC()
}

// past is what the site has said of a person so far.
type past struct {
	last    int64 // latest time of it all, and of the links
	entries [maxPerson]rule.Entry
	count   int // of the entries: the number itself, then those that it is linked with
}

// before returns what the site has said of the person of a number.
func (c *change) before(n care.NHSNumber) (*past, error) {
	var all person
	if err := all.find(c.keys.key(n), c); err != nil {
		return nil, err
	}
	p := &past{last: all.since, count: all.count}
	for i := range all.count {
		entry, err := c.entry(siteSet, &all.keys[i])
		if err != nil {
			return nil, err
		}
		p.entries[i] = entry
		p.last = max(p.last, entry.Last())
	}
	return p, nil
}

// next returns the time of what is said now: after all that was said before.
func (p *past) next(now int64) int64 { return min(max(now, p.last+1), rule.LastTime) }

// overrule reports whether one of these statements would not count, for a
// statement of a date to come. One that is known already would.
func (p *past) overrule(said []rule.Statement, now int64) bool {
	for i := range said {
		if p.entries[0].Withholds(&said[i]) {
			continue
		}
		for e := range p.entries[:p.count] {
			if p.entries[e].Overrules(&said[i], now) {
				return true
			}
		}
	}
	return false
}
