package vault

import (
	"context"
	"io"
	"os"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// Report is what a check found in a file that is as it must be.
type Report struct {
	Epoch   uint64
	Entries uint64 // of all sets
	Pages   uint64 // with entries
	Bytes   int64  // size of the file
}

// Check reads all of the vault at path, which nobody may be writing, and
// proves that it is as it must be: how the pages of the file fit together, the
// root, the directory, every page and every entry. It needs no more memory
// than the directory, whatever the file says, and touches it by plain reads
// only. What entries and state mean the vault does not know: sense, if given, is
// asked of each.
//
// It fails with ConsentUnavailable, reason LOCKED when a process has the vault
// open, DAMAGED otherwise; and with the context's error.
func Check(ctx context.Context, path string, key sitekey.Key, sense *Sense) (Report, error) {
	s, err := newSealer(key)
	if err != nil {
		return Report{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Report{}, damage(err)
	}
	defer f.Close()
	found, err := checkLocked(ctx, f, s, sense)
	if err != nil {
		return Report{}, err
	}
	return found.report, nil
}

// Sense says whether what is sealed makes sense to whoever sealed it. It is asked
// by one goroutine and keeps nothing that it is given.
type Sense struct {
	Entry func(set int, value []byte) bool
	State func([]byte) bool
}

// checkLocked checks a file while no other process can change it.
func checkLocked(ctx context.Context, f *os.File, s *sealer, sense *Sense) (*checked, error) {
	if err := lockShared(ctx, f); err != nil {
		return nil, err
	}
	found, err := checkFile(ctx, f, s, sense)
	unlock(f)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, damage(err)
	}
	return found, nil
}

// checked is what checkFile found.
type checked struct {
	epoch  uint64
	tag    uint64 // of the root
	tx     uint64 // last transaction of the file
	sets   [Sets]*table
	state  []byte
	report Report
}

// checkFile checks a file that nobody changes meanwhile.
func checkFile(ctx context.Context, f *os.File, s *sealer, sense *Sense) (*checked, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errLayout
	}
	return checkBytes(ctx, f, info.Size(), s, sense)
}

func checkBytes(ctx context.Context, file io.ReaderAt, size int64, s *sealer, sense *Sense) (*checked, error) {
	c := &checker{sealer: s, sense: sense, found: new(checked)}
	m, err := walkFile(file, size, c.bucket, ctx.Err)
	if err != nil {
		return nil, err
	}
	if !c.rooted {
		return nil, errBadRoot
	}
	for i, t := range c.found.sets {
		if !c.met[i] && *t != (table{generation: t.generation}) {
			return nil, errNoBucket
		}
		c.found.report.Entries += t.entries
	}
	c.found.tx = m.tx
	c.found.report.Epoch, c.found.report.Pages, c.found.report.Bytes = c.found.epoch, c.pages, size
	return c.found, nil
}

// checker takes the entries of all buckets of a file, the root's first.
type checker struct {
	sealer *sealer
	sense  *Sense // may be nil
	found  *checked
	rooted bool
	met    [Sets]bool // sets whose bucket is there
	pages  uint64
	data   [placeSize]byte
	plain  []byte
}

// bucket is a bucketFunc.
func (c *checker) bucket(name []byte) (entryFunc, func() error, error) {
	if string(name) == string(rootBucket) {
		return c.root, func() error { return nil }, nil
	}
	set, generation, ok := parseBucketName(name)
	if !ok || !c.rooted {
		return nil, nil, errExtra
	}
	t := c.found.sets[set]
	if generation != t.generation { // left by a crash; it counts for nothing
		return func(_, _ []byte) error { return nil }, func() error { return nil }, nil
	}
	c.met[set] = true
	sc := &setChecker{checker: c, set: set, table: t}
	return sc.entry, sc.end, nil
}

