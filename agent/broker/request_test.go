package broker

import (
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// The alert reason has the numbers of the wire, and one that does not fit a
// byte is none that is ever valid.
func TestRequestTakesTheAlertReason(t *testing.T) {
	for name, number := range edgev1.AlertReason_value {
		m := &edgev1.Context{AlertReason: edgev1.AlertReason(number)}
		got := request(t.Context(), care.ReadRecord, care.Broker{}, m).AlertReason
		if int32(got) != number || got.Valid() && "ALERT_REASON_"+got.String() != name {
			t.Errorf("%s becomes %d %s", name, got, got)
		}
	}
	for _, number := range []edgev1.AlertReason{-1, 7, 257, 1 << 30} {
		if got := request(t.Context(), care.ReadRecord, care.Broker{}, &edgev1.Context{AlertReason: number}).AlertReason; got.Valid() || got == 0 {
			t.Errorf("%d becomes %s", number, got)
		}
	}
}
