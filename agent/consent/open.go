package consent

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// Open opens the store at path, which it creates, empty and never filled, if
// there was none before and the journal knows of none. The folder must exist, be
// private to the agent and be on a local volume.
//
// A file that is damaged is set aside under another name; it, one that is
// missing, and one older than Options.Anchor give a store that is Lost: it
// refuses everything until the region has sent a snapshot, every source was
// read, and RestoreSite was done. That is written down, and a restart does not
// forget it. The epoch is then above Anchor.
//
// Open fails with BadRequest when the options are not valid, with
// ConsentUnavailable, reason LOCKED, when another process holds the file for
// more than a second, or CREATE or QUARANTINE when the folder cannot be written,
// and with any error of Options.Check that is not DAMAGED.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Store{opts: o, path: path, keySecret: o.Key.Derive(keyPurpose), spoolKey: o.Key.Derive(spoolPurpose),
		slots: make([]int, len(o.Sources)), readings: make(map[int]uint64), lastTold: unknownDoubt, speaking: true}
	s.heard.Store(new(heard))
	s.scratch.New = func() any { return &scratch{keys: newKeyer(s.keySecret)} }
	_, _ = rand.Read(s.instance[:]) // never fails
	if err := s.openVault(ctx); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, s.vault.Close())
	}
	s.telling.Lock()
	s.speaking = false // from here on OnDoubt may be told
	s.telling.Unlock()
	s.tell()
	return s, nil
}

// spoolPurpose derives the key of the files beside the store. It is frozen.
const spoolPurpose = "mcr consent v1: spool"

// unknownDoubt is no reason, so that OnDoubt is told how a store begins.
const unknownDoubt = "?"

// openVault opens the file, or a new one in its place.
func (s *Store) openVault(ctx context.Context) error {
	if !vault.Exists(s.path) {
		if err := s.create(s.opts.Anchor > 0); err != nil {
			return err
		}
	}
	err := s.check(ctx)
	if err == nil {
		s.vault, err = vault.Open(s.path, s.vaultOptions())
	}
	if care.ReasonOf(err) != vault.ReasonDamaged {
		return err
	}
	aside, moved := vault.Quarantine(s.path, s.opts.Now())
	if err := first(moved, s.create(true)); err != nil {
		return err
	}
	s.opts.Log.Error("the consent store was damaged or missing and is made anew; nothing is released until it is whole again",
		"damaged", filepath.Base(aside), "error", err)
	s.vault, err = vault.Open(s.path, s.vaultOptions())
	return err
}

func (s *Store) check(ctx context.Context) error {
	if s.opts.Check == nil {
		return ctx.Err()
	}
	return s.opts.Check(ctx)
}

func (s *Store) vaultOptions() vault.Options {
	return vault.Options{Key: s.opts.Key, Parse: parseState, Log: s.opts.Log}
}

// create makes an empty store. One that takes the place of another is lost.
func (s *Store) create(lost bool) error {
	st := &state{floor: s.opts.Now().UnixMilli()}
	if lost {
		st.lose()
	}
	o := s.vaultOptions()
	o.First = func() (vault.State, error) { return st, nil }
	return vault.Create(s.path, o)
}

// begin makes the store ready for its first request.
func (s *Store) begin(ctx context.Context) error {
	st, at := s.current(), s.moment()
	g := &sight{wall: at.wall, up: at.up, floor: nanos(st.floor), asOf: st.sets[regionSet].asOf}
	for i := range st.sets {
		g.since[i] = at.sinceOf(st.sets[i].asOf)
	}
	s.sight.Store(g)
	if anchor := s.opts.Anchor; s.vault.Root().Epoch < anchor {
		s.opts.Log.Error("the consent store is older than the journal; nothing is released until it is whole again",
			"epoch", s.vault.Root().Epoch, "journal", anchor)
		if err := s.lose(anchor); err != nil {
			return err
		}
	}
	if err := s.assign(ctx); err != nil {
		return err
	}
	for slot := firstSource; slot < vault.Sets; slot++ {
		if err := os.Remove(s.readingPath(slot)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return failure(care.ConsentUnavailable, "CREATE", "a file beside the consent store cannot be removed; check the state folder", err)
		}
	}
	return s.findStaged()
}

// assign gives each configured source its set. A source that is not configured
// any more keeps its set, unread, until another source needs it.
func (s *Store) assign(ctx context.Context) error {
	st := *s.current()
	if s.opts.OnlyKept {
		s.opts.Sources = slices.DeleteFunc(slices.Clone(s.opts.Sources), func(o Source) bool { return st.slotOf(o.Name) == 0 })
		s.slots = s.slots[:len(s.opts.Sources)]
	}
	taken := make(map[int]bool)
	for i := range s.opts.Sources {
		if s.slots[i] = st.slotOf(s.opts.Sources[i].Name); s.slots[i] != 0 {
			taken[s.slots[i]] = true
		}
	}
	for i, source := range s.opts.Sources {
		if s.slots[i] != 0 {
			continue
		}
		s.slots[i] = st.freeSlot(taken)
		taken[s.slots[i]] = true
		if err := s.clear(ctx, s.slots[i], source.Name); err != nil {
			return err
		}
	}
	return nil
}

// clear makes a set an empty one of a source.
func (s *Store) clear(ctx context.Context, slot int, source string) error {
	empty, err := s.vault.Build(ctx, slot, func(func(vault.Key, []byte) bool) {})
	if err != nil {
		return err
	}
	err = s.update(ctx, func(c *change) error {
		c.state.sets[slot] = set{name: source}
		c.moved = true
		return c.Adopt(empty)
	})
	if err != nil {
		empty.Discard()
	}
	return err
}

// slotOf returns the set of a source, or 0.
func (st *state) slotOf(source string) int {
	for i := firstSource; i < len(st.sets); i++ {
		if st.sets[i].name == source {
			return i
		}
	}
	return 0
}

// freeSlot returns a set that no configured source has, if possible one that no
// source ever had. There is one: there are as many as sources may be.
func (st *state) freeSlot(taken map[int]bool) int {
	for i := firstSource; i < len(st.sets); i++ {
		if st.sets[i].name == "" && !taken[i] {
			return i
		}
	}
	for i := firstSource; i < len(st.sets); i++ {
		if !taken[i] {
			return i
		}
	}
	return len(st.sets) - 1
}
