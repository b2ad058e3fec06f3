package forward

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// collector is a receiver of OpenTelemetry logs that answers as a test says.
type collector struct {
	*grpc.Server
	receiver Receiver
	answer   func(call int, logs *logspb.LogsData) (*emptypb.Empty, error)

	mu    sync.Mutex
	calls int
	got   []*logspb.LogsData
}

func newCollector(t testing.TB, answer func(call int, logs *logspb.LogsData) (*emptypb.Empty, error)) *collector {
	t.Helper()
	c := &collector{answer: answer}
	c.Server = grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{certificate("localhost").TLS}})))
	c.RegisterService(&grpc.ServiceDesc{ServiceName: "opentelemetry.proto.collector.logs.v1.LogsService", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Export", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			logs := &logspb.LogsData{}
			if err := decode(logs); err != nil {
				return nil, err
			}
			return c.export(logs)
		}}}}, c)
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	c.receiver = Receiver{Name: "region", Kind: OTLP, Address: "localhost:" + port, TLS: &tls.Config{RootCAs: region.Pool()}}
	var serving sync.WaitGroup
	serving.Go(func() { _ = c.Serve(listener) })
	t.Cleanup(func() { c.Stop(); serving.Wait() })
	return c
}

func (c *collector) export(logs *logspb.LogsData) (*emptypb.Empty, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.answer != nil {
		if answer, err := c.answer(c.calls, logs); answer != nil || err != nil {
			return answer, err
		}
	}
	c.got = append(c.got, logs)
	return &emptypb.Empty{}, nil
}

// sequences returns the numbers of all entries that were taken.
func (c *collector) sequences() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []int64
	for _, logs := range c.got {
		for _, log := range records(logs) {
			all = append(all, log.Attributes[0].Value.GetIntValue())
		}
	}
	return all
}

func records(logs *logspb.LogsData) []*logspb.LogRecord {
	return logs.ResourceLogs[0].ScopeLogs[0].LogRecords
}

func upTo(n int64) (all []int64) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

// partial is the answer of a receiver that did not take everything.
func partial(rejected uint64, message string) *emptypb.Empty {
	inner := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), rejected)
	inner = protowire.AppendString(protowire.AppendTag(inner, 2, protowire.BytesType), message)
	answer := &emptypb.Empty{}
	answer.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner))
	return answer
}

func TestOpenTelemetryGetsEverything(t *testing.T) {
	j, c := newJournal(t), newCollector(t, nil)
	r := run(t, j.settings(c.receiver))
	r.expect(t, told{opened: true})
	j.add(t, 2*MaxBatch+5)
	r.until(t, "delivered", func(s Status) bool { return s.Position == 2*MaxBatch+5 && s.Connected })
	if diff := cmp.Diff(upTo(2*MaxBatch+5), c.sequences()); diff != "" {
		t.Error(diff)
	}
	for _, logs := range c.got {
		if n := len(records(logs)); n > MaxBatch || proto.Size(logs) > 2*maxBatchBytes {
			t.Errorf("%d records of %d bytes at once", n, proto.Size(logs))
		}
	}
	r.stop()
	r.expect(t, told{})
}

func TestAnOpenTelemetryRecord(t *testing.T) {
	line := sampleLine()
	line.Alert = true
	log := newRecord(line, false, nil).otlp()
	at := uint64(time.Date(2026, 11, 22, 14, 3, 8, 5000, time.UTC).UnixNano())
	if log.TimeUnixNano != at || log.ObservedTimeUnixNano != at || log.EventName != "RELEASE_ENDED" || log.SeverityText != "alert" ||
		log.SeverityNumber != logspb.SeverityNumber_SEVERITY_NUMBER_ERROR3 || log.Body.GetStringValue() != "ALERT: a request for a record ended; CANCELLED; CALLER_GONE; all went well" {
		t.Errorf("%v", log)
	}
	values := map[string]string{}
	for _, a := range log.Attributes {
		values[a.Key] = a.Value.String()
	}
	for key, value := range map[string]string{"mcr.seq": "int_value:12", "mcr.alert": "bool_value:true", "mcr.organisation": `string_value:"E82001"`,
		"mcr.sections": `array_value:{values:{string_value:"ALLERGIES"} values:{string_value:"MEDICATIONS"}}`} {
		if got := string(bytes.ReplaceAll([]byte(values[key]), []byte("  "), []byte(" "))); got != value {
			t.Errorf("%s is %s, want %s", key, got, value)
		}
	}
	named := resourceOf(Site{Instance: "Y99901", Version: "1.2.3"}).String() + resourceOf(Site{}).String()
	for _, part := range []string{"service.name", "mcr-agent", "service.instance.id", "Y99901", "service.version", "1.2.3"} {
		if !bytes.Contains([]byte(named), []byte(part)) {
			t.Errorf("the resource has no %s: %s", part, named)
		}
	}
}