// root takes the one entry of the root's bucket.
func (c *checker) root(key, value []byte) error {
	if string(key) != string(rootKey) {
		return errExtra
	}
	c.found.tag, c.found.epoch = tagOf(value), epochOf(value)
	plain, ok := c.sealer.open(nil, &c.data, rootPlace, value, c.found.tag, c.found.epoch)
	if !ok {
		return errBadRoot
	}
	if c.found.sets, c.found.state, ok = parseRoot(plain); !ok {
		return errBadRoot
	}
	c.found.state = slices.Clip(c.found.state)
	if c.sense != nil && !c.sense.State(c.found.state) {
		return errSense
	}
	c.rooted = true
	return nil
}

// setChecker takes the entries of a set's bucket: each group, then its pages.
type setChecker struct {
	*checker
	set            int
	table          *table
	expect, pages  uint64 // pages named by the groups met; pages met
	entries, bytes uint64
}

func (c *setChecker) entry(key, value []byte) error {
	switch len(key) {
	case 1:
		return c.group(int(key[0]), value)
	case 2:
		return c.page(uint16(key[0])<<8|uint16(key[1]), value)
	}
	return errExtra
}

// open opens a value of the set.
func (c *setChecker) open(p place, value []byte, tag uint64) (ok bool) {
	c.plain, ok = c.sealer.open(c.plain[:0], &c.data, p, value, tag, c.found.epoch)
	return ok
}

func (c *setChecker) group(number int, value []byte) error {
	if !c.open(c.table.groupPlace(c.set, number), value, c.table.tags[number]) {
		return errBadGroup
	}
	g, ok := parseGroup(c.plain)
	if !ok || g.empty() {
		return errBadGroup
	}
	c.table.groups[number] = g
	for _, tag := range g {
		if tag != 0 {
			c.expect++
		}
	}
	return nil
}

func (c *setChecker) page(number uint16, value []byte) error {
	if len(value) > maxPage+sealSize || !c.open(c.table.place(c.set, number), value, c.table.tag(number)) {
		return errBadPage
	}
	entries, ok := countEntries(c.plain)
	if !ok || entries == 0 {
		return errBadPage
	}
	if c.sense != nil && !c.makesSense() {
		return errSense
	}
	c.pages++
	c.entries += entries
	c.bytes += uint64(len(c.plain))
	return nil
}

// makesSense asks of each entry of the page, which is whole.
func (c *setChecker) makesSense() bool {
	for at := 0; at < len(c.plain); {
		_, value, end, _ := entryAt(c.plain, at)
		if !c.sense.Entry(c.set, value) {
			return false
		}
		at = end
	}
	return true
}

// end compares what was met with what the root and the groups name.
func (c *setChecker) end() error {
	for i, tag := range c.table.tags {
		if (tag == 0) != (c.table.groups[i] == nil) {
			return errBadGroup
		}
	}
	switch {
	case c.pages != c.expect:
		return errBadPage
	case c.entries != c.table.entries || c.bytes != c.table.bytes:
		return errCount
	}
	c.checker.pages += c.pages
	return nil
}

// Verify checks all of the file as Check does, beside the readers; changes
// wait until it is done. It also notices that the file was replaced, or is not
// the one last written. On damage the vault fails.
func (v *Vault) Verify(ctx context.Context) error {
	return v.exclusive(ctx, func() error {
		err := v.sameFile()
		if err == nil {
			var found *checked
			if found, err = checkFile(ctx, v.file, v.sealer, nil); err == nil && !v.view.Load().is(found) {
				err = errReplaced
			}
		}
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		return v.fail(damage(err))
	})
}

// sameFile fails if the file's name is not that of the open file any more.
func (v *Vault) sameFile() error {
	open, err := v.file.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(v.path)
	if err != nil {
		return err
	}
	if !os.SameFile(open, named) {
		return errReplaced
	}
	return nil
}

// lockFailure is the error of a file that another process keeps locked.
func lockFailure(cause error) error {
	return failure(care.ConsentUnavailable, ReasonLocked,
		"another agent is using this state folder; stop it, or give each its own", cause)
}
