package audit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// newFolder is where a test's journal goes; it is not made yet.
func newFolder(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "journal")
}

// testBox and testSigner have keys that everyone knows. The nonces of the box
// count up, so that what it seals can be compared.
var (
	testBox    = newTestBox()
	testSigner = newTestSigner()
)

func newTestBox() *Box {
	b, err := NewBox([32]byte{1, 2, 3}, "0a1b2c3d")
	if err != nil {
		panic(err)
	}
	b.nonce = &counter{}
	return b
}

// counter is a source of bytes that are never the same twice.
type counter struct{ n atomic.Uint64 }

func (c *counter) Read(p []byte) (int, error) {
	clear(p)
	binary.BigEndian.PutUint64(p, c.n.Add(1))
	return len(p), nil
}

func newTestSigner() *tree.Signer {
	s, err := tree.NewSigner("example.org/Y99901/journal", &[32]byte{4, 5, 6})
	if err != nil {
		panic(err)
	}
	return s
}

// withKeys gives a test's journal its keys.
func withKeys(o Options) Options {
	o.Box, o.Signer = testBox, testSigner
	return o
}

// openTest opens a journal of small segments and closes it with the test.
func openTest(t testing.TB, folder string, opts Options) *Journal {
	t.Helper()
	j, err := Open(folder, withKeys(opts))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// sampleRequest is a full request for a test patient.
func sampleRequest() *care.Request {
	n, err := care.ParseNHSNumber("9990000042")
	if err != nil {
		panic(err)
	}
	return &care.Request{
		ID:          "7d9b3f0e-4c1a-4f58-9a53-0a4f7c1b2e66",
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Received:    time.Date(2026, 11, 22, 14, 3, 7, 123456789, time.UTC),
		Interaction: care.ReadRecord,
		Broker:      care.Broker{Name: "east", Certificate: "ab12cd34", Software: "broker/2.1"},
		Requester: care.Requester{
			UserID: "555000111222", UserName: "Dr \"Ann\" O'Neil\n", RoleCode: "R0260", RoleName: "General Medical Practitioner",
			RoleProfile: "555111222333", Organisation: "E82001", OrganisationName: "Test Surgery",
		},
		Purpose:    care.Treatment,
		Permission: care.PermissionAsked,
		Reason:     "unconscious in A&E",
		Subject:    care.Subject{NHSNumber: n, Family: care.NewPrivate("Canary"), BirthDate: care.Day(1956, 5, 27)},
		Sections:   care.SetOf(care.Allergies, care.Medications),
		Period:     care.Period{From: care.DateTime{Time: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Precision: care.ToYear}},
	}
}

func sampleEvent() care.Event {
	return care.Event{
		Kind: care.ReleaseDecided, Request: sampleRequest(), Released: care.SetOf(care.Allergies),
		ConsentEpoch: 42, ConfigHash: "sha256:77aa", Alert: true,
	}
}

// faultFiles is the real file system, without syncs, with a hook before every
// call.
type faultFiles struct {
	quickFiles
	mu   sync.Mutex
	hook func(op, name string) error // nil: no fault
	log  []string                    // "op name" of every call that changes or syncs something
}

// set replaces the hook.
func (f *faultFiles) set(hook func(op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// count returns how often op was called on names that contain part.
func (f *faultFiles) count(op, part string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, call := range f.log {
		if strings.HasPrefix(call, op+" ") && strings.Contains(call, part) {
			n++
		}
	}
	return n
}

func (f *faultFiles) call(op, path string) error {
	f.mu.Lock()
	f.log = append(f.log, op+" "+filepath.Base(path))
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(op, filepath.Base(path))
}

func (f *faultFiles) create(path string, size int64) (file, error) {
	if err := f.call("create", path); err != nil {
		return nil, err
	}
	return f.wrap(path)(f.quickFiles.create(path, size))
}

func (f *faultFiles) open(path string) (file, error) {
	if err := f.call("open", path); err != nil {
		return nil, err
	}
	return f.wrap(path)(f.quickFiles.open(path))
}

func (f *faultFiles) wrap(path string) func(file, error) (file, error) {
	return func(real file, err error) (file, error) {
		if err != nil {
			return nil, err
		}
		return &faultFile{real, f, path}, nil
	}
}

func (f *faultFiles) rename(from, to string) error {
	if err := f.call("rename", to); err != nil {
		return err
	}
	return f.quickFiles.rename(from, to)
}

func (f *faultFiles) stat(path string) (fs.FileInfo, error) {
	if err := f.call("stat", path); err != nil {
		return nil, err
	}
	return f.quickFiles.stat(path)
}

func (f *faultFiles) remove(path string) error {
	if err := f.call("remove", path); err != nil {
		return err
	}
	return f.quickFiles.remove(path)
}

func (f *faultFiles) mkdir(path string) error {
	if err := f.call("mkdir", path); err != nil {
		return err
	}
	return f.quickFiles.mkdir(path)
}

func (f *faultFiles) syncFolder(folder string) error {
	if err := f.call("syncFolder", folder); err != nil {
		return err
	}
	return f.quickFiles.syncFolder(folder)
}

type faultFile struct {
	file
	files *faultFiles
	path  string
}

// errHalf makes a write stop half-way.
var errHalf = errors.New("half written")

func (f *faultFile) WriteAt(p []byte, at int64) (int, error) {
	if err := f.files.call("write", f.path); err != nil {
		if err == errHalf {
			_, _ = f.file.WriteAt(p[:len(p)/2], at)
		}
		return 0, err
	}
	return f.file.WriteAt(p, at)
}

func (f *faultFile) Sync() error {
	if err := f.files.call("sync", f.path); err != nil {
		return err
	}
	return f.file.Sync()
}

// quickFiles is the real file system without syncs, for tests that open many
// journals and lose nothing of them.
type quickFiles struct{ osFiles }

type quickFile struct{ file }

func (quickFile) Sync() error              { return nil }
func (quickFiles) syncFolder(string) error { return nil }

func (q quickFiles) create(path string, size int64) (file, error) {
	f, err := q.osFiles.create(path, size)
	return quickFile{f}, err
}

func (q quickFiles) open(path string) (file, error) {
	f, err := q.osFiles.open(path)
	return quickFile{f}, err
}

// failOn makes every call of op fail.
func failOn(op string, err error) func(string, string) error {
	return func(called, _ string) error {
		if called == op {
			return err
		}
		return nil
	}
}

// refusalOf is an event of a refused request whose detail is told apart by n.
func refusalOf(n int) care.Event {
	return care.Event{Kind: care.ReleaseRefused, Request: sampleRequest(), Refusal: care.NoPatientConsent,
		TrueReason: "DISSENT", Detail: "refusal " + strconv.Itoa(n)}
}

// mustWait fails the test unless the entry is durable.
func mustWait(t testing.TB, e care.Entry) care.Position {
	t.Helper()
	if err := e.Wait(t.Context()); err != nil {
		t.Fatalf("entry %v: %v", e.Position(), err)
	}
	return e.Position()
}

// wantReason fails the test unless err is AuditUnavailable with the reason.
func wantReason(t testing.TB, err error, reason string) {
	t.Helper()
	if care.KindOf(err) != care.AuditUnavailable || care.ReasonOf(err) != reason {
		t.Fatalf("error is %v, want AUDIT_UNAVAILABLE (%s)", err, reason)
	}
}

// readAll returns every entry and fails the test on any damage.
func readAll(t testing.TB, folder string) []Line {
	t.Helper()
	var lines []Line
	for line, err := range Read(folder, 1, 0) {
		if err != nil {
			t.Fatalf("reading the journal after %d entries: %v", len(lines), err)
		}
		lines = append(lines, line)
	}
	return lines
}

// mustVerify fails the test unless the journal is whole.
func mustVerify(t testing.TB, folder string) Report {
	t.Helper()
	report, err := Verify(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Faults) > 0 {
		t.Fatalf("the journal has faults: %+v", report.Faults)
	}
	return report
}

// contentOf is a segment's bytes up to the first NUL.
func contentOf(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content, _, _ := bytes.Cut(data, []byte{0})
	return content
}
