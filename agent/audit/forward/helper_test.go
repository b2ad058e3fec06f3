package forward

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// fast is the pace of tests.
var fast = pace{first: 10 * time.Millisecond, longest: 50 * time.Millisecond, stall: patience}

var (
	box    = must(audit.NewBox([32]byte{1, 2, 3}, "0a1b2c3d"))
	signer = must(tree.NewSigner("example.org/Y99901/journal", &[32]byte{4, 5, 6}))
	region = must(throwaway.New(time.Now()))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What must never leave unless a receiver may have it.
const (
	canaryNumber   = "9990000042"
	canaryDocument = "document-canary-77"
	canaryReason   = "reason-canary unconscious"
)

// request is a full request for a test patient.
func request(id string) *care.Request {
	return &care.Request{
		ID: id, TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Received: time.Date(2026, 11, 22, 14, 3, 7, 0, time.UTC),
		Interaction: care.ReadDocument, Broker: care.Broker{Name: "east", Certificate: "ab12cd34", Software: "broker/2.1"},
		Requester: care.Requester{UserID: "555000111222", UserName: `Dr "Siân" O'Neil]\`, RoleCode: "R0260", RoleName: "GP",
			RoleProfile: "555111222333", Organisation: "E82001", OrganisationName: "Test Surgery"},
		Purpose: care.BreakGlass, Permission: care.PermissionNotAsked, Reason: canaryReason, DocumentID: canaryDocument,
		Subject:  care.Subject{NHSNumber: must(care.ParseNHSNumber(canaryNumber)), Family: care.NewPrivate("Canary"), BirthDate: care.Day(1956, 5, 27)},
		Sections: care.SetOf(care.Allergies, care.Medications),
	}
}

func refusal(n int) care.Event {
	return care.Event{Kind: care.ReleaseRefused, Request: request("req-" + strconv.Itoa(n)), Refusal: care.NoPatientConsent, TrueReason: "DISSENT"}
}

// journal is a test's journal.
type journal struct {
	*audit.Journal
	folder, archive, state string
}

// newJournal opens a journal of small segments and closes it with the test.
func newJournal(t testing.TB) *journal {
	t.Helper()
	dir := t.TempDir()
	j := &journal{folder: filepath.Join(dir, "journal"), archive: filepath.Join(dir, "archive"), state: filepath.Join(dir, "state")}
	if err := os.Mkdir(j.state, 0o700); err != nil {
		t.Fatal(err)
	}
	j.open(t)
	return j
}

func (j *journal) open(t testing.TB) {
	t.Helper()
	opened, err := audit.Open(j.folder, audit.Options{Box: box, Signer: signer, SegmentBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	j.Journal = opened
	t.Cleanup(func() { _ = opened.Close() })
}

// add appends n refusals and waits for them.
func (j *journal) add(t testing.TB, n int) {
	t.Helper()
	var last care.Entry
	for i := range n {
		last = j.Append(refusal(i))
	}
	if err := last.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// close closes the journal, whose head then covers all of it.
func (j *journal) close(t testing.TB) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// told is what a Forwarder said of a connection.
type told struct {
	opened bool
	reason string
}

// running is a Forwarder that runs.
type running struct {
	*Forwarder
	stop func()
	told chan told
}

// settings are those of a test; run completes them.
func (j *journal) settings(receivers ...Receiver) Settings {
	return Settings{Folder: j.folder, Archive: j.archive, State: j.state, Box: box, Receivers: receivers, Site: Site{Instance: "Y99901", Version: "1.2.3"}, pace: fast}
}

// run starts a Forwarder that stops with the test, or before.
func run(t testing.TB, s Settings) *running {
	t.Helper()
	r := &running{told: make(chan told, 10000)}
	s.OnConnection = func(_, _ string, opened bool, err error) { r.told <- told{opened, care.ReasonOf(err)} }
	r.Forwarder = must(New(s))
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	r.stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	t.Cleanup(r.stop)
	return r
}

// expect waits for the next thing that is told of a connection.
func (r *running) expect(t testing.TB, want told) {
	t.Helper()
	select {
	case got := <-r.told:
		if got != want {
			t.Fatalf("told %+v, want %+v", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("was not told %+v", want)
	}
}

// until waits for a status of the first receiver.
func (r *running) until(t testing.TB, what string, ok func(Status) bool) Status {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		s := r.Status()[0]
		if ok(s) {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("never %s: %+v", what, s)
		}
	}
}

// server is a TLS server that does with each connection what a test says.
type server struct {
	net.Listener
	all sync.WaitGroup
}

// serve starts a server whose certificate is for localhost.
func serve(t testing.TB, config *tls.Config, handle func(conn net.Conn)) *server {
	t.Helper()
	if config == nil {
		config = &tls.Config{Certificates: []tls.Certificate{certificate("localhost").TLS}}
	}
	s := &server{Listener: must(tls.Listen("tcp", "127.0.0.1:0", config))}
	s.all.Go(func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			s.all.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(s.end)
	return s
}

func (s *server) end() {
	_ = s.Listener.Close()
	s.all.Wait()
}

func certificate(host string) throwaway.Certificate {
	return must(region.Issue(throwaway.Leaf{Name: "receiver", DNS: []string{host}, Server: true, Client: true}))
}

// receiver returns the settings of a server's receiver.
func (s *server) receiver(kind string) Receiver {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	return Receiver{Name: "region", Kind: kind, Address: "localhost:" + port, TLS: &tls.Config{RootCAs: region.Pool()}}
}

// readFrame reads one message with its length before it (RFC 5425).
func readFrame(r *bufio.Reader) (string, error) {
	digits, err := r.ReadString(' ')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(digits, " "))
	if err != nil || n > maxMessage {
		return "", io.ErrUnexpectedEOF
	}
	data := make([]byte, n)
	_, err = io.ReadFull(r, data)
	return string(data), err
}

// collector is a syslog server that keeps what it got.
type collected struct{ messages chan string }

func newCollected() *collected { return &collected{messages: make(chan string, 100000)} }

func (c *collected) handle(conn net.Conn) {
	r := bufio.NewReader(conn)
	for {
		text, err := readFrame(r)
		if err != nil {
			return
		}
		c.messages <- text
	}
}

// next returns the next message, parsed.
func (c *collected) next(t testing.TB) message {
	t.Helper()
	select {
	case text := <-c.messages:
		m, err := parseMessage(text)
		if err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		return m
	case <-time.After(patience):
		t.Fatal("no message came")
	}
	return message{}
}

// sequence returns the number of the next entry.
func (c *collected) sequence(t testing.TB) int {
	t.Helper()
	return must(strconv.Atoi(c.next(t).fields["seq"]))
}

// expect checks that entries come in order, from one number to another.
func (c *collected) expect(t testing.TB, from, to int) {
	t.Helper()
	for want := from; want <= to; want++ {
		if got := c.sequence(t); got != want {
			t.Fatalf("entry %d came, want %d", got, want)
		}
	}
}
