//go:build e2e

package hostile

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// callers are the clients that the requests are made with.
type callers struct {
	records, office *edge.Client
	patient         memory.Member // a patient to whom nothing is special
	document        string        // id of a document of another patient
}

// badRequest is one request that must be refused.
type badRequest struct {
	name   string
	code   codes.Code
	kind   care.Kind
	reason string         // as the caller sees it
	truth  string         // true_reason of the journal, when that is another one
	entry  care.EventKind // of the journal entry with the code
	call   func(context.Context, callers, string) error
}

// record asks for a record with a context that was spoiled in one place. The
// id of the request is that of its journal entry.
func record(spoil func(*edgev1.GetRecordRequest)) func(context.Context, callers, string) error {
	return func(ctx context.Context, c callers, id string) error {
		request := &edgev1.GetRecordRequest{Context: asking(c.patient)}
		request.Context.RequestId = id
		spoil(request)
		_, err := c.records.GetRecord(ctx, request)
		return err
	}
}

// about asks for the record of one of the cast.
func about(t testing.TB, role memory.Role) func(context.Context, callers, string) error {
	who := asking(member(t, role)).Subject
	return record(func(r *edgev1.GetRecordRequest) { r.Context.Subject = who })
}

// number asks for the record of somebody with that number.
func number(text string) func(context.Context, callers, string) error {
	return record(func(r *edgev1.GetRecordRequest) { r.Context.Subject.NhsNumber = text })
}

// document asks for a document of the patient.
func document(id func(callers) string) func(context.Context, callers, string) error {
	return func(ctx context.Context, c callers, request string) error {
		asked := asking(c.patient)
		asked.RequestId = request
		_, err := c.records.GetDocument(ctx, &edgev1.GetDocumentRequest{Context: asked, DocumentId: id(c)}, io.Discard)
		return err
	}
}

// text returns a function that returns a text.
func text(s string) func(callers) string { return func(callers) string { return s } }

// unknown calls a method, of which the agent may know nothing, over the
// client of the records broker.
func unknown(method string) func(context.Context, callers, string) error {
	return func(ctx context.Context, c callers, _ string) error {
		return c.records.Conn().Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
	}
}

// tooLarge is a text that makes any message larger than the agent takes.
var tooLarge = strings.Repeat("Qanary", 60_000)

// garbage is bytes that are no message.
type garbage struct{}

func (garbage) Marshal(any) ([]byte, error) {
	return []byte{0xff, 0xff, 0xff, 0xff, 'Q', 'a', 'n', 'a', 'r', 'y'}, nil
}
func (garbage) Unmarshal([]byte, any) error { return nil }
func (garbage) Name() string                { return "proto" }

func noMessage(method string) func(context.Context, callers, string) error {
	return func(ctx context.Context, c callers, _ string) error {
		stream, err := c.records.Conn().NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodec(garbage{}))
		if err != nil {
			return err
		}
		_ = stream.SendMsg(garbage{})
		_ = stream.CloseSend()
		return stream.RecvMsg(nil)
	}
}

// badRequests are requests over a connection in order that must be refused.
// Every text in them that holds "anary" must be in no log.
func badRequests(t testing.TB) []badRequest {
	return slices.Concat(badNumbers(), badFields(), badDetails(), notForThem(t), badDocuments(), badMessages(), badCalls())
}

func badNumbers() (list []badRequest) {
	for name, text := range map[string]string{
		"no number": "", "short number": "999000101", "long number": "99900010140", "wrong check digit": "9990001015",
		"repdigits": "7777777777", "zeros": "0000000000", "letters in a number": "Qanary9001",
		"a statement as a number": "9990001014' OR '1'='1", "a Scottish number": "0101010102",
	} {
		list = append(list, badRequest{name, codes.InvalidArgument, care.InvalidNHSNumber, "", "", care.ReleaseRefused, number(text)})
	}
	nobody := func(r *edgev1.GetRecordRequest) { r.Context.Subject = nil }
	return append(list, badRequest{"no subject", codes.InvalidArgument, care.InvalidNHSNumber, "", "", care.ReleaseRefused, record(nobody)})
}

