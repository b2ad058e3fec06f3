package consent

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// maxPerson is how many NHS numbers one person may have. Each request reads
// what was said about all of them.
const maxPerson = 16

// links is what is known of one NHS number: of which others it is the same
// person's, or that nobody may ever say. Its lasting form is linksVersion, a
// byte that is 1 for never, and then the edges by ascending key: key, and the
// time as eight bytes, big-endian. Every edge stands at both of its numbers.
type links struct {
	never bool
	edges []edge
}

// edge is a link to another number.
type edge struct {
	to vault.Key
	at int64 // when it was found, in milliseconds since 1970 UTC
}

const (
	linksVersion = 1
	linksHead    = 2
	edgeSize     = len(vault.Key{}) + 8
)

func (l *links) append(b []byte) []byte {
	b = append(b, linksVersion, 0)
	if l.never {
		b[len(b)-1] = 1
	}
	for i := range l.edges {
		b = append(b, l.edges[i].to[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(l.edges[i].at))
	}
	return b
}

// eachEdge calls add for each edge of a stored text, which may be empty, and
// reports whether the text makes sense.
func eachEdge(value []byte, add func(to *vault.Key, at int64) bool) bool {
	if len(value) == 0 {
		return true
	}
	if len(value) < linksHead || value[0] != linksVersion || value[1] > 1 || (len(value)-linksHead)%edgeSize != 0 {
		return false
	}
	for value = value[linksHead:]; len(value) > 0; value = value[edgeSize:] {
		if !add((*vault.Key)(value), int64(binary.BigEndian.Uint64(value[len(vault.Key{}):]))) {
			return false
		}
	}
	return true
}

// set makes, moves or removes the edge to a number.
func (l *links) set(to vault.Key, at int64, there bool) {
	i, found := slices.BinarySearchFunc(l.edges, to, func(e edge, to vault.Key) int { return bytes.Compare(e.to[:], to[:]) })
	switch {
	case found && there:
		l.edges[i].at = at
	case found:
		l.edges = slices.Delete(l.edges, i, i+1)
	case there:
		l.edges = slices.Insert(l.edges, i, edge{to, at})
	}
}

// since returns when the link to a number was found.
func (l *links) since(to vault.Key) (at int64, linked bool) {
	for _, e := range l.edges {
		if e.to == to {
			return e.at, true
		}
	}
	return 0, false
}

// Link records that two NHS numbers are one person's, or that they are not; for
// NeverLink, Old is zero. It returns once that is on disk. What was said about
// either number counts for both from then on: what was withheld before the link
// is withheld until a later consent. Of a person at most 16 numbers are known
// (LimitExceeded). A number of NeverLink loses its links and cannot be linked
// any more (Conflict, NEVER_LINK). What is known already changes nothing, and a
// finding older than the link it denies does not undo it.
//
// A finding without At is of now, and later than all that the site has said of
// either person before, whatever the machine's clock says. At is then set.
func (s *Store) Link(ctx context.Context, l *Link) error {
	now := s.latest()
	undated := l.At.IsZero()
	if undated {
		l.At = now.Truncate(time.Millisecond)
	}
	if err := l.fault(now); err != nil {
		return err
	}
	return s.update(ctx, func(c *change) error {
		if undated {
			if err := c.orderLink(l); err != nil {
				return err
			}
		}
		return c.link(l)
	})
}

// orderLink dates a finding of now after all that was said of either person.
func (c *change) orderLink(l *Link) error {
	at := l.At.UnixMilli()
	for _, n := range []care.NHSNumber{l.Old, l.New} {
		if n.IsZero() {
			continue
		}
		before, err := c.before(n)
		if err != nil {
			return err
		}
		at = before.next(at)
	}
	l.At = time.UnixMilli(at).UTC()
	return nil
}

// fault returns what is wrong with a link, or nil.
func (l *Link) fault(now time.Time) error {
	why := ""
	switch {
	case l.New.IsZero(), l.Old.IsZero() != (l.What == NeverLink):
		return failure(care.InvalidNHSNumber, "", "an NHS number is missing, or one too many is given", nil)
	case l.What < SamePerson || l.What > NeverLink:
		why = "what was found about the numbers is missing"
	case l.Old == l.New:
		why = "both numbers are the same"
	case l.At.Year() < 1900 || l.At.After(now.Add(nearly)):
		why = "when it was found is missing, or ahead of now"
	case l.By == "" || len(l.By) > rule.MaxBy:
		why = fmt.Sprintf("who found it is missing or longer than %d bytes", rule.MaxBy)
	}
	if why != "" {
		return failure(care.BadRequest, "LINK", why, nil)
	}
	return nil
}

// link takes one finding into the store.
func (c *change) link(l *Link) error {
	from, to, at := c.keys.key(l.Old), c.keys.key(l.New), l.At.UnixMilli()
	switch l.What {
	case SamePerson:
		return c.join(from, to, at)
	case NotSamePerson:
		return c.part(from, to, at)
	}
	return c.seclude(to)
}

func (c *change) join(a, b vault.Key, at int64) error {
	la, errA := c.linksOf(&a)
	lb, errB := c.linksOf(&b)
	if err := first(errA, errB); err != nil {
		return err
	}
	if la.never || lb.never {
		return conflict(ReasonNeverLink, "one of the numbers must never be linked; ask the site's privacy officer")
	}
	since, linked := la.since(b)
	if linked && since >= at {
		return nil
	}
	la.set(b, at, true)
	lb.set(a, at, true)
	if err := first(c.putLinks(a, &la), c.putLinks(b, &lb)); err != nil {
		return err
	}
	var all person
	return all.find(a, c)
}

func (c *change) part(a, b vault.Key, at int64) error {
	la, errA := c.linksOf(&a)
	lb, errB := c.linksOf(&b)
	if err := first(errA, errB); err != nil {
		return err
	}
	if since, linked := la.since(b); !linked || since > at {
		return nil
	}
	la.set(b, 0, false)
	lb.set(a, 0, false)
	return first(c.putLinks(a, &la), c.putLinks(b, &lb))
}

// seclude takes all links off a number, for good.
func (c *change) seclude(k vault.Key) error {
	l, err := c.linksOf(&k)
	if err != nil || l.never {
		return err
	}
	for _, e := range l.edges {
		other, err := c.linksOf(&e.to)
		if err != nil {
			return err
		}
		other.set(k, 0, false)
		if err := c.putLinks(e.to, &other); err != nil {
			return err
		}
	}
	return c.putLinks(k, &links{never: true})
}

func (c *change) linksOf(k *vault.Key) (links, error) {
	value, err := c.Get(linkSet, k)
	if err != nil {
		return links{}, err
	}
	l := links{never: len(value) > 1 && value[1] == 1}
	if !eachEdge(value, func(to *vault.Key, at int64) bool { l.edges = append(l.edges, edge{*to, at}); return true }) {
		return links{}, errLinks
	}
	return l, nil
}

func (c *change) putLinks(k vault.Key, l *links) error {
	var value []byte
	if l.never || len(l.edges) > 0 {
		value = l.append(nil)
	}
	c.moved = true
	return c.Put(linkSet, k, value)
}

// person is all numbers of one person, and when the last link among them was
// found; 0 for a person of one number.
type person struct {
	keys  [maxPerson]vault.Key
	count int
	since int64
}

// getter is what links are read from: a reader or a change.
type getter interface {
	Get(set int, k *vault.Key) ([]byte, error)
}

// find fills in the person of a key. It allocates nothing.
func (p *person) find(k vault.Key, from getter) error {
	p.keys[0], p.count, p.since = k, 1, 0
	for i := 0; i < p.count; i++ {
		value, err := from.Get(linkSet, &p.keys[i])
		if err != nil {
			return err
		}
		if !eachEdge(value, p.add) {
			if p.count == maxPerson {
				return failure(care.LimitExceeded, "LINKS", fmt.Sprintf("more than %d numbers would be one person's", maxPerson), nil)
			}
			return errLinks
		}
	}
	return nil
}

// add takes a number in that is not there yet, and reports whether there was room.
func (p *person) add(k *vault.Key, at int64) bool {
	p.since = max(p.since, at)
	if slices.Contains(p.keys[:p.count], *k) {
		return true
	}
	if p.count == maxPerson {
		return false
	}
	p.keys[p.count] = *k
	p.count++
	return true
}

var errLinks = failure(care.ConsentUnavailable, rule.ReasonDamaged, "a link of the consent store makes no sense", nil)
