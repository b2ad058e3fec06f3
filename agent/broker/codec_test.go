package broker_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// A message that cannot be read is refused in our words, by streams and unary
// calls alike; what is far too large grpc refuses before we could.
func TestUnreadableMessages(t *testing.T) {
	large := func(n int) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), make([]byte, n))
	}
	for _, c := range []struct {
		name, method string
		message      []byte
		want         codes.Code
		told, truth  string
	}{
		{"no message", edgev1.RecordService_GetRecord_FullMethodName, []byte{0xff, 0xff}, codes.InvalidArgument, "BAD_REQUEST MESSAGE", "BAD_REQUEST"},
		{"no message, unary", edgev1.RecordService_LocatePatient_FullMethodName, []byte{0xff, 0xff}, codes.InvalidArgument, "BAD_REQUEST MESSAGE", "BAD_REQUEST"},
		{"no message, client stream", edgev1.ConsentService_PushSnapshot_FullMethodName, []byte{0xff, 0xff}, codes.InvalidArgument, "BAD_REQUEST MESSAGE", "BAD_REQUEST"},
		{"too large", edgev1.RecordService_GetRecord_FullMethodName, large(300 << 10), codes.ResourceExhausted, "LIMIT_EXCEEDED MESSAGE", "LIMIT_EXCEEDED"},
		{"too large, unary", edgev1.RecordService_LocatePatient_FullMethodName, large(300 << 10), codes.ResourceExhausted, "LIMIT_EXCEEDED MESSAGE", "LIMIT_EXCEEDED"},
		{"far too large", edgev1.RecordService_GetRecord_FullMethodName, large(2 << 20), codes.ResourceExhausted, "ResourceExhausted", "LIMIT_EXCEEDED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{caller: identity.Caller{Peer: identity.Peer{Name: "b", Roles: identity.RoleRecords | identity.RoleConsent}}}
			stream, err := serve(t, h, nil).NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, c.method, grpc.ForceCodec(rawCodec{}))
			if err != nil {
				t.Fatal(err)
			}
			_ = stream.SendMsg(c.message)
			_ = stream.CloseSend()
			err = stream.RecvMsg(nil)
			if status.Code(err) != c.want || code(err) != c.told {
				t.Errorf("%v, told %s", err, code(err))
			}
			if e := h.journalled(t); e.Kind != care.AccessRefused || e.Refusal.String() != c.truth || e.TrueReason != "MESSAGE" {
				t.Errorf("journalled %+v", e)
			}
		})
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (rawCodec) Unmarshal([]byte, any) error   { return nil }
func (rawCodec) Name() string                  { return "proto" }
