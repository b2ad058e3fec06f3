package agent

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

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
