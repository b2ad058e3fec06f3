//go:build e2e

package hostile

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// stallTime is how long each fdatasync of the journal is held back.
const stallTime = 1500 * time.Millisecond

// stalls is how often every kind of call is made while the journal's disk
// stalls. .ci/long makes many.
var stalls = flag.Int("stalls", 1, "how many rounds of calls TestNothingLeavesWhileTheDiskStalls makes")

// inject attaches strace to a running agent and lets it tamper with system
// calls, on one file or on all. The function returned detaches it.
func (r *running) inject(t testing.TB, file, what string) (detach func()) {
	t.Helper()
	name, _, _ := strings.Cut(what, ":")
	words := []string{"-f", "-e", "trace=" + name, "-e", "inject=" + what, "-o", "/dev/null", "-p", strconv.Itoa(r.cmd.Process.Pid)}
	if file != "" {
		words = append(words, "-P", file)
	}
	cmd := exec.Command("strace", words...)
	says, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	detach = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
	})
	t.Cleanup(detach)
	lines := bufio.NewScanner(says)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "attached") {
			return detach
		}
	}
	t.Fatal("strace cannot be attached to the agent")
	return nil
}

// delayed is the words that hold back every fdatasync.
func delayed() string {
	return fmt.Sprintf("fdatasync:delay_enter=%d", stallTime.Microseconds())
}

// stalledCall is a call that is made while the journal's disk stalls.
type stalledCall struct {
	name string
	make func(context.Context, *edge.Client, memory.Member) error
}

// stalledCalls are answers and refusals: for neither may a byte leave before it
// is written down.
var stalledCalls = []stalledCall{
	{"a record", func(ctx context.Context, c *edge.Client, m memory.Member) error {
		r, err := c.GetRecord(ctx, &edgev1.GetRecordRequest{Context: asking(m)})
		if err == nil && len(r.Faults) > 0 {
			err = fmt.Errorf("the answer has faults: %v", r.Faults)
		}
		return err
	}},
	{"which sections there are", func(ctx context.Context, c *edge.Client, m memory.Member) error {
		_, err := c.Locate(ctx, &edgev1.LocatePatientRequest{Context: asking(m)})
		return err
	}},
	{"a refusal", func(ctx context.Context, c *edge.Client, m memory.Member) error {
		request := &edgev1.GetRecordRequest{Context: asking(m)}
		request.Context.Requester.UserId = ""
		_, err := c.GetRecord(ctx, request)
		if _, refused := edge.RefusalOf(err); !refused {
			return fmt.Errorf("not refused: %v", err)
		}
		return nil
	}},
}

// TestNothingLeavesWhileTheDiskStalls holds every fdatasync of the journal back
// and makes calls meanwhile. Until it is let go, which begins after the call
// was made, no byte of an answer may reach the caller, and after it the answer
// must come. Unlike the order of system calls this looks at the caller's end.
func TestNothingLeavesWhileTheDiskStalls(t *testing.T) {
	for name, c := range map[string]struct {
		site    *site
		patient memory.Member
	}{"quick source": {newSite(t), member(t, memory.CastEmergency)}, "SQL source": {largeSite(t), large()}} {
		t.Run(name, func(t *testing.T) {
			for _, fault := range c.site.stalled(t, c.patient, stalledCalls, *stalls) {
				t.Error(fault)
			}
		})
	}
}

// stalled makes calls while the disk stalls and returns what is wrong.
func (s *site) stalled(t *testing.T, patient memory.Member, calls []stalledCall, rounds int) (faults []string) {
	t.Helper()
	agent := s.start(t)
	s.fill(t)
	detach := agent.inject(t, s.segments(t)[0], delayed())
	for range rounds {
		for _, call := range calls {
			if fault := s.stalledCall(t, patient, call); fault != "" {
				faults = append(faults, call.name+": "+fault)
			}
		}
	}
	detach()
	agent.stop()
	return faults
}

// stalledCall makes one call on a connection of its own.
func (s *site) stalledCall(t *testing.T, patient memory.Member, call stalledCall) (fault string) {
	line := &timed{}
	client := s.as(t, recordsURI, grpc.WithContextDialer(line.dial))
	defer client.Close()
	// A call that is not journalled first: handshakes and settings are then over.
	_, err := grpc_health_v1.NewHealthClient(client.Conn()).Check(within(t), &grpc_health_v1.HealthCheckRequest{})
	must(t, err)
	line.from.Store(line.received.Load() + controlBytes)
	asked := time.Now()
	err = call.make(within(t), client, patient)
	took, first := time.Since(asked), line.first.Load()
	switch {
	case first == nil && took < stallTime:
		return fmt.Sprintf("it ended after %v with %v", took, err)
	case first != nil && first.Sub(asked) < stallTime:
		return fmt.Sprintf("the first byte of the answer came %v after the request, while the disk stalled", first.Sub(asked))
	case err != nil:
		return err.Error()
	}
	return ""
}

// timed is a connection that knows when more than so many bytes had come.
type timed struct {
	net.Conn
	received, from atomic.Int64
	first          atomic.Pointer[time.Time]
}

func (c *timed) dial(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	c.Conn = conn
	return c, err
}

// Read receives.
func (c *timed) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if from := c.from.Load(); c.received.Add(int64(n)) > from && from > 0 && n > 0 {
		now := time.Now()
		c.first.CompareAndSwap(nil, &now)
	}
	return n, err
}
