package broker

import (
	"bytes"
	"errors"
	"sync"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec of every message that is not a frame
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// frame is a protobuf message that is encoded already. It goes to the wire as
// it is; grpc gives its buffer back to the pool.
type frame struct {
	buffer mem.Buffer
}

// codec passes frames through and leaves all other messages to protobuf.
type codec struct {
	proto encoding.CodecV2
}

func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

// Name returns "proto": a frame is protobuf on the wire.
func (c codec) Name() string { return c.proto.Name() }

// Marshal returns the bytes of a frame, or encodes any other message.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		return mem.BufferSlice{f.buffer}, nil
	}
	return c.proto.Marshal(v)
}

// Unmarshal decodes a message. One that is too large or is none at all is left
// empty and marked as unreadable: for an error grpc would answer the call
// itself, in its own words, and a unary call would never be journalled.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if data.Len() <= maxRequest && c.proto.Unmarshal(data, v) == nil {
		return nil
	}
	m, ok := v.(proto.Message)
	if !ok {
		return errors.New("broker: not a message")
	}
	proto.Reset(m)
	m.ProtoReflect().SetUnknown(unreadable(data.Len() > maxRequest))
	return nil
}

// Limits of a request, in bytes. What is over readRequest grpc refuses by
// itself: it is not worth being read.
const (
	maxRequest  = 256 << 10
	readRequest = 1 << 20
)

// unreadableField is the number of a field that no message has. Its presence
// marks a message as unreadable, its value tells whether it was too large.
const unreadableField = 1<<29 - 1

func unreadable(tooLarge bool) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, unreadableField, protowire.VarintType), protowire.EncodeBool(tooLarge))
}

// checkRead returns an error for a message that could not be read.
func checkRead(v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return nil
	}
	switch mark := m.ProtoReflect().GetUnknown(); {
	case bytes.Equal(mark, unreadable(true)):
		return badMessage(care.LimitExceeded)
	case bytes.Equal(mark, unreadable(false)):
		return badMessage(care.BadRequest)
	}
	return nil
}

func badMessage(kind care.Kind) error {
	return &care.Error{Kind: kind, Op: "broker.access", Reason: "MESSAGE",
		Detail: "the request is larger than 256 KiB or is not the message that the call takes"}
}

// Sizes of the messages of an answer, in bytes. The first one leaves early so
// that a reader sees something soon; the others are large because each message
// costs as much as a kilobyte.
const (
	firstMessage = 16 << 10
	fullMessage  = 56 << 10
	bufferSize   = 68 << 10 // a chunk of a document and what is around it
)

// buffers is the pool of message buffers. A buffer that a large record made
// grow is not kept.
type buffers struct{ pool sync.Pool }

// Get returns an empty buffer; the length is always bufferSize's.
func (b *buffers) Get(int) *[]byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, 0, bufferSize)
	return &buf
}

// Put takes a buffer back.
func (b *buffers) Put(buf *[]byte) {
	if cap(*buf) > 2*bufferSize {
		return
	}
	*buf = (*buf)[:0]
	b.pool.Put(buf)
}
