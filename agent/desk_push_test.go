package agent

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
)

// batchesOf yields directives in one batch, and then an error if there is one.
func batchesOf(err error, ds ...care.Directive) iter.Seq2[[]care.Directive, error] {
	return func(yield func([]care.Directive, error) bool) {
		if yield(ds, nil) && err != nil {
			yield(nil, err)
		}
	}
}

// A push of the region takes effect, vouches and is journalled; so is one that
// is refused.
func TestPush(t *testing.T) {
	o := newOffice(t)
	ledger := feed.NewLedger("north.example", 7, time.Now().UTC().Truncate(time.Millisecond))
	d := o.dissent(ann, on(1, 1))
	if _, err := ledger.Admit(d); err != nil {
		t.Fatal(err)
	}
	m, err := ledger.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	instance := o.State().Instance
	push := broker.Push{Actor: "north", Manifest: m.Unsigned(), Vouching: broker.Vouching{Instance: instance[:]}}
	if err := o.Snapshot(t.Context(), push, 0, batchesOf(errors.New("gone"), d)); err == nil {
		t.Fatal("a push that broke off succeeded")
	}
	if s := o.State(); s.Vouched || s.Sets[0].Filled {
		t.Errorf("after a push that broke off: %+v", s)
	}
	if err := o.Snapshot(t.Context(), push, 1, batchesOf(nil)); care.ReasonOf(err) != consent.ReasonResume {
		t.Errorf("a push that goes on where the store was not: %v", err)
	}
	if err := o.Snapshot(t.Context(), push, 0, batchesOf(nil, d)); err != nil {
		t.Fatal(err)
	}
	s := o.State()
	if !s.Vouched || s.Doubt != "" || s.Sets[0].Sequence != 7 || s.Sets[0].Patients != 1 || !s.Sets[0].AsOf.Equal(m.AsOf) || s.Sets[0].Digest != m.Digest || s.Staged != (broker.StagedSnapshot{}) {
		t.Errorf("after the push: %+v", s)
	}
	if err := o.Changes(t.Context(), broker.Push{Actor: "north", Manifest: []byte("none")}, nil); err == nil {
		t.Error("a manifest that is none was taken")
	}
	lines := o.entries(care.ConsentChanged)
	id := fmt.Sprintf("%x", feed.ID(m.Unsigned()))
	if len(lines) != 4 || lines[0].Refusal == "" || lines[1].TrueReason != consent.ReasonResume || lines[2].Refusal != "" || lines[3].Refusal != "BAD_REQUEST" ||
		lines[2].Actor != "north" || lines[2].Count != 1 || lines[2].Detail != "snapshot of the region, manifest "+id+", sequence 7" ||
		!strings.HasPrefix(lines[3].Detail, "changes of the region, manifest ") {
		t.Errorf("%d entries: %q", len(lines), lines)
	}
	if answer := o.agent.consent.Check(&care.Request{Subject: care.Subject{NHSNumber: nhs(t, ann)}, Purpose: care.Treatment}); answer.Refusal != care.NoPatientConsent {
		t.Errorf("the patient who dissented is answered %+v", answer)
	}
}

// A region that remembers a later state shows that the store was put back from
// the past: the push is refused, and what the site has said is read back.
func TestPushToAStoreFromThePast(t *testing.T) {
	o := newOffice(t)
	o.record(o.dissent(ann, on(1, 1)))
	m, err := feed.NewLedger("north.example", 7, time.Now().UTC().Truncate(time.Millisecond)).Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	instance := o.State().Instance
	push := broker.Push{Actor: "north", Manifest: m.Unsigned(), Vouching: broker.Vouching{Instance: instance[:], KnownEpoch: 1000}}
	if err := o.Snapshot(t.Context(), push, 0, batchesOf(nil)); care.ReasonOf(err) != consent.ReasonRolledBack {
		t.Fatalf("told %v", err)
	}
	o.agent.restoreIfLost(t.Context())
	if site := o.siteSet(); site.Lost || site.Patients != 1 {
		t.Errorf("the site's set is %+v", site)
	}
	if err := o.Snapshot(t.Context(), push, 0, batchesOf(nil)); err != nil {
		t.Fatal(err)
	}
	if s := o.State(); s.Doubt != "" || s.Epoch <= 1000 {
		t.Errorf("after the next snapshot: %+v", s)
	}
	push.Vouching.Instance = make([]byte, 16)
	if err := o.Changes(t.Context(), push, nil); care.ReasonOf(err) != consent.ReasonInstance {
		t.Errorf("a vouching for another process: %v", err)
	}
}

