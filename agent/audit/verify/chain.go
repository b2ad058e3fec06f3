package verify

import "github.com/mycarerecord/edge-agent/agent/audit/tree"

// slot is a place in the order of entries, or several that nothing is known of.
type slot struct {
	from, to  uint64 // both the same for an entry that was read
	own, prev tree.Hash
	read      bool
	unused    bool // stated as never written
	blamed    bool // found edited already
}

// chain follows the hashes by which each entry names the one before it, and
// finds which of two that do not fit was changed: the one that does not fit on
// its other side either. For that it holds back the last entries.
type chain struct {
	queue  []slot
	report *Report
	leaf   func(h tree.Hash, known bool) bool // takes the hash of every entry in turn, until it reports false
	proven func(h tree.Hash) bool             // whether a head shows that the next hash is this one
}

// add takes the next place.
func (c *chain) add(s slot) {
	if len(c.queue) == 1 && s.read && c.queue[0].read && s.prev == c.queue[0].own && !c.queue[0].blamed {
		c.leaf(c.queue[0].own, true) // nearly always
		c.queue[0] = s
		return
	}
	c.queue = append(c.queue, s)
	for len(c.queue) > 0 && c.settle(false) {
	}
}

// end says that there are no more.
func (c *chain) end() {
	for len(c.queue) > 0 {
		c.settle(true)
	}
}

// settle gives out what is first in the queue. It reports whether it could.
func (c *chain) settle(ended bool) bool {
	s := &c.queue[0]
	if s.unused {
		c.give(s, tree.MissingLeaf, true)
		return true
	}
	one := c.after(0)
	if one == nil && !ended {
		return false
	}
	if one == nil || !one.read {
		c.give(s, s.own, s.read)
		return true
	}
	if s.read && one.prev != s.own {
		two := c.after(1)
		if two == nil && !ended {
			return false
		}
		if !c.blame(s, one, two) {
			c.give(s, s.own, true)
			return true
		}
	}
	c.give(s, one.prev, true)
	return true
}

// after returns the n-th place after the first that is not one of unused
// numbers, or nil.
func (c *chain) after(n int) *slot {
	for i := 1; i < len(c.queue); i++ {
		if c.queue[i].unused {
			continue
		}
		if n == 0 {
			return &c.queue[i]
		}
		n--
	}
	return nil
}

// blame finds which of two entries that do not fit was changed, by the one
// after them or by a head that ends with the first. It reports whether that is the first, whose hash is then the one
// that the second names.
func (c *chain) blame(s, one, two *slot) bool {
	const either = "of two neighbours one was changed"
	switch {
	case s.blamed:
	case two != nil && two.read && two.prev == one.own:
		c.report.fault(Edited, s.from, s.from, "")
	case two != nil && two.read || c.proven(s.own):
		c.report.fault(Edited, one.from, one.from, "")
		one.blamed = true
		return false
	default:
		c.report.fault(Edited, s.from, one.from, either)
	}
	return true
}

// give hands out the hash of the last number of a place; nothing is known of
// those before it.
func (c *chain) give(s *slot, h tree.Hash, known bool) {
	for n := s.from; n <= s.to; n++ {
		if last := n == s.to; s.unused || last {
			c.leaf(h, known)
		} else if !c.leaf(tree.Hash{}, false) {
			break
		}
	}
	c.queue = append(c.queue[:0], c.queue[1:]...)
}
