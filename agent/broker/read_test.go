package broker_test

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/gate"
	"github.com/mycarerecord/edge-agent/agent/identity"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Calls of each form: an answer of many messages, of one, and a request of
// many.
const (
	read         = edgev1.RecordService_GetRecord_FullMethodName
	locate       = edgev1.RecordService_LocatePatient_FullMethodName
	pushSnapshot = edgev1.ConsentService_PushSnapshot_FullMethodName
)

// sized returns a message of n bytes, of which a call knows no field.
func sized(n int) []byte {
	tag := protowire.AppendTag(nil, 99, protowire.BytesType)
	return protowire.AppendBytes(tag, make([]byte, n-len(tag)-protowire.SizeVarint(uint64(n))))
}

// send makes a call with messages as they are and returns how it ended.
func send(t *testing.T, h *house, method string, messages [][]byte, options ...grpc.CallOption) error {
	t.Helper()
	stream, err := serve(t, h, nil).NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method,
		append(options, grpc.ForceCodec(rawCodec{}))...)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		_ = stream.SendMsg(m) // the call may have been refused already
	}
	_ = stream.CloseSend()
	for err == nil {
		err = stream.RecvMsg(nil)
	}
	return err
}

func readers() *house {
	return &house{caller: identity.Caller{Peer: identity.Peer{Name: "b", Roles: identity.RoleRecords | identity.RoleConsent}}}
}

// What is too large or no message is refused in the same words by all forms of
// call, however large, and each refusal is journalled.
func TestUnreadableMessages(t *testing.T) {
	encoding.RegisterCompressor(plain{})
	junk, empty := []byte{0xff, 0xff}, []byte{}
	for name, c := range map[string]struct {
		messages [][]byte
		options  []grpc.CallOption
		want     codes.Code
		kind     care.Kind
		many     bool // where a call of many messages is refused as well
	}{
		"no message":         {messages: [][]byte{junk}, want: codes.InvalidArgument, kind: care.BadRequest, many: true},
		"compressed":         {[][]byte{sized(9)}, []grpc.CallOption{grpc.UseCompressor("plain")}, codes.InvalidArgument, care.BadRequest, true},
		"a byte too large":   {messages: [][]byte{sized(256<<10 + 1)}, want: codes.ResourceExhausted, kind: care.LimitExceeded, many: true},
		"far too large":      {messages: [][]byte{sized(9 << 20)}, want: codes.ResourceExhausted, kind: care.LimitExceeded, many: true},
		"none at all":        {want: codes.InvalidArgument, kind: care.BadRequest},
		"two":                {messages: [][]byte{empty, empty}, want: codes.InvalidArgument, kind: care.BadRequest},
		"a second too large": {messages: [][]byte{empty, sized(9 << 20)}, want: codes.InvalidArgument, kind: care.BadRequest},
	} {
		for _, method := range []string{read, locate, pushSnapshot} {
			if method == pushSnapshot && !c.many {
				continue
			}
			t.Run(name+method, func(t *testing.T) {
				h := readers()
				err := send(t, h, method, c.messages, c.options...)
				if status.Code(err) != c.want || code(err) != c.kind.String()+" MESSAGE" || len(status.Convert(err).Details()) != 1 {
					t.Errorf("%v, told %s", err, code(err))
				}
				if e := h.journalled(t); e.Kind != care.AccessRefused || e.Refusal != c.kind || e.TrueReason != "MESSAGE" || e.Detail != method || e.Broker == nil {
					t.Errorf("journalled %+v", e)
				}
				if len(h.events) != 0 {
					t.Errorf("journalled twice: %+v", <-h.events)
				}
			})
		}
	}
}

func TestTheLargestMessageIsRead(t *testing.T) {
	for _, method := range []string{read, locate} {
		if err := send(t, readers(), method, [][]byte{sized(256 << 10)}); err != io.EOF {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// A snapshot that is refused in the middle is told why, and the refusal is
// journalled; one that breaks off is not a refusal.
func TestSnapshotRefusedInTheMiddle(t *testing.T) {
	h := readers()
	stream, err := edgev1.NewConsentServiceClient(serve(t, h, nil)).PushSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := &edgev1.PushSnapshotRequest{Manifest: []byte("manifest")}
	large := &edgev1.PushSnapshotRequest{}
	large.ProtoReflect().SetUnknown(sized(2 << 20))
	_, _ = stream.Send(first), stream.Send(large)
	_, err = stream.CloseAndRecv()
	if status.Code(err) != codes.ResourceExhausted || code(err) != "LIMIT_EXCEEDED MESSAGE" {
		t.Errorf("%v, told %s", err, code(err))
	}
	if e := h.journalled(t); e.Refusal != care.LimitExceeded || e.Detail != pushSnapshot {
		t.Errorf("journalled %+v", e)
	}
}

// A caller who sends nothing takes no slot from those who do.
func TestSlowSenderHoldsUpNobody(t *testing.T) {
	h := readers()
	h.known = make(chan struct{}, 10)
	conn := serve(t, h, func(s *broker.Settings) { s.Calls = 1 })
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	if _, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, locate); err != nil {
		t.Fatal(err)
	}
	<-h.known // the slow one was let in
	if err := call(t, conn, locate); err != nil {
		t.Errorf("a call was held up: %v", err)
	}
}

// Only so many calls are served at once, and each gives its slot back.
func TestCallsAtOnce(t *testing.T) {
	h := readers()
	within, goOn := make(chan struct{}, 10), make(chan struct{})
	h.gateFn = func(gate.Call) error { within <- struct{}{}; <-goOn; return nil }
	conn := serve(t, h, func(s *broker.Settings) { s.Calls = 1 })
	first := make(chan error, 1)
	go func() { first <- call(t, conn, locate) }()
	<-within
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err := edgev1.NewRecordServiceClient(conn).LocatePatient(ctx, &edgev1.LocatePatientRequest{})
	if status.Code(err) != codes.DeadlineExceeded || len(within) != 0 {
		t.Errorf("a second call was served beside the first: %v", err)
	}
	close(goOn)
	if err := <-first; err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := call(t, conn, locate); err != nil {
			t.Errorf("the slot was not given back: %v", err)
		}
	}
}

// A call of many messages is one call.
func TestSnapshotTakesOneSlot(t *testing.T) {
	h := readers()
	conn := serve(t, h, func(s *broker.Settings) { s.Calls = 1 })
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	stream, err := edgev1.NewConsentServiceClient(conn).PushSnapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&edgev1.PushSnapshotRequest{Manifest: []byte("manifest")})
	for range 2 {
		_ = stream.Send(&edgev1.PushSnapshotRequest{})
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Error(err)
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (rawCodec) Unmarshal([]byte, any) error   { return nil }
func (rawCodec) Name() string                  { return "proto" }

// plain is a compression that changes nothing.
type plain struct{}

func (plain) Name() string                                 { return "plain" }
func (plain) Compress(w io.Writer) (io.WriteCloser, error) { return closer{w}, nil }
func (plain) Decompress(r io.Reader) (io.Reader, error)    { return r, nil }

type closer struct{ io.Writer }

func (closer) Close() error { return nil }
