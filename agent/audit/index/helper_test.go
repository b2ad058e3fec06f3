package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

var (
	testKey  = [32]byte{7, 8, 9}
	testBox  = newTestBox([32]byte{1, 2, 3}, "0a1b2c3d")
	otherBox = newTestBox([32]byte{3, 2, 1}, "d3c2b1a0")
	epoch    = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
)

func newTestBox(key [32]byte, id string) *audit.Box {
	b, err := audit.NewBox(key, id)
	if err != nil {
		panic(err)
	}
	return b
}

// testNumber returns the n-th valid NHS number of the test range.
func testNumber(n int) care.NHSNumber {
	for digit := range 10 {
		if number, err := care.ParseNHSNumber(fmt.Sprintf("999%06d%d", n, digit)); err == nil {
			return number
		}
	}
	return testNumber(n + 500_000) // a tenth of all prefixes has no check digit
}

// pick returns the n-th of the values, over and over.
func pick[T any](n int, values ...T) T { return values[n%len(values)] }

// sample returns an event of patient n that differs from others in all that can
// be searched by.
func sample(n, patient int) care.Event {
	r := &care.Request{
		ID:          "request-" + strconv.Itoa(n),
		Interaction: care.ReadRecord,
		Broker:      care.Broker{Name: pick(n/7, "east", "West")},
		Requester: care.Requester{UserID: pick(n/4, "555000111222", "555000111333", "j.smith"), UserName: "Ann Example",
			RoleCode: pick(n/3, "R0260", "R8000"), RoleProfile: pick(n, "", "555111222333"), Organisation: care.ODSCode(pick(n/2, "Y99901", "Y99902", "Y99903"))},
		Purpose: care.Treatment, Permission: care.PermissionAsked,
		Subject:  care.Subject{NHSNumber: testNumber(patient)},
		Sections: pick(n/5, care.SetOf(care.Allergies), care.SetOf(care.Allergies, care.Medications), care.AllSections, 0),
	}
	e := care.Event{Kind: care.ReleaseDecided, Request: r}
	switch n % 6 {
	case 1:
		e.Kind, e.Records = care.ReleaseEnded, 3
	case 2:
		e.Kind, e.Refusal, e.TrueReason = care.ReleaseRefused, care.PatientNotFound, "RESTRICTED"
	case 3:
		return care.Event{Kind: care.ConsentChanged, Actor: pick(n/6, "reception", "Admin"), Directive: &care.Directive{NHSNumber: testNumber(patient)}}
	case 4:
		return care.Event{Kind: care.AgentStarted}
	case 5:
		e.Kind, e.Refusal = care.ReleaseEnded, care.Cancelled
	}
	return e
}

// bodies returns what the journal writes for events, from "kind" on. The
// journal itself made them, so that patients are sealed as they are in life.
func bodies(t testing.TB, box *audit.Box, events []care.Event) [][]byte {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "journal")
	signer, err := tree.NewSigner("example.org/Y99901/journal", &[32]byte{4, 5, 6})
	if err != nil {
		t.Fatal(err)
	}
	j, err := audit.Open(folder, audit.Options{Box: box, Signer: signer})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		entry := j.AppendLazily(e)
		if i%1000 == 999 || i == len(events)-1 {
			if err := entry.Wait(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for l, err := range audit.Scan(folder, 1, uint64(len(events))) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(l.Raw[bytes.Index(l.Raw, []byte(`"kind":`)):len(l.Raw)-1]))
	}
	return out
}

const samplePatients = 8

// sampleBodies are bodies of 240 entries, of which every tenth was sealed under
// another key.
var sampleBodies = sync.OnceValue(func() (out [][]byte) {
	t := &quiet{}
	defer t.clean()
	var mine, others []care.Event
	for n := range 240 {
		mine, others = append(mine, sample(n, n/6%samplePatients)), append(others, sample(n, n/6%samplePatients))
	}
	out = bodies(t, testBox, mine)
	for i, b := range bodies(t, otherBox, others) {
		if i%10 == 0 {
			out[i] = b
		}
	}
	return out
})

// quiet lets helpers of tests be used outside a test.
type quiet struct {
	testing.TB
	folders []string
}

func (*quiet) Helper()             {}
func (*quiet) Fatal(values ...any) { panic(fmt.Sprint(values...)) }

func (q *quiet) TempDir() string {
	folder, err := os.MkdirTemp("", "mcr-index")
	if err != nil {
		panic(err)
	}
	q.folders = append(q.folders, folder)
	return folder
}

func (q *quiet) clean() {
	for _, f := range q.folders {
		_ = os.RemoveAll(f)
	}
}

// writer makes journals line by line, also such as only a failure leaves.
type writer struct {
	t      testing.TB
	folder string
	next   uint64
	prev   [32]byte
	clock  time.Time
	first  uint64 // of the open segment
	text   []byte // of it
}

func newWriter(t testing.TB) *writer {
	return &writer{t: t, folder: t.TempDir(), next: 1, clock: epoch, first: 1}
}

// add writes the next entry.
func (w *writer) add(body []byte) {
	w.clock = w.clock.Add(time.Second)
	line := fmt.Appendf(nil, `{"v":1,"seq":%d,"batch":%d,"prev":"%s","time":"%s",%s}`,
		w.next, w.next, hex.EncodeToString(w.prev[:]), w.clock.Format("2006-01-02T15:04:05.000000Z"), body)
	w.text = append(append(w.text, line...), '\n')
	w.prev = sha256.Sum256(append([]byte{0}, line...))
	w.next++
}

// save writes the open segment to the folder, with unused room after it.
func (w *writer) save() {
	w.t.Helper()
	text := append(slices.Clone(w.text), make([]byte, 256)...)
	if err := os.WriteFile(w.path(w.first), text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) path(first uint64) string { return filepath.Join(w.folder, segmentFile(first)) }

// rotate begins the next segment.
func (w *writer) rotate() {
	w.save()
	w.first, w.text = w.next, nil
}

func (w *writer) index() *Index { return New(Options{Folder: w.folder, Key: testKey, Box: testBox}) }

// mustUpdate updates an index.
func mustUpdate(t testing.TB, x *Index) Status {
	t.Helper()
	status, err := x.Update(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// search returns the numbers of the entries that fit, and the gaps.
func mustSearch(t testing.TB, x *Index, q Query) ([]uint64, []Gap) {
	t.Helper()
	lines, gaps := x.Search(t.Context(), q)
	var out []uint64
	for l, err := range lines {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, l.Sequence)
	}
	return out, gaps()
}
