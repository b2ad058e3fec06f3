package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

// exportMethod is the call of the OTLP specification for logs. Its request has
// the wire format of LogsData and its answer one optional field, so the
// package generated for the service, which brings an HTTP gateway, is not used.
const exportMethod = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// otlpConn is a connection to a receiver of OpenTelemetry logs.
type otlpConn struct {
	grpc     *grpc.ClientConn
	conn     *handed // beneath it
	stall    time.Duration
	resource *resourcepb.Resource
	scope    *commonpb.InstrumentationScope
}

func openOTLP(ctx context.Context, w *worker) (connection, error) {
	config := w.TLS.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := dial(ctx, w.Address, config)
	if err != nil {
		return nil, err
	}
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		_ = conn.Close()
		return nil, fault("PROTOCOL", nil)
	}
	under := hand(conn)
	client, err := grpc.NewClient("passthrough:///"+w.Address, grpc.WithContextDialer(under.dial), grpc.WithTransportCredentials(dialled{}),
		grpc.WithIdleTimeout(0), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithUserAgent(appName+"/"+w.Site.Version))
	if err != nil {
		_ = conn.Close()
		return nil, fault("PROTOCOL", err)
	}
	client.Connect()
	return &otlpConn{grpc: client, conn: under, stall: w.pace.stall, resource: resourceOf(w.Site),
		scope: &commonpb.InstrumentationScope{Name: "mcr-agent/journal", Version: w.Site.Version}}, nil
}

// handed is a connection that tells when it is closed.
type handed struct {
	*tls.Conn
	used  atomic.Bool // by gRPC
	close func()
	gone  chan struct{}
}

func hand(conn *tls.Conn) *handed {
	gone := make(chan struct{})
	return &handed{Conn: conn, gone: gone, close: sync.OnceFunc(func() { close(gone) })}
}

// dial hands the connection out one time: a new one is made by a new session,
// which looks at its position first.
func (h *handed) dial(context.Context, string) (net.Conn, error) {
	if h.used.Swap(true) {
		return nil, net.ErrClosed
	}
	return h, nil
}

// Close closes the connection.
func (h *handed) Close() error {
	h.close()
	return h.Conn.Close()
}

// dialled are credentials for a connection that has shaken hands already.
type dialled struct{}

func (dialled) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, ok := conn.(*handed)
	if !ok {
		return nil, nil, errors.ErrUnsupported
	}
	info := credentials.TLSInfo{State: secure.ConnectionState()}
	info.SecurityLevel = credentials.PrivacyAndIntegrity
	return conn, info, nil
}

func (dialled) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.ErrUnsupported
}

func (dialled) OverrideServerName(string) error { return errors.ErrUnsupported }

func (dialled) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}
func (d dialled) Clone() credentials.TransportCredentials { return d }

func (c *otlpConn) peer() string { return c.conn.RemoteAddr().String() }

func (c *otlpConn) close() {
	_ = c.grpc.Close()
	_ = c.conn.Close() // gRPC may not have taken it yet
}

// watch returns when gRPC has closed the connection, which it does when the
// other side goes. Its connectivity states would not do: one that is short is
// not seen.
func (c *otlpConn) watch(ctx context.Context) error {
	select {
	case <-c.conn.gone:
		return fault("CLOSED", nil)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send exports the records. A receiver that says that the records themselves
// are at fault is not sent them again (OTLP specification, "Failures"). All
// other failures are tried again, also those that the specification calls
// final, such as a missing permission: copies of a journal can wait until that
// is mended, and are not lost because of it.
func (c *otlpConn) send(ctx context.Context, records []*record) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.stall)
	defer cancel()
	var answer emptypb.Empty
	err := c.grpc.Invoke(ctx, exportMethod, c.request(records), &answer)
	switch status.Code(err) {
	case codes.OK:
		return min(rejectedBy(answer.ProtoReflect().GetUnknown()), uint64(len(records))), nil
	case codes.InvalidArgument:
		return uint64(len(records)), nil
	case codes.DeadlineExceeded:
		return 0, fault("STALLED", err)
	case codes.Unavailable:
		return 0, explain(cause(ctx, fault("CLOSED", err)))
	}
	return 0, fault("NOT_TAKEN", err)
}