func badFields() (list []badRequest) {
	for name, spoil := range map[string]func(*edgev1.GetRecordRequest){
		"unknown section":             func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{99} },
		"a section that wraps around": func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{256 + 2} },
		"a negative section":          func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{-1} },
		"no date as a period":         func(r *edgev1.GetRecordRequest) { r.FromDate = "Qanary" },
		"no purpose":                  func(r *edgev1.GetRecordRequest) { r.Context.Purpose = 0 },
		"a purpose that wraps around": func(r *edgev1.GetRecordRequest) { r.Context.Purpose = 257 },
		"no permission":               func(r *edgev1.GetRecordRequest) { r.Context.Permission = 0 },
		"no requester":                func(r *edgev1.GetRecordRequest) { r.Context.Requester = nil },
		"no user":                     func(r *edgev1.GetRecordRequest) { r.Context.Requester.UserId = "" },
		"a line break in a user":      func(r *edgev1.GetRecordRequest) { r.Context.Requester.UserId = "q\n{\"v\":1}" },
		"no organisation's code":      func(r *edgev1.GetRecordRequest) { r.Context.Requester.Organisation = "r w h" },
		"a long reason":               func(r *edgev1.GetRecordRequest) { r.Context.Reason = strings.Repeat("Qanary", 200) },
	} {
		list = append(list, badRequest{name, codes.InvalidArgument, care.BadRequest, "FIELD", "", care.ReleaseRefused, record(spoil)})
	}
	return list
}

// badDetails are requests whose demographics are missing, no demographics, or
// not those of the patient.
func badDetails() []badRequest {
	one := func(name, reason string, entry care.EventKind, spoil func(*edgev1.Subject)) badRequest {
		return badRequest{name, codes.InvalidArgument, care.InvalidDemographics, reason, "", entry,
			record(func(r *edgev1.GetRecordRequest) { spoil(r.Context.Subject) })}
	}
	return []badRequest{
		one("no family name", "MISSING", care.ReleaseRefused, func(s *edgev1.Subject) { s.FamilyName = "" }),
		one("no date of birth", "MISSING", care.ReleaseRefused, func(s *edgev1.Subject) { s.BirthDate = "" }),
		one("no date as a date of birth", "BIRTH_DATE", care.ReleaseRefused, func(s *edgev1.Subject) { s.BirthDate = "1941-02-30" }),
		one("another date of birth", "DEMOGRAPHICS_DIFFER", care.ReleaseEnded, func(s *edgev1.Subject) { s.BirthDate = "1999-01-30" }),
		one("another family name", "DEMOGRAPHICS_DIFFER", care.ReleaseEnded, func(s *edgev1.Subject) { s.FamilyName = "Qanaryfamily" }),
	}
}

// notForThem are requests in order for patients who may not be shown.
func notForThem(t testing.TB) []badRequest {
	hidden := func(name, truth string, call func(context.Context, callers, string) error) badRequest {
		return badRequest{name, codes.NotFound, care.PatientNotFound, "", truth, care.ReleaseEnded, call}
	}
	return []badRequest{
		hidden("nobody's number", "ABSENT", number("9990000018")),
		hidden("a restricted patient", "RESTRICTED", about(t, memory.CastToRestrict)),
		hidden("a patient restricted at the source", "SOURCE_RESTRICTED", about(t, memory.CastSourceRestricted)),
		hidden("a patient who has left", "NOT_ACTIVE", about(t, memory.CastLeft)),
		hidden("a number that was not traced", "NUMBER_NOT_VERIFIED", about(t, memory.CastUnverified)),
		{"a dissent", codes.PermissionDenied, care.NoPatientConsent, "DISSENT", "", care.ReleaseRefused, about(t, memory.CastToDissent)},
		{"a dissent at the source", codes.PermissionDenied, care.NoPatientConsent, "SOURCE_DISSENT", "", care.ReleaseEnded, about(t, memory.CastSourceDissent)},
		{"break-glass without a reason", codes.PermissionDenied, care.NoPermissionToView, "NO_REASON", "", care.ReleaseRefused,
			record(func(r *edgev1.GetRecordRequest) { r.Context.Purpose = edgev1.Purpose_PURPOSE_BTG })},
	}
}

