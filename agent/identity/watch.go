package identity

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Times of the scans.
const (
	scanInterval = 30 * time.Second // plus or minus scanJitter
	scanJitter   = 5 * time.Second
	settleTime   = 200 * time.Millisecond // from a hint to the scan: certificate and key change together
)

// Run follows changes of the files until ctx ends, then returns nil. It scans
// at once, every half a minute, and shortly after the operating system hints at
// a change. The hints may be missing altogether: network folders give none,
// and watches can run out.
func (k *Keeper) Run(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		k.follow(ctx, &folders{})
		return nil
	}
	defer watcher.Close()
	defer k.watching.Store(false)
	k.follow(ctx, &folders{watcher: watcher, paths: k.folders()})
	return nil
}

// follow is Run with a given source of hints.
func (k *Keeper) follow(ctx context.Context, folders *folders) {
	events, faults := folders.hints()
	timer := time.NewTimer(0)
	defer timer.Stop()
	hinted := true // the first scan is under way
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
		case <-faults: // such as an overflow: something may have been missed
		case <-timer.C:
			// Watching starts before the scan: a change between the two is
			// then seen by one of them.
			k.watching.Store(folders.watch())
			k.Rescan()
			timer.Reset(scanInterval + rand.N(2*scanJitter) - scanJitter)
			hinted = false
			continue
		}
		if !hinted {
			hinted = true
			timer.Reset(settleTime)
		}
	}
}

// folders is where the files are. A watch on a file would be lost when another
// file is renamed over it.
type folders struct {
	watcher *fsnotify.Watcher // nil when there is none
	paths   []string
}

// folders returns the folders of all files, each once.
func (k *Keeper) folders() []string {
	files := append([]string{k.files.Certificate, k.files.Key}, k.files.BrokerRoots...)
	if k.files.Denied != "" {
		files = append(files, k.files.Denied)
	}
	for i, file := range files {
		files[i] = filepath.Dir(file)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// watch makes sure that every folder is watched, and reports whether it is. A
// folder that was removed and made again has to be added again.
func (f *folders) watch() bool {
	all := f.watcher != nil
	for _, path := range f.paths {
		if f.watcher.Add(path) != nil {
			all = false
		}
	}
	return all
}

// hints returns the channels on which changes may announce themselves.
func (f *folders) hints() (<-chan fsnotify.Event, <-chan error) {
	if f.watcher == nil {
		return nil, nil
	}
	return f.watcher.Events, f.watcher.Errors
}
