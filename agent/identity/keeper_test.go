package identity

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
	"go.uber.org/goleak"
)

// change is one report of a Keeper.
type change struct{ old, new Status }

// reports collects what a Keeper reports.
func reports(list *[]change) Options {
	return Options{OnChange: func(old, new Status) { *list = append(*list, change{old, new}) }}
}

func TestRescanPutsNewFilesInUse(t *testing.T) {
	s := newSite(t)
	var seen []change
	k := s.load(reports(&seen))
	before := k.Status()
	k.Rescan()
	if len(seen) != 0 {
		t.Fatalf("reported %v though nothing changed", seen)
	}
	renewed := s.renew("agent-2")
	k.Rescan()
	if len(seen) != 1 || seen[0].old.Fingerprint != before.Fingerprint || seen[0].new.Fingerprint != Fingerprint(renewed.TLS.Leaf) {
		t.Errorf("reported %+v, want the renewal", seen)
	}
	second := newRegion(t)
	s.write("root.pem", append(s.region.RootPEM(), second.RootPEM()...))
	k.Rescan()
	if len(seen) != 2 || len(seen[1].new.Roots) != 2 {
		t.Fatalf("reported %+v, want the second root", seen)
	}
	for name, region := range map[string]*throwaway.Region{"old": s.region, "new": second} {
		if _, err := k.Identify(connected(t, s.issue(region, throwaway.Leaf{URI: brokerURI, Client: true}))); err != nil {
			t.Errorf("under the %s root: %v", name, err)
		}
	}
}

func TestFaultyFilesKeepWhatWasThere(t *testing.T) {
	for _, test := range faults {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			var seen []change
			k := s.load(reports(&seen))
			before, state := k.Status(), connected(t, s.issue(s.region, throwaway.Leaf{
				URI: brokerURI, Client: true, NotBefore: time.Now().AddDate(0, -1, 0), NotAfter: time.Now().AddDate(0, 1, 0)}))
			s.files = k.files
			test.spoil(s)
			k.files = s.files
			k.Rescan()
			k.Rescan()
			if len(seen) != 1 {
				t.Fatalf("%d reports of one fault, want 1", len(seen))
			}
			wantReason(t, seen[0].new.LastError, care.BadRequest, test.reason)
			if got := k.Status(); got.Fingerprint != before.Fingerprint || len(got.Roots) != 1 {
				t.Errorf("in use: %+v, want what was there", got)
			}
			if _, err := k.Identify(state); err != nil {
				t.Errorf("the broker is refused: %v", err)
			}
		})
	}
}

func TestMendedFilesAreReported(t *testing.T) {
	s := newSite(t)
	var seen []change
	k := s.load(reports(&seen))
	s.write("agent.key", []byte("broken"))
	k.Rescan()
	s.renew("agent-2")
	k.Rescan()
	if len(seen) != 2 || seen[1].old.LastError == nil || seen[1].new.LastError != nil || seen[1].new.Subject != "CN=agent-2" {
		t.Errorf("reported %+v, want the fault and its end", seen)
	}
}

// TestRevocationDoesNotWaitForOtherFiles also has the reverse: a broken deny
// list takes nobody off it.
func TestRevocationDoesNotWaitForOtherFiles(t *testing.T) {
	s := newSite(t)
	k, broker := s.load(Options{}), s.broker()
	state := connected(t, broker)
	s.write("agent.pem", []byte("broken"))
	s.write("denied.txt", []byte(Fingerprint(broker.TLS.Leaf)))
	k.Rescan()
	_, err := k.Identify(state)
	wantReason(t, err, care.Unauthenticated, ReasonRevoked)
	remove(s, "denied.txt")
	k.Rescan()
	_, err = k.Identify(state)
	wantReason(t, err, care.Unauthenticated, ReasonRevoked)
}

// TestScansFindWhatNoHintAnnounced has no watcher at all.
func TestScansFindWhatNoHintAnnounced(t *testing.T) {
	s := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		changes, made := make(chan change, 10), s.region.Root().NotBefore.AddDate(0, 0, 1)
		k, err := Load(s.files, nil, Options{
			OnChange: func(old, new Status) { changes <- change{old, new} },
			Now:      func() time.Time { return made }, // the bubble's clock starts in the year 2000
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { k.follow(ctx, &folders{}); close(done) }()
		synctest.Wait()
		s.write("denied.txt", []byte("01"))
		time.Sleep(scanInterval - scanJitter - time.Second)
		if synctest.Wait(); len(changes) != 0 {
			t.Errorf("scanned again too soon: %+v", <-changes)
		}
		time.Sleep(2*scanJitter + time.Second)
		synctest.Wait()
		select {
		case c := <-changes:
			if c.new.Denied != 1 || c.new.Watching {
				t.Errorf("reported %+v, want one entry denied", c.new)
			}
		default:
			t.Error("the change was not found")
		}
		cancel()
		<-done
	})
}

// TestRunNoticesChanges works with the operating system's hints; how soon they
// come is not asserted.
func TestRunNoticesChanges(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := newSite(t)
	apart := t.TempDir()
	s.files.Denied = filepath.Join(apart, "denied.txt")
	if err := os.WriteFile(s.files.Denied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	changes := make(chan change, 100)
	k := s.load(Options{OnChange: func(old, new Status) { changes <- change{old, new} }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	until := func(what string, reached func(Status) bool) {
		t.Helper()
		for c := range changes {
			if reached(c.new) {
				return
			}
			t.Logf("before %s: %v", what, c.new.LastError)
		}
	}
	renewed := s.renew("agent-2")
	until("the renewal", func(s Status) bool { return s.Fingerprint == Fingerprint(renewed.TLS.Leaf) })
	renewed = s.renew("agent-3") // a second rename over the same file
	until("the second renewal", func(s Status) bool { return s.Fingerprint == Fingerprint(renewed.TLS.Leaf) })
	if err := os.WriteFile(s.files.Denied, []byte("01"), 0o600); err != nil {
		t.Fatal(err)
	}
	until("the entry in the other folder", func(s Status) bool { return s.Denied == 1 && s.Watching })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run ended with %v", err)
	}
	if k.Status().Watching {
		t.Error("still said to be watching")
	}
}

func TestFoldersAreWatchedOnce(t *testing.T) {
	k := &Keeper{files: Files{Certificate: "/a/c", Key: "/b/k", BrokerRoots: []string{"/a/r", "/c/r"}}}
	got := k.folders()
	if len(got) != 3 || got[0] != filepath.Dir("/a/c") || got[2] != filepath.Dir("/c/r") {
		t.Errorf("folders %q", got)
	}
	k.files.Denied = "/d/denied"
	if got := k.folders(); len(got) != 4 {
		t.Errorf("folders %q, want the deny list's too", got)
	}
}
