package edge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

func TestSync(t *testing.T) {
	c := &edgetest.Consent{}
	client := cache(t, c)
	some := edgetest.Directives(3000)
	l := ledger(t, some[:1000])
	sync := func(want ...uint64) {
		t.Helper()
		state, err := client.Sync(t.Context(), l, nil)
		holds(t, state, l, err)
		sent(t, c, want...)
	}
	next := func(ds ...care.Directive) {
		t.Helper()
		if err := errors.Join(l.Next(l.Sequence()+1, asOf.Add(time.Duration(l.Sequence())*time.Minute)), l.AdmitAll(listed(ds))); err != nil {
			t.Fatal(err)
		}
	}
	sync(1000) // empty: a snapshot
	sync(1000, 0)
	next()
	sync(1000, 0, 0) // nothing new
	next(some[1000], some[1001])
	next(some[1002])
	c.Restart()
	sync(1000, 0, 0, 3)             // two states at once
	next(some[1003:2003]...)        // as many as one push can carry
	sync(1000, 0, 0, 3, 1000)       // still changes
	next(some[2003:]...)            // 997
	next(some[0], some[1], some[2]) // known already
	sync(1000, 0, 0, 3, 1000, 997)
	if pushes, _ := c.Pushes(); !pushes[0].Snapshot || pushes[5].Snapshot || pushes[3].Base != 6 || pushes[3].Sequence != 8 {
		t.Errorf("pushes %+v", pushes)
	}
	// More than one push can carry: a snapshot.
	next(edgetest.Directives(3600)[3000:]...)
	next(edgetest.Directives(4200)[3600:]...)
	sync(1000, 0, 0, 3, 1000, 997, 3000+1200)
}

// TestLongTexts checks that no message is larger than an agent takes.
func TestLongTexts(t *testing.T) {
	long := edgetest.Directives(2000)
	for i := range long {
		long[i].By, long[i].Recorded = strings.Repeat("b", 64), asOf
		long[i].Code = care.Coding{System: strings.Repeat("s", 128), Code: strings.Repeat("c", 32)}
		long[i].Scope.Organisations = []care.ODSCode{"ABCDEFGHIJ"}
	}
	c := &edgetest.Consent{}
	client := cache(t, c)
	l := ledger(t, long[:1000])
	state, err := client.Sync(t.Context(), l, nil)
	holds(t, state, l, err)
	if err := errors.Join(l.Next(6, asOf), l.AdmitAll(listed(long[1000:]))); err != nil {
		t.Fatal(err)
	}
	state, err = client.Sync(t.Context(), l, nil)
	holds(t, state, l, err)
	sent(t, c, 1000, 2000)
}

