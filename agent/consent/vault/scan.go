package vault

import (
	"context"
	"iter"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Entry is one entry of a set.
type Entry struct {
	Key   Key
	Value []byte
}

// Scan yields all entries of a set by ascending keys; a Value is valid until
// the next. Nothing is locked between two groups of pages: if the set is
// changed meanwhile, Scan ends with Conflict, reason CHANGED, so that what was
// yielded without an error is always one state. Changes of other sets do not
// disturb it. An error is the last thing yielded.
func (v *Vault) Scan(ctx context.Context, set int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if !inRange(set) {
			yield(Entry{}, errNoSet)
			return
		}
		s := scanner{vault: v, set: set, table: v.Root().sets[set]}
		for number := range groupsPerSet {
			err := ctx.Err()
			if err == nil {
				err = s.load(number)
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !s.yield(yield) {
				return
			}
		}
	}
}

// scanner holds the pages of one group.
type scanner struct {
	vault *Vault
	set   int
	table *table
	pages []scanned
	plain []byte
}

type scanned struct {
	number uint16
	size   int
}

// load copies the pages of a group.
func (s *scanner) load(number int) error {
	r := s.vault.Read()
	defer r.Done()
	if r.err != nil {
		return r.err
	}
	if r.view.root.sets[s.set] != s.table {
		return failure(care.Conflict, "CHANGED", "the set was changed while it was read; begin again", nil)
	}
	s.pages, s.plain = s.pages[:0], s.plain[:0]
	g := s.table.groups[number]
	if g == nil {
		return nil
	}
	for i, tag := range g {
		if tag == 0 {
			continue
		}
		page := uint16(number<<8 | i)
		plain, err := r.load(s.set, s.table, page, tag)
		if err != nil {
			return r.fail(err)
		}
		s.pages = append(s.pages, scanned{page, len(plain)})
		s.plain = append(s.plain, plain...)
		r.plain = r.plain[:0]
	}
	return nil
}

// yield yields the entries of the pages and reports whether more are wanted.
func (s *scanner) yield(yield func(Entry, error) bool) bool {
	rest := s.plain
	for _, p := range s.pages {
		for at := 0; at < p.size; {
			remainder, value, end, ok := entryAt(rest[:p.size], at)
			if !ok {
				yield(Entry{}, s.vault.fail(damage(errBadPage)))
				return false
			}
			if !yield(Entry{keyOf(p.number, remainder), value}, nil) {
				return false
			}
			at = end
		}
		rest = rest[p.size:]
	}
	return true
}