func badDocuments() []badRequest {
	none := func(name string, id func(callers) string) badRequest {
		return badRequest{name, codes.NotFound, care.RecordNotFound, "", "", care.ReleaseEnded, document(id)}
	}
	return []badRequest{
		{"no document", codes.InvalidArgument, care.BadRequest, "FIELD", "", care.ReleaseRefused, document(text(""))},
		none("an unknown document", text("Qanary")),
		none("a path as a document", text("../../../../etc/passwd")),
		none("another patient's document", func(c callers) string { return c.document }),
	}
}

func badMessages() (list []badRequest) {
	const reason, entry = "MESSAGE", care.AccessRefused
	for name, text := range map[string]string{"an oversized": tooLarge, "an enormous": strings.Repeat(tooLarge, 8)} {
		one := func(what string, call func(context.Context, callers, string) error) {
			list = append(list, badRequest{name + what, codes.ResourceExhausted, care.LimitExceeded, reason, "", entry, call})
		}
		one(" request", record(func(r *edgev1.GetRecordRequest) { r.Context.Reason = text }))
		one(" request of a unary call", func(ctx context.Context, c callers, _ string) error {
			asked := asking(c.patient)
			asked.Reason = text
			_, err := c.records.Locate(ctx, &edgev1.LocatePatientRequest{Context: asked})
			return err
		})
		one(" message within a snapshot", pushing(&edgev1.Directive{RecordedBy: text}))
	}
	return append(list,
		badRequest{"no message", codes.InvalidArgument, care.BadRequest, reason, "", entry, noMessage(edgev1.RecordService_GetRecord_FullMethodName)},
		badRequest{"no message of a unary call", codes.InvalidArgument, care.BadRequest, reason, "", entry, noMessage(edgev1.RecordService_LocatePatient_FullMethodName)},
		badRequest{"no message of a snapshot", codes.InvalidArgument, care.BadRequest, reason, "", entry, func(ctx context.Context, c callers, id string) error {
			c.records = c.office
			return noMessage(edgev1.ConsentService_PushSnapshot_FullMethodName)(ctx, c, id)
		}})
}

// pushing sends a snapshot that begins well and goes on with a directive.
func pushing(then *edgev1.Directive) func(context.Context, callers, string) error {
	return func(ctx context.Context, c callers, _ string) error {
		stream, err := edgev1.NewConsentServiceClient(c.office.Conn()).PushSnapshot(ctx)
		if err != nil {
			return err
		}
		// Sending fails once the agent has refused; why, only receiving tells.
		manifest, err := feed.NewLedger("REGION", 99, time.Now()).Snapshot()
		if err != nil {
			return err
		}
		_ = stream.Send(&edgev1.PushSnapshotRequest{Manifest: manifest.Unsigned()})
		_ = stream.Send(&edgev1.PushSnapshotRequest{Directives: []*edgev1.Directive{then}})
		_, err = stream.CloseAndRecv()
		return err
	}
}

// badCalls are calls that do not exist or are not for the broker.
func badCalls() []badRequest {
	one := func(name, reason string, call func(context.Context, callers, string) error) badRequest {
		return badRequest{name, codes.PermissionDenied, care.AccessDenied, reason, "", care.AccessRefused, call}
	}
	return []badRequest{
		one("an unknown call", "UNDECLARED", unknown("/mcr.edge.v1.RecordService/Qanary")),
		one("an unknown service", "UNDECLARED", unknown("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")),
		one("a path of another form", "UNDECLARED", unknown("/mcr.edge.v1.RecordService//GetRecord")),
		one("a role that the broker lacks", "ROLE", func(ctx context.Context, c callers, _ string) error {
			_, err := c.office.GetRecord(ctx, &edgev1.GetRecordRequest{Context: asking(c.patient)})
			return err
		}),
		one("the role of people at the site", "ROLE", func(ctx context.Context, c callers, _ string) error {
			return c.office.Conn().Invoke(ctx, edgev1.ConsentService_RecordDirectives_FullMethodName, &edgev1.RecordDirectivesRequest{}, &edgev1.RecordDirectivesResponse{})
		}),
	}
}
