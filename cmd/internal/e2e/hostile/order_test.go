//go:build e2e

package hostile

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// releases is how many releases are watched, a few at once.
const releases = 200

// TestDecisionIsOnDiskFirst watches the agent's system calls for 200 releases
// and wants no byte of a record handed to the network before the write and the
// fdatasync of the decision's entry have returned. See trace_test.go for what
// that shows and what it cannot.
func TestDecisionIsOnDiskFirst(t *testing.T) {
	s := newSite(t)
	trace := filepath.Join(s.dir, "trace")
	agent := s.start(t, "strace", "-D", "-f", "--seccomp-bpf", "-yy", "-s", "0", "-o", trace,
		"-e", "trace=write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,fdatasync,fsync,sendfile,splice")
	s.fill(t)
	var watched sync.WaitGroup
	released := make([]release, releases)
	var next atomic.Int64
	for range 4 {
		watched.Go(func() {
			for n := next.Add(1) - 1; n < releases; n = next.Add(1) - 1 {
				released[n] = s.watchedRelease(t)
			}
		})
	}
	watched.Wait()
	agent.stop()
	s.locate(t, released)
	log, err := os.Open(trace)
	must(t, err)
	defer log.Close()
	calls, err := parseTrace(log)
	must(t, err)
	for _, fault := range checkOrder(calls, released) {
		t.Error(fault)
	}
	t.Logf("%d system calls of %d releases", len(calls), len(released))
}

// release is one release as the caller and the journal know it.
type release struct {
	port     string // the caller's, which names the connection
	before   int64  // bytes that the caller had received when it asked
	received int64  // bytes at the end
	sequence uint64 // of the decision

	file       string // where the decision's entry stands
	begin, end int64
}

// watchedRelease makes a connection of its own, so that what is written to it
// is known to be about one release, and counts what it receives.
func (s *site) watchedRelease(t *testing.T) release {
	line := &counted{}
	client := s.as(t, recordsURI, grpc.WithContextDialer(line.dial))
	defer client.Close()
	// A call without a record first: handshakes and settings are then over.
	_, err := grpc_health_v1.NewHealthClient(client.Conn()).Check(within(t), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Error(err)
		return release{}
	}
	r := release{port: line.port(), before: line.received.Load()}
	patient := member(t, memory.CastEmergency)
	record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
	if err != nil || !record.Whole {
		t.Errorf("a good request was refused: %v", err)
	}
	r.received, r.sequence = line.received.Load(), record.Closing.GetDecision().GetSequence()
	return r
}

// counted is a connection that counts the bytes it receives, as they are on the
// wire: encrypted.
type counted struct {
	net.Conn
	received atomic.Int64
}

func (c *counted) dial(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	c.Conn = conn
	return c, err
}

func (c *counted) port() string {
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	return port
}

// Read receives.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}

// locate finds where in the files of the journal the decisions stand.
func (s *site) locate(t *testing.T, released []release) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(s.journalFolder(), "journal-*.jsonl"))
	must(t, err)
	places := map[uint64]release{}
	for _, file := range segments {
		text, err := os.ReadFile(file)
		must(t, err)
		var at int64
		for line := range bytes.Lines(text) {
			if bytes.HasPrefix(line, []byte{0}) {
				break // the rest is preallocated
			}
			places[sequenceOf(t, line)] = release{file: file, begin: at, end: at + int64(len(line))}
			at += int64(len(line))
		}
	}
	for i := range released {
		p, there := places[released[i].sequence]
		if !there {
			t.Fatalf("the decision %d is not in the journal", released[i].sequence)
		}
		released[i].file, released[i].begin, released[i].end = p.file, p.begin, p.end
	}
}

// sequenceOf reads the number of an entry from its line.
func sequenceOf(t *testing.T, line []byte) (n uint64) {
	t.Helper()
	if _, err := fmt.Sscanf(string(line[:min(len(line), 40)]), `{"v":1,"seq":%d,`, &n); err != nil {
		t.Fatalf("a line of the journal has no number: %v", err)
	}
	return n
}