// What a receiver rejects is counted, told and not sent again.
func TestRejectedRecords(t *testing.T) {
	for name, c := range map[string]struct {
		answer *emptypb.Empty
		err    error
		want   uint64
	}{
		"some":                 {partial(3, "canary-of-the-receiver"), nil, 3},
		"more than there were": {partial(1<<40, ""), nil, 10},
		"a negative number":    {partial(1<<63, ""), nil, 0},
		"none, with a warning": {partial(0, "be careful"), nil, 0},
		"all, as invalid":      {nil, status.Error(codes.InvalidArgument, "bad"), 10},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal(t)
			j.add(t, 10)
			j.close(t)
			server := newCollector(t, func(call int, _ *logspb.LogsData) (*emptypb.Empty, error) { return c.answer, c.err })
			r := run(t, j.settings(server.receiver))
			s := r.until(t, "delivered", func(s Status) bool { return s.Position == 10 && (c.want == 0 || s.LastError != nil) })
			if s.Rejected != c.want || s.Dropped.Count != 0 || c.want > 0 && care.ReasonOf(s.LastError) != "REJECTED" {
				t.Errorf("%+v", s)
			}
			if r.stop(); server.calls != 1 {
				t.Errorf("sent %d times", server.calls)
			}
		})
	}
}

// Everything else is tried again until it works, and nothing is lost.
func TestOpenTelemetryFailures(t *testing.T) {
	for code, reason := range map[codes.Code]string{codes.Unavailable: "CLOSED", codes.ResourceExhausted: "NOT_TAKEN", codes.PermissionDenied: "NOT_TAKEN",
		codes.Unauthenticated: "NOT_TAKEN", codes.Unimplemented: "NOT_TAKEN", codes.DeadlineExceeded: "STALLED", codes.Internal: "NOT_TAKEN"} {
		t.Run(code.String(), func(t *testing.T) {
			j := newJournal(t)
			j.add(t, 10)
			j.close(t)
			server := newCollector(t, func(call int, _ *logspb.LogsData) (*emptypb.Empty, error) {
				if call <= 2 {
					return nil, status.Error(code, "quoted: "+canaryNumber)
				}
				return nil, nil
			})
			r := run(t, j.settings(server.receiver))
			s := r.until(t, "delivered", func(s Status) bool { return s.Position == 10 })
			if care.ReasonOf(s.LastError) != reason || s.Rejected != 0 || bytes.Contains([]byte(s.LastError.Error()), []byte(canaryNumber)) {
				t.Errorf("%+v", s)
			}
			if diff := cmp.Diff(upTo(10), server.sequences()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnOpenTelemetryReceiverThatNeverAnswers(t *testing.T) {
	j := newJournal(t)
	j.add(t, 10)
	j.close(t)
	release := make(chan struct{})
	server := newCollector(t, func(int, *logspb.LogsData) (*emptypb.Empty, error) { <-release; return nil, nil })
	defer close(release)
	settings := j.settings(server.receiver)
	settings.pace.stall = 200 * time.Millisecond
	r := run(t, settings)
	r.expect(t, told{opened: true})
	r.expect(t, told{reason: "STALLED"})
	if s := r.Status()[0]; s.Position != 0 || s.Behind != 10 {
		t.Errorf("%+v", s)
	}
}

func TestAnOpenTelemetryReceiverThatGoes(t *testing.T) {
	j := newJournal(t)
	server := newCollector(t, nil)
	r := run(t, j.settings(server.receiver))
	r.expect(t, told{opened: true})
	server.Stop()
	r.expect(t, told{reason: "CLOSED"})
	r.until(t, "told", func(s Status) bool { return !s.Connected && care.ReasonOf(s.LastError) == "REFUSED" })
}

func FuzzRejectedBy(f *testing.F) {
	f.Add([]byte(partial(3, "why").ProtoReflect().GetUnknown()))
	f.Add([]byte{0x0a, 0x05, 0x08})
	f.Fuzz(func(t *testing.T, answer []byte) {
		if n := rejectedBy(answer); int64(n) < 0 {
			t.Errorf("%d rejected", n)
		}
	})
}
