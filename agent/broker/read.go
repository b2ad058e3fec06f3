package broker

import (
	"encoding/binary"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxRequest is how large one message of a request may be, in bytes.
const maxRequest = 256 << 10

// messageReader is what grpc's transport stream offers to grpc itself. Through
// RecvMsg grpc answers a message that is too large in its own words before
// anybody else hears of it. Here such a message is refused by its announced
// length, before any of it is read.
type messageReader interface {
	ReadMessageHeader(header []byte) error
	Read(n int) (mem.BufferSlice, error)
}

// RecvMsg receives a message. One that is too large or is not the message that
// the call takes is refused and journalled. The first one takes the call's
// slot: who sends slowly holds up nobody else.
func (s *callerStream) RecvMsg(m any) error {
	err := s.receive(m)
	if err == nil {
		return s.occupy()
	}
	if _, bad := errors.AsType[*care.Error](err); bad {
		return s.access.refuse(callerOf(s.ctx).Broker, s.method, err)
	}
	if ended := s.ctx.Err(); ended != nil { // a caller who is gone or out of time
		return ended
	}
	return err // io.EOF, a connection that broke
}

// receive reads a message. Where the call takes one only, there must be one and
// the stream must end after it.
func (s *callerStream) receive(m any) error {
	reader, ok := grpc.ServerTransportStreamFromContext(s.ctx).(messageReader)
	if !ok {
		return &care.Error{Kind: care.Internal, Op: "broker.receive", Reason: "DEFECT", Detail: "this version of grpc cannot be read from"}
	}
	err := s.decode(reader, m)
	if s.many {
		return err
	}
	if errors.Is(err, io.EOF) {
		return badMessage(io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	switch err := reader.ReadMessageHeader(s.header[:]); {
	case err == nil:
		return badMessage(nil)
	case !errors.Is(err, io.EOF):
		return torn(err)
	}
	return nil
}

// decode reads one message: a byte that tells whether it is compressed, which
// it must not be, four of length, and the message itself ("gRPC over HTTP2",
// Length-Prefixed-Message).
func (s *callerStream) decode(reader messageReader, m any) error {
	if err := reader.ReadMessageHeader(s.header[:]); err != nil {
		return torn(err)
	}
	size := binary.BigEndian.Uint32(s.header[1:])
	if size > maxRequest {
		return &care.Error{Kind: care.LimitExceeded, Op: "broker.receive", Reason: "MESSAGE",
			Detail: "a message of the request is larger than 256 KiB; send less at once"}
	}
	data, err := reader.Read(int(size))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return torn(err)
	}
	defer data.Free()
	if s.header[0] != 0 {
		return badMessage(nil)
	}
	if err := s.access.codec.Unmarshal(data, m); err != nil {
		return badMessage(err)
	}
	return nil
}

// torn returns the error of reading. A stream that ended within a message is
// refused; it must not look like one that ended after it.
func torn(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return badMessage(err)
	}
	return err
}

func badMessage(err error) error {
	return &care.Error{Kind: care.BadRequest, Op: "broker.receive", Reason: "MESSAGE", Err: err,
		Detail: "the request is not, or not only, the message that the call takes"}
}

// streams registers services whose unary calls are served as streams of one
// message each way, which is the same on the wire. A caller is thus let in
// before a message of theirs is read, and read as all others are.
type streams struct{ *grpc.Server }

// RegisterService registers a service.
func (s streams) RegisterService(service *grpc.ServiceDesc, impl any) {
	all := *service
	all.Methods = nil
	all.Streams = append([]grpc.StreamDesc(nil), service.Streams...)
	for _, method := range service.Methods {
		all.Streams = append(all.Streams, grpc.StreamDesc{StreamName: method.MethodName, ServerStreams: true, Handler: oneEachWay(method)})
	}
	s.Server.RegisterService(&all, impl)
}

func oneEachWay(method grpc.MethodDesc) grpc.StreamHandler {
	return func(impl any, stream grpc.ServerStream) error {
		reply, err := method.Handler(impl, stream.Context(), stream.RecvMsg, nil)
		if err != nil {
			return err
		}
		return stream.SendMsg(reply)
	}
}