func (c *otlpConn) request(records []*record) *logspb.LogsData {
	logs := make([]*logspb.LogRecord, len(records))
	for i, r := range records {
		logs[i] = r.otlp()
	}
	return &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{
		Resource: c.resource, ScopeLogs: []*logspb.ScopeLogs{{Scope: c.scope, LogRecords: logs}},
	}}}
}

// severities are those that the OpenTelemetry logs data model (appendix B)
// gives to the severities of syslog.
var severities = map[severity]logspb.SeverityNumber{
	sevAlert:   logspb.SeverityNumber_SEVERITY_NUMBER_ERROR3,
	sevError:   logspb.SeverityNumber_SEVERITY_NUMBER_ERROR,
	sevWarning: logspb.SeverityNumber_SEVERITY_NUMBER_WARN,
	sevNotice:  logspb.SeverityNumber_SEVERITY_NUMBER_INFO2,
	sevInfo:    logspb.SeverityNumber_SEVERITY_NUMBER_INFO,
}

// severityNames are the keywords of RFC 5427 as syslog programs show them.
var severityNames = map[severity]string{sevAlert: "alert", sevError: "err", sevWarning: "warning", sevNotice: "notice", sevInfo: "info"}

// otlp returns the record as OpenTelemetry has it.
func (r *record) otlp() *logspb.LogRecord {
	at := uint64(r.time.UnixNano())
	log := &logspb.LogRecord{
		TimeUnixNano: at, ObservedTimeUnixNano: at, EventName: printable(r.kind), Body: textValue(r.text),
		SeverityNumber: severities[r.severity], SeverityText: severityNames[r.severity],
	}
	for i := range r.fields {
		log.Attributes = append(log.Attributes, &commonpb.KeyValue{Key: "mcr." + r.fields[i].name, Value: r.fields[i].value()})
	}
	return log
}

func (f *field) value() *commonpb.AnyValue {
	switch f.form {
	case asNumber:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: f.number}}
	case asFlag:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}
	case asList:
		values := make([]*commonpb.AnyValue, 0, len(f.list))
		for _, text := range f.list {
			values = append(values, textValue(text))
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: values}}}
	}
	return textValue(f.text)
}

func textValue(text string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: text}}
}

// resourceOf says whose logs they are (OpenTelemetry semantic conventions,
// service). The machine is not named.
func resourceOf(site Site) *resourcepb.Resource {
	resource := &resourcepb.Resource{}
	for _, a := range [][2]string{{"service.name", appName}, {"service.instance.id", site.Instance}, {"service.version", site.Version}} {
		if a[1] != "" {
			resource.Attributes = append(resource.Attributes, &commonpb.KeyValue{Key: a[0], Value: textValue(a[1])})
		}
	}
	return resource
}

// rejectedBy reads ExportLogsServiceResponse: partial_success is field 1, and
// its rejected_log_records field 1. Its message is not read: it may quote what
// was sent. What is not readable rejects nothing.
func rejectedBy(answer []byte) uint64 {
	partial, _ := protowire.ConsumeBytes(fieldOne(answer, protowire.BytesType))
	rejected, n := protowire.ConsumeVarint(fieldOne(partial, protowire.VarintType))
	if n < 0 || int64(rejected) < 0 {
		return 0
	}
	return rejected
}

// fieldOne returns message from the value of its last field 1 on, if that is of
// a type, or nil.
func fieldOne(message []byte, want protowire.Type) (value []byte) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil
		}
		message = message[n:]
		if number == 1 && kind == want {
			value = message
		}
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return nil
		}
		message = message[n:]
	}
	return value
}
