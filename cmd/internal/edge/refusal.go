package edge

import (
	"google.golang.org/grpc/status"

	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// RefusalOf returns the agent's refusal within an error of a call. It reports
// false when the agent did not refuse: the error is nil, is one of this side,
// or the call never reached the agent.
func RefusalOf(err error) (*edgev1.Refusal, bool) {
	st, ok := status.FromError(err)
	if !ok || err == nil {
		return nil, false
	}
	for _, detail := range st.Details() {
		if refusal, ok := detail.(*edgev1.Refusal); ok {
			return refusal, true
		}
	}
	return nil, false
}
