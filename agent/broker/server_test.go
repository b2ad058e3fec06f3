package broker_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/gate"
	"github.com/mycarerecord/edge-agent/agent/identity"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// house is everything behind a server.
type house struct {
	caller identity.Caller
	err    error // of identifying
	gateFn func(gate.Call) error
	events chan care.Event
	flags
	known chan struct{} // told of each caller who was identified, where there is room
}

func (h *house) Identify(*tls.ConnectionState) (identity.Caller, error) {
	select {
	case h.known <- struct{}{}:
	default:
	}
	return h.caller, h.err
}

func (h *house) Locate(_ context.Context, c gate.Call) (care.SectionSet, error) {
	return care.AllSections, h.gateFn(c)
}
func (h *house) Release(_ context.Context, c gate.Call) error         { return h.gateFn(c) }
func (h *house) ReleaseDocument(_ context.Context, c gate.Call) error { return h.gateFn(c) }

func (h *house) AppendLazily(e care.Event) care.Entry {
	h.events <- e
	return nil
}

// journalled returns the next event. It may come after the caller's answer.
func (h *house) journalled(t *testing.T) care.Event {
	t.Helper()
	select {
	case e := <-h.events:
		return e
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was journalled")
		return care.Event{}
	}
}

func (h *house) Status() broker.Status { return broker.Status{SiteCode: "Y99901", Releasing: true} }

// certificate stands in for a TLS connection: the house says who it is.
type certificate struct {
	credentials.TransportCredentials
}

func (certificate) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c, credentials.TLSInfo{}, nil
}
func (c certificate) Clone() credentials.TransportCredentials { return c }

// serve starts a server of the house and returns a connection to it.
func serve(t *testing.T, h *house, change func(*broker.Settings)) *grpc.ClientConn {
	t.Helper()
	if h.gateFn == nil {
		h.gateFn = func(gate.Call) error { return nil }
	}
	h.events = make(chan care.Event, 100)
	s := broker.Settings{SiteCode: "Y99901", SiteName: "N", Gate: func() broker.Gate { return h }, Consent: h, Operation: h, Door: broker.NewDoorman(h, hclog.NewNullLogger()),
		Health: health.NewServer(), Calls: 8, PerMinute: 6000, Documents: 2}
	if change != nil {
		change(&s)
	}
	listener := bufconn.Listen(1 << 20)
	server := broker.NewServer(s, h, grpc.Creds(certificate{insecure.NewCredentials()}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:agent", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call makes any call with empty messages and returns its error.
func call(t *testing.T, conn *grpc.ClientConn, method string) error {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	_ = stream.SendMsg(&edgev1.GetStatusRequest{}) // any empty message
	_ = stream.CloseSend()
	return stream.RecvMsg(&edgev1.GetStatusRequest{})
}

func code(err error) string {
	for _, d := range status.Convert(err).Details() {
		if r, ok := d.(*edgev1.Refusal); ok {
			return r.GetCode() + " " + r.GetReason()
		}
	}
	return status.Code(err).String()
}

// Every method, with every role: only the declared one gets in.
func TestAccessMatrix(t *testing.T) {
	roles := map[identity.Roles]edgev1.Role{
		identity.RoleRecords: edgev1.Role_ROLE_RECORDS, identity.RoleConsent: edgev1.Role_ROLE_CONSENT, identity.RoleConfig: edgev1.Role_ROLE_CONFIG,
		identity.RoleAudit: edgev1.Role_ROLE_AUDIT, identity.RoleStatus: edgev1.Role_ROLE_STATUS, identity.RoleSite: edgev1.Role_ROLE_SITE, 0: edgev1.Role_ROLE_UNSPECIFIED,
	}
	h := &house{}
	conn := serve(t, h, nil)
	methods := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("mcr.edge.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for j := range f.Services().Get(i).Methods().Len() {
				m := f.Services().Get(i).Methods().Get(j)
				declared, _ := proto.GetExtension(m.Options(), edgev1.E_RequiredRole).(edgev1.Role)
				if declared == edgev1.Role_ROLE_UNSPECIFIED {
					t.Errorf("%s declares no role", m.FullName())
				}
				methods++
				method := fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
				for held, role := range roles {
					h.caller = identity.Caller{Peer: identity.Peer{Name: "b", Roles: held}}
					if got := code(call(t, conn, method)); (got == "ACCESS_DENIED ROLE") == (role == declared) {
						t.Errorf("%s with role %v: %s", method, role, got)
					}
				}
			}
		}
		return true
	})
	if methods < 11 {
		t.Errorf("only %d methods were tried", methods)
	}
}

