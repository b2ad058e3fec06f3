package consent

import (
	"cmp"
	"context"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// change is one change of the store while it is made. It belongs to the
// goroutine that makes it.
type change struct {
	*vault.Change
	state state // what the state will be
	keys  *keyer
	moved bool // an entry was put or a set adopted: the epoch moves on
	dirty bool // the state is to be written
	lost  bool // the state says itself what the region is told
	added int  // patients who came to be in a set, less those who left
	text  buffers
}

// buffers are reused from one entry to the next.
type buffers struct{ row, value []byte }

// update runs fn and commits what it has done: all of it or, if it fails, none.
// One change is made at a time.
func (s *Store) update(ctx context.Context, fn func(c *change) error) error {
	defer s.tell()
	scratch := s.scratch.Get().(*scratch)
	defer s.scratch.Put(scratch)
	return s.vault.Update(ctx, func(v *vault.Change) error {
		c := &change{Change: v, state: *v.State().(*state), keys: scratch.keys}
		if err := fn(c); err != nil {
			return err
		}
		if c.dirty || c.moved || c.lost {
			s.seal(c)
		}
		return nil
	})
}

// seal completes the state of a change.
func (s *Store) seal(c *change) {
	g := s.look()
	c.state.floor = millis(g.floor)
	switch {
	case c.lost:
	case g.vouched && c.moved:
		c.state.told = c.Epoch()
	case g.vouched:
		c.state.told = s.vault.Root().Epoch
	}
	kept := c.state // a pointer into c would keep the change, and all before it, for ever
	c.SetState(&kept)
}

// entry returns what a set holds of a patient.
func (c *change) entry(set int, key *vault.Key) (rule.Entry, error) {
	value, err := c.Get(set, key)
	if err != nil {
		return rule.Entry{}, err
	}
	return parseEntry(value)
}

// parseEntry reads an entry of the vault; an empty one is silence. It was
// sealed, so that one which makes no sense is of another version.
func parseEntry(value []byte) (rule.Entry, error) {
	if len(value) == 0 {
		return rule.Entry{}, nil
	}
	e, err := rule.Parse(value)
	if err != nil {
		return rule.Entry{}, failure(care.ConsentUnavailable, rule.ReasonDamaged, "an entry of the consent store makes no sense", err)
	}
	return e, nil
}

// admit takes statements about a patient into a set and returns those that
// changed it.
func (c *change) admit(set int, n care.NHSNumber, said []rule.Statement) ([]rule.Statement, error) {
	key := c.keys.key(n)
	entry, err := c.entry(set, &key)
	if err != nil {
		return nil, err
	}
	before := slices.Clone(entry.Statements())
	var taken []rule.Statement
	for _, statement := range said {
		changed, err := entry.Admit(statement)
		if err != nil {
			return nil, err
		}
		if changed {
			taken = append(taken, statement)
		}
	}
	if len(taken) == 0 {
		return nil, nil
	}
	return taken, c.put(set, key, n, before, &entry)
}

// put replaces what a set holds of a patient.
func (c *change) put(set int, key vault.Key, n care.NHSNumber, before []rule.Statement, entry *rule.Entry) error {
	c.text.value = stored(c.text.value[:0], entry)
	if len(before) == 0 {
		c.added++
	}
	if len(entry.Statements()) == 0 {
		c.added--
	}
	c.moved = true
	c.state.sets[set].leave(&c.text, n.Reveal(), before)
	c.state.sets[set].enter(&c.text, n.Reveal(), entry.Statements())
	return c.Put(set, key, c.text.value)
}

// stored appends the stored form of an entry; none of silence.
func stored(dst []byte, e *rule.Entry) []byte {
	if len(e.Statements()) == 0 {
		return dst
	}
	return e.Append(dst)
}

// enter counts a patient's statements into a set.
func (s *set) enter(text *buffers, number string, said []rule.Statement) {
	for i := range said {
		s.digest.Add(text.rowOf(number, &said[i]))
	}
	s.directives += uint64(len(said))
}

// leave takes out statements that enter counted in.
func (s *set) leave(text *buffers, number string, said []rule.Statement) {
	for i := range said {
		s.digest.Remove(text.rowOf(number, &said[i]))
	}
	s.directives -= uint64(len(said))
}

// rowOf returns the canonical row of a statement, valid until the next. The
// digits come first, and feed.AppendRow appends none of no number: a
// care.NHSNumber for each of millions of patients would take most of the time.
func (b *buffers) rowOf(number string, s *rule.Statement) []byte {
	b.row = feed.AppendRow(append(b.row[:0], number...), care.NHSNumber{}, s)
	return b.row
}

// missing returns the statements of a that are not in b.
func missing(a, b []rule.Statement) []rule.Statement {
	var found []rule.Statement
	for _, statement := range a {
		if !slices.Contains(b, statement) {
			found = append(found, statement)
		}
	}
	return found
}

// about returns statements as directives about a patient.
func about(n care.NHSNumber, a care.Authority, source string, said []rule.Statement) []care.Directive {
	var ds []care.Directive
	for i := range said {
		ds = append(ds, said[i].Directive(n, a, source))
	}
	return ds
}

// failure makes the package's errors.
func failure(kind care.Kind, reason, detail string, cause error) *care.Error {
	return &care.Error{Kind: kind, Op: "consent", Reason: reason, Detail: detail, Err: cause}
}

func conflict(reason, detail string) *care.Error { return failure(care.Conflict, reason, detail, nil) }

// first returns the first error there is.
func first(errs ...error) error { return cmp.Or(errs...) }
