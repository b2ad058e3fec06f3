package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// castagnoli is computed by the processor: checking costs little.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of the records of an answer, wherever messages begin.
type sum struct {
	crc   uint32
	bytes int
}

// add takes the records of a message; everything else is passed over.
func (s *sum) add(message []byte) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		if number == recordsField {
			s.crc = crc32.Update(s.crc, castagnoli, message[:n+size])
			s.bytes += n + size
		}
		message = message[n+size:]
	}
	return nil
}

// recordsField is the number of GetRecordResponse.records.
const recordsField = 2

// splitRecords cuts an answer into messages of about a size that hold records
// only.
func splitRecords(answer []byte, size int) (messages [][]byte) {
	var next []byte
	for len(answer) > 0 {
		number, kind, n := protowire.ConsumeTag(answer)
		end := n + protowire.ConsumeFieldValue(number, kind, answer[n:])
		if number == recordsField {
			next = append(next, answer[:end]...)
		}
		if answer = answer[end:]; len(next) >= size {
			messages, next = append(messages, next), nil
		}
	}
	if len(next) > 0 {
		messages = append(messages, next)
	}
	return messages
}

// turn is what one side did in one round.
type turn struct {
	requests int
	wall     time.Duration
	cpu      time.Duration // of the server
	waits    []time.Duration
}

func (t *turn) perSecond() float64  { return float64(t.requests) / t.wall.Seconds() }
func (t *turn) cpuPerCall() float64 { return float64(t.cpu.Nanoseconds()) / float64(t.requests) }

func (t *turn) quantile(q float64) float64 {
	slices.Sort(t.waits)
	return float64(t.waits[min(int(q*float64(len(t.waits))), len(t.waits)-1)])
}

// load makes a number of requests with some callers at once and checks every
// answer.
func load(conn *grpc.ClientConn, patient int, want sum, callers, requests int) (turn, error) {
	t := turn{requests: requests, waits: make([]time.Duration, requests)}
	var next atomic.Int64
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	began := time.Now()
	for range callers {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= requests {
					return
				}
				at := time.Now()
				got, err := ask(conn, patient, nil)
				if t.waits[i] = time.Since(at); err == nil && got != want {
					err = fmt.Errorf("an answer has %d bytes of records, not %d, or others", got.bytes, want.bytes)
				}
				if err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	all.Wait()
	t.wall = time.Since(began)
	return t, failed
}

// ask reads one patient's observations and returns their checksum. keep, if
// not nil, is given every message.
func ask(conn *grpc.ClientConn, patient int, keep func([]byte)) (got sum, err error) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, edgev1.RecordService_GetRecord_FullMethodName)
	if err != nil {
		return got, err
	}
	request := &edgev1.GetRecordRequest{Context: about(sizedPatients[patient].number), Sections: []edgev1.Section{edgev1.Section_SECTION_OBSERVATIONS}}
	if err := stream.SendMsg(request); err != nil {
		return got, err
	}
	if err := stream.CloseSend(); err != nil {
		return got, err
	}
	for {
		var message rawMessage
		if err := stream.RecvMsg(&message); errors.Is(err, io.EOF) {
			return got, nil
		} else if err != nil {
			return got, err
		}
		if err := got.add(message); err != nil {
			return got, err
		}
		if keep != nil {
			keep(message)
		}
	}
}

// askDocument reads a document and returns how many bytes came.
func askDocument(conn *grpc.ClientConn, patient int, id string) (size int64, err error) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	stream, err := edgev1.NewRecordServiceClient(conn).GetDocument(ctx, &edgev1.GetDocumentRequest{Context: about(sizedPatients[patient].number), DocumentId: id})
	if err != nil {
		return 0, err
	}
	closed := false
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			if !closed {
				return size, errors.New("a document has no closing")
			}
			return size, nil
		}
		if err != nil {
			return size, err
		}
		size += int64(len(m.GetChunk()))
		closed = closed || m.GetClosing() != nil
	}
}

func about(number string) *edgev1.Context {
	return &edgev1.Context{
		Requester: &edgev1.Requester{UserId: "bench", UserName: "Dr Bench", RoleCode: "R0260", Organisation: "RWH"},
		Purpose:   edgev1.Purpose_PURPOSE_TREAT, Permission: edgev1.Permission_PERMISSION_ASKED,
		Subject: &edgev1.Subject{NhsNumber: number, FamilyName: "Sized", BirthDate: "1970-01-01"},
	}
}
