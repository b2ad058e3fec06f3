package broker

import (
	"sync"
	"time"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec of every message that is not a frame
	"google.golang.org/grpc/mem"
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

// Unmarshal decodes a message.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error { return c.proto.Unmarshal(data, v) }

// Sizes of the messages of an answer, in bytes. They are large because each
// message costs as much as a kilobyte. From a source that takes its time the
// first one leaves early, so that a reader sees something soon.
const (
	firstMessage = 16 << 10
	fullMessage  = 56 << 10
	soon         = 2 * time.Millisecond // a source that fills the first one by then does not take its time
	bufferSize   = 68 << 10             // a chunk of a document and what is around it
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
