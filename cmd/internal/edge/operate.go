package edge

import (
	"context"

	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Locate asks whether the site serves a patient and which sections it would
// give this requester. No part of the record is sent.
func (c *Client) Locate(ctx context.Context, request *edgev1.LocatePatientRequest) (*edgev1.LocatePatientResponse, error) {
	return c.records.LocatePatient(ctx, request)
}

// Status tells how the agent and everything it depends on are.
func (c *Client) Status(ctx context.Context) (*edgev1.GetStatusResponse, error) {
	return c.status.GetStatus(ctx, &edgev1.GetStatusRequest{})
}
