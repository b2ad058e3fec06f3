package broker_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// What was counted is written down when the agent ends, and nothing after that.
func TestDoormanCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{events: make(chan care.Event, 10)}
		door := broker.NewDoorman(h, hclog.NewNullLogger())
		expired := &care.Error{Kind: care.Unauthenticated, Reason: "EXPIRED"}
		for range 5 {
			door.TurnAway(care.Broker{Name: "b"}, "GetRecord", expired)
		}
		door.Close()
		door.TurnAway(care.Broker{}, "GetRecord", expired)
		time.Sleep(time.Minute)
		synctest.Wait()
		close(h.events)
		var got []string
		for e := range h.events {
			got = append(got, fmt.Sprintf("%s %s %d", e.Broker.Name, e.TrueReason, e.Count))
		}
		if want := []string{"b EXPIRED 1", "b EXPIRED 4"}; !slices.Equal(got, want) {
			t.Errorf("journalled %q, want %q", got, want)
		}
	})
}

// Who is turned away is written down at once; who follows in the same way is
// counted, and nobody is hidden by a flood of others.
func TestDoorman(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{events: make(chan care.Event, 10)}
		door := broker.NewDoorman(h, hclog.NewNullLogger())
		expired := &care.Error{Kind: care.Unauthenticated, Reason: "EXPIRED"}
		role := &care.Error{Kind: care.AccessDenied, Reason: "ROLE"}
		for range 500 {
			door.TurnAway(care.Broker{}, "TLS handshake", expired)
		}
		door.TurnAway(care.Broker{Name: "b"}, "GetRecord", role)
		time.Sleep(time.Minute)
		door.TurnAway(care.Broker{}, "TLS handshake", expired)
		synctest.Wait()
		time.Sleep(time.Minute) // no timer is left
		close(h.events)
		var got []string
		for e := range h.events {
			got = append(got, fmt.Sprintf("%s %s %d", e.Detail, e.TrueReason, e.Count))
		}
		want := []string{"TLS handshake EXPIRED 1", "GetRecord ROLE 1", "TLS handshake EXPIRED 499", "TLS handshake EXPIRED 1"}
		if !slices.Equal(got, want) {
			t.Errorf("journalled %q, want %q", got, want)
		}
	})
}