// No call of the region, nor anybody who looks, waits while what the site has
// said is read back, however long that takes; only who speaks for the site does,
// because what is said now must count after it. The store is lost until then.
func TestNobodyWaitsForTheRebuild(t *testing.T) {
	o := newOffice(t)
	o.record(o.dissent(ann, on(1, 1)))
	o.agent.restore.missed = make(chan struct{}, 1)
	ledger := feed.NewLedger("north.example", 7, time.Now().UTC().Truncate(time.Millisecond))
	m, err := ledger.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	instance := o.State().Instance
	push := broker.Push{Actor: "north", Manifest: m.Unsigned(), Vouching: broker.Vouching{Instance: instance[:], KnownEpoch: 1000}}
	o.agent.restore.mu.Lock() // somebody reads the journal, and is slow
	for range 2 {             // the second call says what the store is without another loss
		err := o.Snapshot(t.Context(), push, 0, batchesOf(nil))
		if reason := care.ReasonOf(err); err != nil && reason != consent.ReasonRolledBack {
			t.Errorf("a push meanwhile: %v", err)
		}
	}
	if len(o.agent.restore.missed) != 1 {
		t.Error("nobody was told that the site's words are missing")
	}
	if err := o.Changes(t.Context(), broker.Push{Actor: "north", Manifest: []byte("none")}, nil); care.KindOf(err) != care.BadRequest {
		t.Errorf("changes meanwhile: %v", err)
	}
	if s := o.State(); s.Doubt != "LOST" || !s.Sets[0].Filled {
		t.Errorf("meanwhile: %+v", s)
	}
	if _, err := o.Show(t.Context(), "site:ann", nhs(t, ann), ""); err != nil {
		t.Errorf("a look meanwhile: %v", err)
	}
	done := make(chan struct{})
	go func() { defer close(done); o.record(o.dissent(bob, time.Time{})) }()
	o.agent.restore.mu.Unlock()
	<-done
	if site := o.siteSet(); site.Lost || site.Patients != 2 || o.State().Doubt != "" {
		t.Errorf("at the end: %+v, %q", site, o.State().Doubt)
	}
	rebuilt, changed := o.entries(care.ConsentRebuilt), o.entries(care.ConsentChanged)
	if len(rebuilt) != 1 || rebuilt[0].Sequence > changed[len(changed)-1].Sequence {
		t.Errorf("read back %d times, or a word of the site did not wait for it", len(rebuilt))
	}
}

// The site's words are read back as soon as a push has shown that they are
// missing, and not again for an hour when that has failed.
func TestRestoredSoonAndNotTooOften(t *testing.T) {
	o := newOffice(t)
	o.record(o.dissent(ann, on(1, 1)))
	gone := o.record(o.dissent(bob, on(1, 1))).Entry
	o.agent.restore.missed = make(chan struct{}, 1)
	failed := make(said)
	o.agent.log = hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: failed})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- o.agent.restoreSite(ctx) }()
	o.spoil(gone)
	instance := o.State().Instance
	if err := o.meet(consent.Vouching{Instance: instance[:], KnownEpoch: 1000}); care.ReasonOf(err) != consent.ReasonRolledBack {
		t.Fatal(err)
	}
	if line := <-failed; !strings.Contains(line, "JOURNAL_INCOMPLETE") {
		t.Errorf("logged %s", line)
	}
	o.record(o.dissent(cat, time.Time{})) // counts although the rest cannot be read; to log once more would hang
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if site := o.siteSet(); !site.Lost || site.Patients != 3 {
		t.Errorf("the site's set is %+v", site)
	}
}

// said is a log that hands over each line.
type said chan string

func (s said) Write(line []byte) (int, error) {
	s <- string(line)
	return len(line), nil
}
