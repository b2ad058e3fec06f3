//go:build e2e

package hostile

import (
	"context"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/mycarerecord/edge-agent/agent/care"
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
		_ = stream.SendMsg(nil)
		_ = stream.CloseSend()
		return stream.RecvMsg(nil)
	}
}

const (
	getRecord     = "/mcr.edge.v1.RecordService/GetRecord"
	locatePatient = "/mcr.edge.v1.RecordService/LocatePatient"
)

// badRequests are requests over a connection in order that must be refused.
// Their names, and every text in them that begins with Q, are canaries.
func badRequests(t testing.TB) []badRequest {
	const (
		badNumber  = care.InvalidNHSNumber
		badDetails = care.InvalidDemographics
		refused    = care.ReleaseRefused
		turnedAway = care.AccessRefused
		ended      = care.ReleaseEnded
		invalid    = codes.InvalidArgument
		denied     = codes.PermissionDenied
		notFound   = codes.NotFound
		tooMuch    = codes.ResourceExhausted
	)
	field := func(name string, spoil func(*edgev1.GetRecordRequest)) badRequest {
		return badRequest{name, invalid, care.BadRequest, "FIELD", "", refused, record(spoil)}
	}
	unset := func(name string, spoil func(*edgev1.GetRecordRequest)) badRequest {
		return badRequest{name, invalid, care.BadRequest, "", "", refused, record(spoil)}
	}
	return []badRequest{
		{"no number", invalid, badNumber, "", "", refused, number("")},
		{"short number", invalid, badNumber, "", "", refused, number("999000101")},
		{"long number", invalid, badNumber, "", "", refused, number("99900010140")},
		{"wrong check digit", invalid, badNumber, "", "", refused, number("9990001015")},
		{"repdigits", invalid, badNumber, "", "", refused, number("7777777777")},
		{"zeros", invalid, badNumber, "", "", refused, number("0000000000")},
		{"letters in a number", invalid, badNumber, "", "", refused, number("Qanary9001")},
		{"a statement as a number", invalid, badNumber, "", "", refused, number("9990001014' OR '1'='1")},
		{"a Scottish number", invalid, badNumber, "", "", refused, number("0101010102")},
		{"no family name", invalid, badDetails, "MISSING", "", refused, record(func(r *edgev1.GetRecordRequest) { r.Context.Subject.FamilyName = "" })},
		{"no date of birth", invalid, badDetails, "MISSING", "", refused, record(func(r *edgev1.GetRecordRequest) { r.Context.Subject.BirthDate = "" })},
		{"no date as a date of birth", invalid, badDetails, "BIRTH_DATE", "", refused, record(func(r *edgev1.GetRecordRequest) { r.Context.Subject.BirthDate = "1941-02-30" })},
		{"another date of birth", invalid, badDetails, "DEMOGRAPHICS_DIFFER", "", ended, record(func(r *edgev1.GetRecordRequest) { r.Context.Subject.BirthDate = "1999-01-30" })},
		{"another family name", invalid, badDetails, "DEMOGRAPHICS_DIFFER", "", ended, record(func(r *edgev1.GetRecordRequest) { r.Context.Subject.FamilyName = "Qanaryfamily" })},
		{"no subject", invalid, badNumber, "", "", refused, record(func(r *edgev1.GetRecordRequest) { r.Context.Subject = nil })},
		field("unknown section", func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{99} }),
		field("a section that wraps around", func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{256 + 2} }),
		field("a negative section", func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{-1} }),
		field("no date as a period", func(r *edgev1.GetRecordRequest) { r.FromDate = "Qanary" }),
		unset("no purpose", func(r *edgev1.GetRecordRequest) { r.Context.Purpose = 0 }),
		unset("a purpose that wraps around", func(r *edgev1.GetRecordRequest) { r.Context.Purpose = 257 }),
		unset("no permission", func(r *edgev1.GetRecordRequest) { r.Context.Permission = 0 }),
		unset("no requester", func(r *edgev1.GetRecordRequest) { r.Context.Requester = nil }),
		unset("no user", func(r *edgev1.GetRecordRequest) { r.Context.Requester.UserId = "" }),
		unset("a line break in a user", func(r *edgev1.GetRecordRequest) { r.Context.Requester.UserId = "q\n{\"v\":1}" }),
		unset("no organisation", func(r *edgev1.GetRecordRequest) { r.Context.Requester.Organisation = "r w h" }),
		unset("a long reason", func(r *edgev1.GetRecordRequest) { r.Context.Reason = strings.Repeat("Q", 1025) }),
		{"break-glass without a reason", denied, care.NoPermissionToView, "NO_REASON", "", refused, record(func(r *edgev1.GetRecordRequest) { r.Context.Purpose = edgev1.Purpose_PURPOSE_BTG })},
		{"nobody's number", notFound, care.PatientNotFound, "", "ABSENT", ended, number("9990000018")},
		{"a restricted patient", notFound, care.PatientNotFound, "", "RESTRICTED", ended, about(t, memory.CastToRestrict)},
		{"a patient restricted at the source", notFound, care.PatientNotFound, "", "SOURCE_RESTRICTED", ended, about(t, memory.CastSourceRestricted)},
		{"a patient who has left", notFound, care.PatientNotFound, "", "NOT_ACTIVE", ended, about(t, memory.CastLeft)},
		{"a dissent", denied, care.NoPatientConsent, "DISSENT", "", refused, about(t, memory.CastToDissent)},
		{"a dissent at the source", denied, care.NoPatientConsent, "SOURCE_DISSENT", "", ended, about(t, memory.CastSourceDissent)},
		{"no document", invalid, care.BadRequest, "", "", refused, document(text(""))},
		{"an unknown document", notFound, care.RecordNotFound, "", "", ended, document(text("Qanary"))},
		{"a path as a document", notFound, care.RecordNotFound, "", "", ended, document(text("../../../../etc/passwd"))},
		{"another patient's document", notFound, care.RecordNotFound, "", "", ended, document(func(c callers) string { return c.document })},
		{"an oversized request", tooMuch, care.LimitExceeded, "MESSAGE", "", turnedAway, record(func(r *edgev1.GetRecordRequest) { r.Context.Reason = tooLarge })},
		{"an oversized request of a unary call", tooMuch, care.LimitExceeded, "MESSAGE", "", turnedAway, func(ctx context.Context, c callers, _ string) error {
			asked := asking(c.patient)
			asked.Reason = tooLarge
			_, err := c.records.Locate(ctx, &edgev1.LocatePatientRequest{Context: asked})
			return err
		}},
		{"no message", invalid, care.BadRequest, "MESSAGE", "", turnedAway, noMessage(getRecord)},
		{"no message of a unary call", invalid, care.BadRequest, "MESSAGE", "", turnedAway, noMessage(locatePatient)},
		{"an unknown call", denied, care.AccessDenied, "UNDECLARED", "", turnedAway, unknown("/mcr.edge.v1.RecordService/Qanary")},
		{"an unknown service", denied, care.AccessDenied, "UNDECLARED", "", turnedAway, unknown("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")},
		{"a path of another form", denied, care.AccessDenied, "UNDECLARED", "", turnedAway, unknown("/mcr.edge.v1.RecordService//GetRecord")},
		{"a role that the broker lacks", denied, care.AccessDenied, "ROLE", "", turnedAway, func(ctx context.Context, c callers, _ string) error {
			_, err := c.office.GetRecord(ctx, &edgev1.GetRecordRequest{Context: asking(c.patient)})
			return err
		}},
		{"the role of people at the site", denied, care.AccessDenied, "ROLE", "", turnedAway, func(ctx context.Context, c callers, _ string) error {
			return c.office.Conn().Invoke(ctx, "/mcr.edge.v1.ConsentService/RecordDirective", &edgev1.RecordDirectiveRequest{}, &edgev1.RecordDirectiveResponse{})
		}},
	}
}