// TestRenew checks that only flags that are the region's are renewed.
func TestRenew(t *testing.T) {
	c := &edgetest.Consent{}
	client := cache(t, c)
	l := ledger(t, edgetest.Directives(3))
	if _, err := client.Renew(t.Context(), edge.Push{AsOf: asOf}, feed.Digest{}); care.ReasonOf(err) != "DIFFERS" {
		t.Errorf("never filled: err %v", err)
	}
	if _, err := client.Sync(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Renew(t.Context(), edge.Push{AsOf: asOf}, feed.Digest{1}); care.ReasonOf(err) != "DIFFERS" {
		t.Errorf("other flags: err %v", err)
	}
	sent(t, c, 3)
	c.Restart()
	for sequence, want := range []uint64{6, 9} { // the next, or the one that is said
		push := edge.Push{Region: "test", AsOf: asOf.Add(time.Minute + time.Microsecond), Sequence: uint64(sequence) * 9}
		state, err := client.Renew(t.Context(), push, l.Digest())
		if set := edge.RegionSet(state); err != nil || !state.GetVouched() || set.GetSequence() != want || !set.GetAsOf().AsTime().Equal(asOf.Add(time.Minute)) {
			t.Errorf("err %v, state %v", err, state)
		}
	}
	client.Remember(99)
	if _, err := client.Renew(t.Context(), edge.Push{AsOf: asOf}, l.Digest()); !isBehind(err, 99, 3) {
		t.Errorf("err %v", err)
	}
}

// TestSyncHeals checks that a site that holds something else is sent all of it.
func TestSyncHeals(t *testing.T) {
	all := edgetest.Directives(100)
	for name, test := range map[string]struct {
		held *feed.Ledger
		next uint64
		sent uint64
	}{
		"older than known": {feed.NewLedger("test", 3, asOf), 6, 100},
		"other flags":      {ledger(t, all[:99]), 5, 100},
		"other, later":     {ledger(t, all[:99]), 6, 100},
		"the same":         {ledger(t, all), 6, 0},
	} {
		c := &edgetest.Consent{}
		client := cache(t, c)
		if _, err := client.SendSnapshot(t.Context(), test.held, nil); err != nil {
			t.Fatal(err)
		}
		l := ledger(t, all)
		if test.next > 5 {
			if err := l.Next(test.next, asOf); err != nil {
				t.Fatal(err)
			}
		}
		state, err := client.Sync(t.Context(), l, nil)
		holds(t, state, l, err)
		if _, sent := c.Pushes(); sent[len(sent)-1] != test.sent {
			t.Errorf("%s: sent %v", name, sent)
		}
	}
}

// TestSyncAhead checks that a region that was put back from the past does not
// push over what its site knows.
func TestSyncAhead(t *testing.T) {
	c := &edgetest.Consent{}
	client := cache(t, c)
	if _, err := client.PushSnapshot(t.Context(), edge.Push{Sequence: 6, AsOf: asOf}, listed(nil)); err != nil {
		t.Fatal(err)
	}
	_, err := client.Sync(t.Context(), ledger(t, nil), nil)
	if sent(t, c, 0); care.ReasonOf(err) != "AHEAD" || !strings.Contains(err.Error(), "state 6") {
		t.Errorf("err %v", err)
	}
}

// TestDiffers checks that what the site says it holds is compared with what it
// was sent, number by number.
func TestDiffers(t *testing.T) {
	for want, change := range map[string]func(*edgev1.ConsentSet){
		"its sequence is 6 instead of 5":             func(s *edgev1.ConsentSet) { s.Sequence++ },
		"the number of patients is 3 instead of 2":   func(s *edgev1.ConsentSet) { s.Patients++ },
		"the number of directives is 3 instead of 2": func(s *edgev1.ConsentSet) { s.Directives++ },
		"the digest is another":                      func(s *edgev1.ConsentSet) { s.Digest[31] ^= 1 },
	} {
		c := &edgetest.Consent{Tamper: func(s *edgev1.ConsentState) {
			for _, set := range s.GetSets() {
				change(set)
			}
		}}
		_, err := cache(t, c).Sync(t.Context(), ledger(t, edgetest.Directives(2)), nil)
		if care.ReasonOf(err) != "DIFFERS" || !strings.Contains(err.Error(), ": "+want+";") {
			t.Errorf("err %v, want %s", err, want)
		}
	}
}

// TestBehind puts a site back from the past: changes are not sent, a snapshot
// is, and the error says what happened.
func TestBehind(t *testing.T) {
	c := &edgetest.Consent{}
	client := cache(t, c)
	l := ledger(t, edgetest.Directives(3))
	if _, err := client.Sync(t.Context(), l, nil); err != nil || client.KnownEpoch() != 1 {
		t.Fatalf("err %v, epoch %d", err, client.KnownEpoch())
	}
	client.Remember(7)
	client.Remember(2)
	if _, err := client.SendChanges(t.Context(), l, nil); !isBehind(err, 7, 1) {
		t.Errorf("changes: err %v", err)
	}
	sent(t, c, 3)
	state, err := client.Sync(t.Context(), l, nil)
	if sent(t, c, 3, 3); !isBehind(err, 7, 1) || state.GetEpoch() != 9 || client.KnownEpoch() != 9 {
		t.Errorf("sync: err %v, state %v, known %d", err, state, client.KnownEpoch())
	}
	if state, err = client.Sync(t.Context(), l, nil); err != nil {
		t.Errorf("healed: err %v, state %v", err, state)
	}
	c.Rewind(4)
	if state, err = client.ConsentState(t.Context()); err != nil || !isBehind(client.Behind(state), 10, 4) {
		t.Errorf("err %v, state %v", err, state)
	}
}

// TestRestartedMeanwhile starts the agent anew between its state and the push:
// a snapshot is vouched for all the same; changes are not made a snapshot of.
func TestRestartedMeanwhile(t *testing.T) {
	var c *edgetest.Consent
	restarts := 1
	c = &edgetest.Consent{Tamper: func(s *edgev1.ConsentState) {
		if restarts > 0 {
			restarts--
			s.Instance = []byte("the one before")
		}
	}}
	client := cache(t, c)
	l := ledger(t, edgetest.Directives(3))
	state, err := client.SendSnapshot(t.Context(), l, nil)
	holds(t, state, l, err)
	restarts = 1
	_, err = client.Sync(t.Context(), l, nil)
	if refusal, ok := edge.RefusalOf(err); !ok || refusal.GetReason() != "INSTANCE" {
		t.Errorf("err %v", err)
	}
	sent(t, c, 3)
}

func isBehind(err error, known, epoch uint64) bool {
	b, ok := errors.AsType[*edge.Behind](err)
	return ok && *b == edge.Behind{Known: known, Epoch: epoch} && strings.Contains(err.Error(), fmt.Sprintf("epoch %d", known))
}