func TestRefusedCalls(t *testing.T) {
	full := identity.Caller{Peer: identity.Peer{Name: "b", Roles: ^identity.RoleSite}}
	for _, c := range []struct {
		name, method, want string
		caller             identity.Caller
		err                error
	}{
		{"no certificate", edgev1.StatusService_GetStatus_FullMethodName, "UNAUTHENTICATED EXPIRED", identity.Caller{}, &care.Error{Kind: care.Unauthenticated, Reason: "EXPIRED"}},
		{"unknown service", "/mcr.edge.v1.Other/Get", "ACCESS_DENIED UNDECLARED", full, nil},
		{"unknown method", "/mcr.edge.v1.RecordService/DeleteRecord", "ACCESS_DENIED UNDECLARED", full, nil},
		{"reflection", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "ACCESS_DENIED UNDECLARED", full, nil},
		{"health watch", grpc_health_v1.Health_Watch_FullMethodName, "ACCESS_DENIED UNDECLARED", full, nil},
		{"other letter case", "/mcr.edge.v1.recordservice/getrecord", "ACCESS_DENIED UNDECLARED", full, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{caller: c.caller, err: c.err}
			if got := code(call(t, serve(t, h, nil), c.method)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if e := h.journalled(t); e.Kind != care.AccessRefused || e.Refusal == care.OK {
				t.Errorf("journalled %+v", e)
			}
		})
	}
}

func TestHealthNeedsNoRole(t *testing.T) {
	h := &house{caller: identity.Caller{Peer: identity.Peer{Roles: identity.RoleRecords}}}
	if err := call(t, serve(t, h, nil), grpc_health_v1.Health_Check_FullMethodName); err != nil {
		t.Error(err)
	}
}

func TestARateIsKept(t *testing.T) {
	h := &house{caller: identity.Caller{Peer: identity.Peer{Name: "b", Roles: identity.RoleStatus}}}
	conn := serve(t, h, func(s *broker.Settings) { s.PerMinute = 12 })
	refused := 0
	for range 5 {
		if code(call(t, conn, edgev1.StatusService_GetStatus_FullMethodName)) == "LIMIT_EXCEEDED RATE" {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("%d of 5 calls were refused, want 3", refused)
	}
	if len(h.events) != 1 {
		t.Errorf("a flood made %d journal entries", len(h.events))
	}
}

func getRecord(t *testing.T, conn *grpc.ClientConn, req *edgev1.GetRecordRequest) error {
	t.Helper()
	stream, err := edgev1.NewRecordServiceClient(conn).GetRecord(t.Context(), req)
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

func TestRequestsReachTheGate(t *testing.T) {
	good := &edgev1.Context{RequestId: "r1", Software: "Broker 2", Purpose: edgev1.Purpose_PURPOSE_ETREAT, Permission: edgev1.Permission_PERMISSION_EMERGENCY, Reason: "unconscious",
		Requester: &edgev1.Requester{UserId: "u", UserName: "Dr E", RoleCode: "R0260", Organisation: "RWH"},
		Subject:   &edgev1.Subject{NhsNumber: "999 000 0018", FamilyName: "Example", BirthDate: "1950-05"}}
	for _, c := range []struct {
		name  string
		spoil func(*edgev1.GetRecordRequest)
		want  care.Kind
	}{
		{"good", func(*edgev1.GetRecordRequest) {}, care.OK},
		{"no context", func(r *edgev1.GetRecordRequest) { r.Context = nil }, care.InvalidNHSNumber},
		{"repeated digit", func(r *edgev1.GetRecordRequest) { r.Context.Subject.NhsNumber = "9999999999" }, care.InvalidNHSNumber},
		{"no family name", func(r *edgev1.GetRecordRequest) { r.Context.Subject.FamilyName = "" }, care.InvalidDemographics},
		{"impossible birth date", func(r *edgev1.GetRecordRequest) { r.Context.Subject.BirthDate = "1950-13-01" }, care.InvalidDemographics},
		{"unknown section", func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{22} }, care.BadRequest},
		{"section of a larger number", func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{259} }, care.BadRequest},
		{"unspecified section", func(r *edgev1.GetRecordRequest) { r.Sections = []edgev1.Section{0} }, care.BadRequest},
		{"purpose of a larger number", func(r *edgev1.GetRecordRequest) { r.Context.Purpose = 257 }, care.BadRequest},
		{"bad period", func(r *edgev1.GetRecordRequest) { r.FromDate = "soon" }, care.BadRequest},
		{"long request id", func(r *edgev1.GetRecordRequest) { r.Context.RequestId = strings.Repeat("r", 129) }, care.BadRequest},
		{"long family name", func(r *edgev1.GetRecordRequest) { r.Context.Subject.FamilyName = strings.Repeat("r", 300) }, care.BadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got *care.Request
			h := &house{caller: identity.Caller{Peer: identity.Peer{Name: "b", Roles: identity.RoleRecords}, Broker: care.Broker{Name: "b"}}}
			h.gateFn = func(call gate.Call) error {
				got = call.Request
				return &gate.Refused{Kind: care.KindOf(got.Validate()), RequestID: got.ID, Sequence: 5, Detail: "d"}
			}
			req := &edgev1.GetRecordRequest{Context: proto.CloneOf(good)}
			c.spoil(req)
			err := getRecord(t, serve(t, h, nil), req)
			if got == nil {
				t.Fatalf("the gate was not asked: %v", err)
			}
			if kind := care.KindOf(got.Validate()); kind != c.want {
				t.Errorf("%v, want %v", kind, c.want)
			}
			r := status.Convert(err).Details()[0].(*edgev1.Refusal)
			if r.GetCode() != c.want.String() || r.GetJournalSequence() != 5 || r.GetRequestId() == "" {
				t.Errorf("the caller is told %v", r)
			}
			if c.name == "good" && (got.Sections != care.AllSections || got.Broker.Software != "Broker 2" || got.Subject.NHSNumber.Reveal() != "9990000018" ||
				got.Reason != "unconscious" || got.Requester.Organisation != "RWH" || got.Subject.BirthDate.Precision != care.ToMonth) {
				t.Errorf("the gate was asked %+v", got)
			}
		})
	}
}

