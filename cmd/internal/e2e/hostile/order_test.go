//go:build e2e

package hostile

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// releases is how many releases are watched, a few at once. .ci/long watches
// thousands.
var releases = flag.Int("releases", 200, "how many releases TestDecisionIsOnDiskFirst watches")

// TestDecisionIsOnDiskFirst watches the agent's system calls while it releases
// and wants no byte of a record handed to the network before the write and the
// fdatasync of the decision's entry have returned. It does so for a source that
// answers at once and for one that is read while the entry is written. See
// trace_test.go for what that shows and what it cannot.
func TestDecisionIsOnDiskFirst(t *testing.T) {
	t.Run("small records of a quick source", func(t *testing.T) {
		watched(t, newSite(t), member(t, memory.CastEmergency), *releases)
	})
	t.Run("large records of an SQL source", func(t *testing.T) {
		watched(t, largeSite(t), large(), *releases/10)
	})
}

// watched wants nothing wrong with the order in so many releases.
func watched(t *testing.T, s *site, patient memory.Member, n int) {
	t.Helper()
	faults, failed := s.watch(t, patient, n)
	for _, err := range failed {
		t.Errorf("a good request was refused: %v", err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}

// watch has an agent release a patient's record so many times under strace. It
// returns what is wrong with the order of the system calls and the errors of
// the callers. The words of more are for strace.
func (s *site) watch(t *testing.T, patient memory.Member, n int, more ...string) (faults []string, failed []error) {
	t.Helper()
	trace := filepath.Join(s.dir, "trace")
	words := append([]string{"strace", "-D", "-f", "--seccomp-bpf", "-yy", "-s", "0", "-o", trace,
		"-e", "trace=write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,fdatasync,fsync,sendfile,splice"}, more...)
	agent := s.start(t, words...)
	s.fill(t)
	released, errs := make([]release, n), make([]error, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				released[i], errs[i] = s.watchedRelease(t, patient, i)
			}
		})
	}
	workers.Wait()
	agent.stop()
	s.locate(t, released)
	log, err := os.Open(trace)
	must(t, err)
	defer log.Close()
	calls, err := parseTrace(log)
	must(t, err)
	t.Logf("%d system calls of %d releases", len(calls), n)
	return checkOrder(calls, released), slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// release is one release as the caller and the journal know it.
type release struct {
	peer     string // the caller's address, which no other release has
	before   int64  // bytes that the caller had received when it asked
	received int64  // bytes at the end
	request  string // its id
	sequence uint64 // of the decision

	file       string // where the decision's entry stands
	begin, end int64
}

// watchedRelease makes a connection of its own, so that what is written to it
// is known to be about one release, and counts what it receives.
func (s *site) watchedRelease(t *testing.T, patient memory.Member, n int64) (release, error) {
	id := fmt.Sprintf("watched-%d", n)
	line := &counted{from: net.IPv4(127, 1, byte(n>>8), byte(n))}
	client := s.as(t, recordsURI, grpc.WithContextDialer(line.dial))
	defer client.Close()
	// A call without a record first: handshakes and settings are then over.
	_, err := grpc_health_v1.NewHealthClient(client.Conn()).Check(within(t), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return release{request: id}, err
	}
	r := release{request: id, peer: line.LocalAddr().String(), before: line.received.Load()}
	request := &edgev1.GetRecordRequest{Context: asking(patient)}
	request.Context.RequestId = id
	record, err := client.GetRecord(within(t), request)
	if err == nil && len(record.Faults) > 0 {
		err = fmt.Errorf("the answer has faults: %v", record.Faults)
	}
	r.received = line.received.Load()
	return r, err
}

// counted is a connection that counts the bytes it receives, as they are on the
// wire: encrypted.
type counted struct {
	net.Conn
	from     net.IP // an address of the caller's own: ports are used again
	received atomic.Int64
}

func (c *counted) dial(ctx context.Context, address string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: c.from}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	c.Conn = conn
	return c, err
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
	decisions := map[uint64]string{} // to their requests
	for _, l := range s.journal(t, 1) {
		if l.Kind == care.ReleaseDecided {
			decisions[l.Sequence] = l.RequestID
		}
	}
	places := map[string]release{}
	s.eachLine(t, func(file string, at int64, line []byte) {
		n := sequenceOf(t, line)
		places[decisions[n]] = release{sequence: n, file: file, begin: at, end: at + int64(len(line)) + 1}
	})
	for i, r := range released {
		p, there := places[r.request]
		if !there {
			t.Fatalf("the decision on request %s is not in the journal", r.request)
		}
		released[i].sequence, released[i].file, released[i].begin, released[i].end = p.sequence, p.file, p.begin, p.end
	}
}

// eachLine calls do with every line of the journal's files, without its line
// feed, and where it begins.
func (s *site) eachLine(t *testing.T, do func(file string, at int64, line []byte)) {
	t.Helper()
	for _, file := range s.segments(t) {
		text, err := os.ReadFile(file)
		must(t, err)
		text, _, _ = bytes.Cut(text, []byte{0}) // the rest is preallocated
		var at int64
		for line := range bytes.Lines(text) {
			do(file, at, bytes.TrimSuffix(line, []byte{'\n'}))
			at += int64(len(line))
		}
	}
}

// segments returns the paths of the journal's segments, in order.
func (s *site) segments(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.journalFolder(), "journal-*.jsonl"))
	must(t, err)
	return files
}

// sequenceOf reads the number of an entry from its line.
func sequenceOf(t *testing.T, line []byte) (n uint64) {
	t.Helper()
	if _, err := fmt.Sscanf(string(line[:min(len(line), 40)]), `{"v":1,"seq":%d,`, &n); err != nil {
		t.Fatalf("a line of the journal has no number: %v", err)
	}
	return n
}
