package alerts

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asProgram {
		os.Exit(program(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}

var (
	box    = must(audit.NewBox([32]byte{1, 2, 3}, "0a1b2c3d"))
	signer = must(tree.NewSigner("example.org/Y99901/journal", &[32]byte{4, 5, 6}))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What must never be in a notice or a file of this package.
const (
	canaryNumber = "9990000042"
	canaryUser   = "Dr Canary Example"
	canaryReason = "unconscious-canary"
)

func request(purpose care.Purpose, permission care.Permission) *care.Request {
	return &care.Request{ID: "req-1", Interaction: care.ReadRecord, Purpose: purpose, Permission: permission, Reason: canaryReason,
		Requester: care.Requester{UserID: "555000111222", UserName: canaryUser, RoleCode: "R0260", Organisation: "E82001"},
		Subject:   care.Subject{NHSNumber: must(care.ParseNHSNumber(canaryNumber))}, Sections: care.AllSections}
}

// Events of a test's journal.
func ordinary() care.Event {
	return care.Event{Kind: care.ReleaseDecided, Request: request(care.Treatment, care.PermissionAsked), Detail: `says ,"alert":true`}
}

func breakGlass() care.Event {
	return care.Event{Kind: care.ReleaseDecided, Request: request(care.BreakGlass, care.PermissionNotAsked), Alert: true}
}

func seen(from, to uint64) care.Event {
	return care.Event{Kind: care.AlertSeen, From: from, To: to, Actor: "site:ann", Detail: "spoke to them"}
}

// journal is a test's journal.
type journal struct {
	*audit.Journal
	Files
}

// newJournal opens a journal of small segments and closes it with the test.
func newJournal(t testing.TB) *journal {
	t.Helper()
	dir := t.TempDir()
	j := &journal{Files: Files{Folder: filepath.Join(dir, "journal"), Archive: filepath.Join(dir, "archive"),
		State: filepath.Join(dir, FileName), Key: [32]byte{7, 8, 9}}}
	j.begin(t, 64<<10)
	return j
}

func (j *journal) begin(t testing.TB, segment int64) {
	t.Helper()
	opened, err := audit.Open(j.Folder, audit.Options{Box: box, Signer: signer, SegmentBytes: segment})
	if err != nil {
		t.Fatal(err)
	}
	j.Journal = opened
	t.Cleanup(func() { _ = opened.Close() })
}

// add appends events, waits for them and returns the last one's number.
func (j *journal) add(t testing.TB, events ...care.Event) uint64 {
	t.Helper()
	var last care.Entry
	for _, e := range events {
		last = j.Append(e)
	}
	if err := last.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	return last.Position().Sequence
}

// many returns n times an event.
func many(n int, e care.Event) []care.Event { return slices.Repeat([]care.Event{e}, n) }

// list returns the numbers of a site's alerts, with "-" after those that are
// not open.
func list(t testing.TB, f Files, all bool) (numbers []string) {
	t.Helper()
	for _, a := range must(List(t.Context(), f, all)) {
		text := strconv.FormatUint(a.Number, 10)
		if !a.Open() {
			text += "-"
		}
		numbers = append(numbers, text)
	}
	return numbers
}

func expect(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("the alerts are %v, want %v", got, want)
	}
}
