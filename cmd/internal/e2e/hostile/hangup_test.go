//go:build e2e

package hostile

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// lines are the network connections of a client, to be cut.
type lines struct {
	mu   sync.Mutex
	open []net.Conn
}

func (l *lines) dial(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		l.mu.Lock()
		l.open = append(l.open, conn)
		l.mu.Unlock()
	}
	return conn, err
}

// cut ends all connections with a reset, as a machine that loses its network
// and comes back does.
func (l *lines) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.open {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

// TestCallerHangsUp hangs up in the middle of a large answer and wants the
// journal to tell how much had left by then.
func TestCallerHangsUp(t *testing.T) {
	s := largeSite(t)
	agent := s.start(t)
	s.fill(t)
	client := s.as(t, recordsURI)
	documentID := largeDocumentID(t, wholeRecord(t, client, large()).Sections[care.Documents-1].Records)
	before := agent.usage().files
	for _, c := range []struct {
		name     string
		document bool
		hangUp   func(cancel func(), l *lines)
	}{
		{"a record, cancelled", false, func(cancel func(), _ *lines) { cancel() }},
		{"a record, cut off", false, func(_ func(), l *lines) { l.cut() }},
		{"a document, cancelled", true, func(cancel func(), _ *lines) { cancel() }},
		{"a document, cut off", true, func(_ func(), l *lines) { l.cut() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l lines
			slow := s.as(t, recordsURI, append(smallWindow, grpc.WithContextDialer(l.dial))...)
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			from := s.last(t) + 1
			receive := askForMuch(t, ctx, edgev1.NewRecordServiceClient(slow.Conn()), c.document, documentID)
			received := receive()
			c.hangUp(cancel, &l)
			s.checkHangUp(t, from, received, c.document)
			wholeRecord(t, client, large())
			must(t, slow.Close())
		})
	}
	eventually(t, "the connections are closed", func() bool { return agent.usage().files <= before })
	agent.alive()
}

// largeDocumentID returns the id by which the large document is asked for.
func largeDocumentID(t *testing.T, records []*edgev1.Record) string {
	t.Helper()
	if len(records) != 1 {
		t.Fatalf("the large patient has %d documents", len(records))
	}
	return records[0].GetId()
}

// askForMuch asks for the large record or document and returns a function that
// receives the first messages and returns how many bytes of it came.
func askForMuch(t *testing.T, ctx context.Context, c edgev1.RecordServiceClient, document bool, id string) func() int {
	t.Helper()
	if document {
		stream, err := c.GetDocument(ctx, &edgev1.GetDocumentRequest{Context: asking(large()), DocumentId: id})
		must(t, err)
		return func() (bytes int) {
			for bytes < 1<<20 {
				m, err := stream.Recv()
				must(t, err)
				bytes += len(m.GetChunk())
			}
			return bytes
		}
	}
	stream, err := c.GetRecord(ctx, &edgev1.GetRecordRequest{Context: asking(large())})
	must(t, err)
	return func() (bytes int) {
		for bytes < 200<<10 {
			m, err := stream.Recv()
			must(t, err)
			for _, r := range m.GetRecords() {
				bytes += len(r.GetResource())
			}
		}
		return bytes
	}
}

// checkHangUp looks at the entry that says how the release ended.
func (s *site) checkHangUp(t *testing.T, from uint64, received int, document bool) {
	t.Helper()
	l := s.ended(t, from, care.Cancelled, "CALLER_GONE")
	if l.Decision < from || l.Decision >= l.Sequence {
		t.Errorf("entry %d says that it ends the release of entry %d", l.Sequence, l.Decision)
	}
	total := int64(largeDocument)
	if !document {
		total = largeBytes
	}
	// What is on its way counts as sent: at most what both ends buffer.
	const underWay = 8 << 20
	if l.Bytes < int64(received) || l.Bytes >= total || l.Bytes > int64(received)+underWay {
		t.Errorf("the journal says that %d bytes of %d left, the caller received %d", l.Bytes, total, received)
	}
	if !document && (l.Records <= 0 || l.Records >= largeRecords) {
		t.Errorf("the journal says that %d records of %d left", l.Records, largeRecords)
	}
	if l.Digest == "" {
		t.Error("the journal does not say what left")
	}
}
