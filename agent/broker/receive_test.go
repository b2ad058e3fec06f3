package broker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// sentBytes is a transport stream that holds what a caller has sent.
type sentBytes struct{ *bytes.Reader }

func (sentBytes) Method() string               { return "" }
func (sentBytes) SetHeader(metadata.MD) error  { return nil }
func (sentBytes) SendHeader(metadata.MD) error { return nil }
func (sentBytes) SetTrailer(metadata.MD) error { return nil }

func (s sentBytes) ReadMessageHeader(header []byte) error {
	_, err := io.ReadFull(s.Reader, header)
	return err
}

func (s sentBytes) Read(n int) (mem.BufferSlice, error) {
	if n > maxRequest {
		return nil, errors.New("read beyond the limit")
	}
	data := make([]byte, n)
	_, err := io.ReadFull(s.Reader, data)
	return mem.BufferSlice{mem.SliceBuffer(data)}, err
}

func received(sent []byte, many bool, m proto.Message) error {
	ctx := grpc.NewContextWithServerTransportStream(context.Background(), sentBytes{bytes.NewReader(sent)})
	return (&callerStream{ctx: ctx, access: &access{codec: newCodec()}, many: many}).receive(m)
}

// lengthPrefixed is a message as it is on the wire.
func lengthPrefixed(compressed byte, message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{compressed}, uint32(len(message))), message...)
}

// A stream that ends within a message is never taken for one that ends after
// it, and nothing is read of a message that is too long.
func TestTornStreams(t *testing.T) {
	whole := lengthPrefixed(0, []byte{0x0a, 1, 'x'})
	for n := range len(whole) {
		err := received(whole[:n], true, &edgev1.PushSnapshotRequest{})
		if atEnd := n == 0; errors.Is(err, io.EOF) != atEnd || !atEnd && care.KindOf(err) != care.BadRequest {
			t.Errorf("a stream that ends after %d bytes: %v", n, err)
		}
	}
	if err := received([]byte{0, 0xff, 0xff, 0xff, 0xff, 'x'}, false, &edgev1.GetRecordRequest{}); care.KindOf(err) != care.LimitExceeded {
		t.Errorf("a message of 4 GiB: %v", err)
	}
}

// FuzzReceive: only one whole message is taken for one.
func FuzzReceive(f *testing.F) {
	f.Add(lengthPrefixed(0, nil))
	f.Add(lengthPrefixed(1, nil))
	f.Add(append(lengthPrefixed(0, nil), 0))
	f.Add(lengthPrefixed(0, []byte{0x0a, 2, 0x0a, 0}))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, sent []byte) {
		m := &edgev1.GetRecordRequest{}
		err := received(sent, false, m)
		one := len(sent) >= 5 && bytes.Equal(sent, lengthPrefixed(0, sent[5:])) && len(sent)-5 <= maxRequest &&
			proto.Unmarshal(sent[5:], &edgev1.GetRecordRequest{}) == nil
		if one != (err == nil) {
			t.Errorf("%x: %v", sent, err)
		}
		if _, ours := errors.AsType[*care.Error](err); err != nil && !ours {
			t.Errorf("%x: not a refusal: %v", sent, err)
		}
	})
}
