package broker

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/gate"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// statusCodes is the one place where a Kind becomes a gRPC code.
var statusCodes = map[care.Kind]codes.Code{
	care.Internal:            codes.Internal,
	care.BadRequest:          codes.InvalidArgument,
	care.InvalidNHSNumber:    codes.InvalidArgument,
	care.InvalidDemographics: codes.InvalidArgument,
	care.PatientNotFound:     codes.NotFound,
	care.RecordNotFound:      codes.NotFound,
	care.NoPatientConsent:    codes.PermissionDenied,
	care.NoPermissionToView:  codes.PermissionDenied,
	care.AccessDenied:        codes.PermissionDenied,
	care.Unauthenticated:     codes.Unauthenticated,
	care.ConsentUnavailable:  codes.Unavailable,
	care.AuditUnavailable:    codes.Unavailable,
	care.SourceUnavailable:   codes.Unavailable,
	care.LimitExceeded:       codes.ResourceExhausted,
	care.Cancelled:           codes.Canceled,
	care.Unsupported:         codes.Unimplemented,
	care.Conflict:            codes.FailedPrecondition,
}

// statusOf returns the gRPC status of an error: the code and text of its Kind,
// with a Refusal as its only detail. The texts of other people's errors never
// reach the caller.
func statusOf(err error) error {
	if err == nil {
		return nil
	}
	refusal := &edgev1.Refusal{}
	kind := care.KindOf(err)
	if refused, ok := errors.AsType[*gate.Refused](err); ok {
		kind = refused.Kind
		refusal.Reason, refusal.Detail = refused.Reason, refused.Detail
		refusal.RequestId, refusal.JournalSequence = refused.RequestID, refused.Sequence
	} else if e, ok := errors.AsType[*care.Error](err); ok {
		refusal.Reason, refusal.Detail = e.Reason, e.Detail
	}
	refusal.Code = kind.String()
	code, known := statusCodes[kind]
	if !known {
		code = codes.Internal
	}
	text := refusal.Code
	if refusal.Detail != "" {
		text += ": " + refusal.Detail
	}
	st, derr := status.New(code, text).WithDetails(refusal)
	if derr != nil {
		return status.Error(code, text)
	}
	return st.Err()
}
