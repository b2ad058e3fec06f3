// Package inbox takes the site's own statements from files that people or
// programs put into a folder.
//
// A file is taken once it lies still: its size and time were the same at two
// looks two seconds apart. It is read whole and checked first; only then is
// anything recorded. Afterwards it lies in the folder done with a report beside
// it, or in the folder refused with the reason. Neither names a patient.
//
// Taking a file twice does no harm, because recording a statement twice does
// none. So whatever happens, a file stays where it is until all of it is
// recorded: after a crash, or while the consent store or the journal cannot be
// written, it is taken again.
//
// Files are told to be there by the operating system, which is a hint, and
// found by looking every 30 seconds, which is what counts. The folder may be on
// a network drive, and may go away and come back.
package inbox

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	lookEvery = 30 * time.Second
	settle    = 2 * time.Second // for which a file must lie still
	hintDelay = 200 * time.Millisecond

	maxFile  = 64 << 20 // bytes
	maxName  = 100      // bytes of a file's name
	maxFiles = 2000     // in the folder
)

// Options say which folder is watched and what is done with files.
type Options struct {
	Folder string // its absolute path

	// Record keeps statements of a file: at most 1,000, of one file at a time,
	// and does not keep the slice. An error of Kind BadRequest, InvalidNHSNumber,
	// LimitExceeded or Conflict refuses the file; after any other all of it is
	// tried again. The report tells what was kept in either case.
	Record func(ctx context.Context, file Info, statements []care.Directive) (Report, error)

	Log hclog.Logger // no log if nil
}

// Info tells which file statements come from.
type Info struct {
	Name   string // without its folder
	Owner  string // account that owns it, or empty if that cannot be found out
	Size   int64  // bytes
	SHA256 [32]byte
}

// String returns the name and the owner, for the journal.
func (i Info) String() string {
	if i.Owner == "" {
		return i.Name
	}
	return i.Name + " of " + i.Owner
}

// Report tells what was recorded of a file.
type Report struct {
	Statements int    // how many are in force
	Changed    int    // how many of them changed something
	Entry      uint64 // the last journal entry about them; 0 if none was written
}

// add adds what was recorded next.
func (r *Report) add(next Report) {
	r.Statements += next.Statements
	r.Changed += next.Changed
	r.Entry = max(r.Entry, next.Entry)
}

// Run takes files until ctx ends, and then returns nil: what is wrong with the
// folder or a file is logged, and tried again.
func Run(ctx context.Context, o Options) error {
	b := newBox(o)
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		b.Log.Warn("the folder of consent files is looked at every 30 seconds only", "error", err)
		b.follow(ctx, nil, nil, func() {})
		return nil
	}
	defer func() { _ = watcher.Close() }()
	// A folder that was removed and made again has to be watched again.
	b.follow(ctx, watcher.Events, watcher.Errors, func() { _ = watcher.Add(o.Folder) })
	return nil
}

// follow is Run with a given source of hints. watch is called before each look:
// a change between the two is then seen by one of them.
func (b *box) follow(ctx context.Context, hints <-chan fsnotify.Event, faults <-chan error, watch func()) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	hinted := true // the first look is under way
	for {
		select {
		case <-ctx.Done():
			return
		case <-hints:
		case <-faults: // such as an overflow: something may have been missed
		case <-timer.C:
			watch()
			wait := lookEvery
			if b.look(ctx) {
				wait = settle
			}
			timer.Reset(wait)
			hinted = false
			continue
		}
		if !hinted {
			hinted = true
			timer.Reset(hintDelay)
		}
	}
}

// box is the folder as it was last seen.
type box struct {
	Options
	now   func() time.Time
	seen  map[string]sight
	told  map[string]string  // what was last logged about each name, so that it is logged once
	dealt map[string]verdict // files that were dealt with and could not be moved
}

func newBox(o Options) *box {
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	return &box{Options: o, now: time.Now, seen: map[string]sight{}, told: map[string]string{}, dealt: map[string]verdict{}}
}

// sight is what was seen of one file, and since when it has been like that.
type sight struct {
	info  fs.FileInfo
	since time.Time
}

// same reports whether a file is as it was.
func (s sight) same(info fs.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) && s.info.Size() == info.Size() && s.info.ModTime().Equal(info.ModTime())
}

// look goes through the folder once, takes the files that lie still, and reports
// whether there are others that do not yet.
func (b *box) look(ctx context.Context) (soon bool) {
	root, err := b.open()
	if err != nil {
		b.tell("", err)
		return false
	}
	defer func() { _ = root.Close() }()
	names, err := namesIn(root)
	if err != nil {
		b.tell("", err)
		return false
	}
	delete(b.told, "")
	there := make(map[string]sight, len(names))
	for _, name := range names {
		if ctx.Err() != nil {
			return false
		}
		info, err := acceptable(root, name)
		if err != nil {
			b.tell(name, err)
			continue
		}
		s := b.seen[name]
		if !s.same(info) {
			s = sight{info, b.now()}
		}
		if b.now().Sub(s.since) < settle {
			there[name], soon = s, true
			continue
		}
		if err := b.take(ctx, root, name, info); err != nil {
			b.tell(name, err)
			there[name] = s // tried again at the next look
		} else {
			delete(b.told, name)
		}
	}
	b.seen = there
	maps.DeleteFunc(b.dealt, func(name string, _ verdict) bool { return b.seen[name].info == nil })
	return soon
}

// tell logs what keeps a file, or the folder, from being taken: once, until it
// is something else.
func (b *box) tell(name string, err error) {
	if what := err.Error(); b.told[name] != what {
		if len(b.told) > maxFiles {
			clear(b.told)
		}
		b.told[name] = what
		if !plain(name) {
			name = "(not shown)"
		}
		b.Log.Warn("a consent file, or the folder of such files, cannot be taken", "file", name, "error", err)
	}
}

// open opens the folder, unless people could put files there who should not.
func (b *box) open() (*os.Root, error) {
	info, err := os.Stat(b.Folder)
	if err == nil {
		err = folderFault(info)
	}
	if err != nil {
		return nil, folderError(err)
	}
	root, err := os.OpenRoot(b.Folder)
	if err != nil {
		return nil, folderError(err)
	}
	return root, nil
}

// CheckFolder says what keeps files in a folder from being taken, or nil.
func CheckFolder(path string) error {
	b := box{Options: Options{Folder: path}}
	root, err := b.open()
	if err != nil {
		return err
	}
	_ = root.Close() // nothing was done in it
	return nil
}

func folderError(err error) error {
	if _, ours := errors.AsType[*care.Error](err); ours {
		return err
	}
	return failure(care.SourceUnavailable, "FOLDER", "the folder cannot be read; check consent.folder in agent.yaml and who may read it", err)
}

func failure(kind care.Kind, reason, detail string, cause error) *care.Error {
	return &care.Error{Kind: kind, Op: "consent/inbox", Reason: reason, Detail: detail, Err: cause}
}
