package sql

import (
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// wantReason checks the kind and the reason of an error.
func wantReason(t testing.TB, err error, kind care.Kind, reason string) {
	t.Helper()
	if care.KindOf(err) != kind || care.ReasonOf(err) != reason {
		t.Errorf("error %v, want %v (%s)", err, kind, reason)
	}
}
