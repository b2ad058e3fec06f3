//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// agent is a running mcr-agent with its site and a client of its region.
type agent struct {
	site
	client *edge.Client
	cmd    *exec.Cmd
	log    *agentLog
	stop   func() // ends the agent as a service manager does, once
}

// agentLog is what an agent wrote to standard error. Whoever waits for a line
// is woken by it.
type agentLog struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines []map[string]any
	more  chan struct{} // closed and replaced with each line
	ended bool
}

// start starts an agent whose consent flags the region has filled.
func start(t testing.TB, s site) *agent {
	t.Helper()
	a := run(t, s)
	a.pushConsent(t)
	return a
}

// run starts an agent and waits until it answers and has looked at its sources.
func run(t testing.TB, s site) *agent {
	t.Helper()
	a := &agent{site: s, log: &agentLog{more: make(chan struct{})}}
	a.cmd = exec.Command(builtPrograms(t).agent, "run", "--config", s.config)
	stderr, err := a.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { defer close(read); a.log.follow(stderr) }()
	a.stop = sync.OnceFunc(func() {
		_ = a.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself: Wait tells
		<-read
		if err := a.cmd.Wait(); err != nil {
			t.Errorf("the agent ended with %v:\n%s", err, a.log.all())
		}
	})
	t.Cleanup(a.stop)
	a.log.await(t, "agent started", nil) // a call before would be repeated a second later only
	a.client = dial(t, s)
	ctx, stop := context.WithTimeout(t.Context(), programLimit)
	defer stop()
	if _, err := a.client.Status(ctx); err != nil {
		t.Fatalf("the agent does not answer: %v\n%s", err, a.log.all())
	}
	a.log.await(t, "source checked", nil)
	return a
}

func dial(t testing.TB, s site, options ...grpc.DialOption) *edge.Client {
	t.Helper()
	region, err := edge.LoadRegion(s.region)
	if err != nil {
		t.Fatal(err)
	}
	client, err := edge.Dial(region, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// follow reads the log to its end.
func (l *agentLog) follow(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line map[string]any
		_ = json.Unmarshal(lines.Bytes(), &line) // what is not JSON is kept as text
		l.add(lines.Text(), line)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	close(l.more)
}

func (l *agentLog) add(text string, line map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(text + "\n")
	l.lines = append(l.lines, line)
	close(l.more)
	l.more = make(chan struct{})
}

func (l *agentLog) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits for a message with the given fields.
func (l *agentLog) await(t testing.TB, message string, fields map[string]any) {
	t.Helper()
	late := time.After(programLimit)
	for seen := 0; ; {
		l.mu.Lock()
		fresh, more, ended := l.lines[seen:], l.more, l.ended
		seen = len(l.lines)
		l.mu.Unlock()
		for _, line := range fresh {
			if line["@message"] == message && holds(line, fields) {
				return
			}
		}
		if ended {
			t.Fatalf("the agent ended before it wrote %q:\n%s", message, l.all())
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("the agent does not write %q %v:\n%s", message, fields, l.all())
		}
	}
}

func holds(line, fields map[string]any) bool {
	for k, v := range fields {
		if line[k] != v {
			return false
		}
	}
	return true
}

// peakMemory returns the most memory that the agent has ever held, in MiB.
func (a *agent) peakMemory(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatal("the system does not tell the memory of a process")
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// asking is what every request of the tests says of who asks and why.
func asking(p patient) *edgev1.Context {
	return &edgev1.Context{Software: "e2e",
		Requester: &edgev1.Requester{UserId: "e2e-0001", UserName: "Dr End Toend", RoleCode: "R0260", Organisation: "RWH", OrganisationName: "A hospital"},
		Purpose:   edgev1.Purpose_PURPOSE_TREAT, Permission: edgev1.Permission_PERMISSION_ASKED,
		Subject: &edgev1.Subject{NhsNumber: p.number, FamilyName: p.family, GivenName: p.given, BirthDate: p.born}}
}

// get reads a record, of all sections if none is named.
func (a *agent) get(t testing.TB, p patient, sections ...care.Section) (*edge.Record, error) {
	t.Helper()
	request := &edgev1.GetRecordRequest{Context: asking(p)}
	for _, s := range sections {
		request.Sections = append(request.Sections, edgev1.Section(s))
	}
	ctx, stop := context.WithTimeout(t.Context(), programLimit)
	defer stop()
	return a.client.GetRecord(ctx, request)
}

// mustGet reads a record that must not be refused.
func (a *agent) mustGet(t testing.TB, p patient, sections ...care.Section) *edge.Record {
	t.Helper()
	record, err := a.get(t, p, sections...)
	if err != nil {
		t.Fatalf("refused: %v\n%s", err, a.log.all())
	}
	return record
}

// mustBeWhole reads a record that must be whole.
func (a *agent) mustBeWhole(t testing.TB, p patient, sections ...care.Section) *edge.Record {
	t.Helper()
	record := a.mustGet(t, p, sections...)
	if !record.Whole {
		t.Fatalf("the answer is not whole: %v", record.Reasons())
	}
	return record
}

// wantRefusal reads a record that must be refused, and returns the refusal.
func (a *agent) wantRefusal(t testing.TB, p patient, kind care.Kind) *edgev1.Refusal {
	t.Helper()
	record, err := a.get(t, p)
	refusal, refused := edge.RefusalOf(err)
	if !refused || refusal.GetCode() != kind.String() {
		t.Fatalf("answered with %v (%v), want the refusal %v", err, record.Reasons(), kind)
	}
	return refusal
}

// of returns a section of a record.
func of(t testing.TB, r *edge.Record, s care.Section) *edge.Section {
	t.Helper()
	for i := range r.Sections {
		if r.Sections[i].Section == s {
			return &r.Sections[i]
		}
	}
	t.Fatalf("the answer has no section %v", s)
	return nil
}

// wantEnd checks how a section ended.
func wantEnd(t testing.TB, r *edge.Record, s care.Section, state care.State, reason string) {
	t.Helper()
	section := of(t, r, s)
	if section.State() != state || section.Outcome.GetReason() != reason {
		t.Errorf("%v ended as %v (%s) %v, want %v (%s)", s, section.State(), section.Outcome.GetReason(), section.Faults, state, reason)
	}
}