// A certificate that ends during an answer stops it before the next message.
func TestTheCallerIsKnownAgainAtEveryMessage(t *testing.T) {
	h := &house{caller: identity.Caller{Peer: identity.Peer{Name: "b", Roles: identity.RoleRecords}}}
	h.gateFn = func(c gate.Call) error {
		c.Answer.Open(c.Request, &care.Patient{}, nil)
		if err := c.Answer.Flush(); err != nil {
			return err
		}
		h.err = &care.Error{Kind: care.Unauthenticated, Reason: "EXPIRED"}
		c.Answer.Record(&care.Record{Resource: []byte("{}")})
		return c.Answer.Flush()
	}
	stream, err := edgev1.NewRecordServiceClient(serve(t, h, nil)).GetRecord(t.Context(), &edgev1.GetRecordRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatalf("the first message: %v", err)
	}
	if _, err := stream.Recv(); code(err) != "UNAUTHENTICATED EXPIRED" {
		t.Errorf("the second message: %v", err)
	}
}

func TestErrorsOfOthersAreNotShown(t *testing.T) {
	h := &house{caller: identity.Caller{Peer: identity.Peer{Name: "b", Roles: identity.RoleRecords}}}
	for name, fail := range map[string]func(gate.Call) error{
		"an error":         func(gate.Call) error { return errors.New("canary 9990000018") },
		"a wrapped error":  func(gate.Call) error { return fmt.Errorf("canary: %w", &care.Error{Kind: care.SourceUnavailable}) },
		"a cause":          func(gate.Call) error { return &care.Error{Kind: care.Internal, Err: errors.New("canary")} },
		"a panic":          func(gate.Call) error { panic("canary") },
		"a wrapped status": func(gate.Call) error { return fmt.Errorf("canary %w", errors.New("canary")) },
	} {
		h.gateFn = fail
		err := getRecord(t, serve(t, h, nil), &edgev1.GetRecordRequest{})
		if err == nil || strings.Contains(fmt.Sprint(err, status.Convert(err).Details()), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryKindHasItsOwnStatus(t *testing.T) {
	h := &house{caller: identity.Caller{Peer: identity.Peer{Name: "b", Roles: identity.RoleRecords}}}
	conn := serve(t, h, nil)
	for k := care.Internal; k.String() != "UNKNOWN"; k++ {
		h.gateFn = func(gate.Call) error { return &care.Error{Kind: k, Reason: "R", Detail: "what to do"} }
		err := getRecord(t, conn, &edgev1.GetRecordRequest{})
		if got := code(err); got != k.String()+" R" {
			t.Errorf("%v is told as %s", k, got)
		}
		if c := status.Code(err); c == codes.OK || c == codes.Unknown || (c == codes.Internal) != (k == care.Internal) {
			t.Errorf("%v has status %v", k, c)
		}
	}
}
