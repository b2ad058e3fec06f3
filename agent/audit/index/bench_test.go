package index

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var (
	benchEntries = flag.Int("index.entries", 20_000, "entries of the benchmarks' journal; a tenth as many patients")
	benchFolder  = flag.String("index.folder", "", "where that journal is kept from one run to the next")
)

// busiest is the patient with about 200 entries, spread over the journal.
const busiest = 7

// access returns what the journal says of a request that was served.
func access(i, patient int) []care.Event {
	user := strconv.Itoa(i * 7919 % 5000)
	r := &care.Request{
		ID: "7d9b3f0e-4c1a-4f58-9a53-" + strconv.Itoa(100_000_000_000+i), TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Received: epoch, Interaction: care.ReadRecord, Broker: care.Broker{Name: "east", Certificate: "ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34"},
		Requester: care.Requester{UserID: "555" + user, UserName: "Ann Example", RoleCode: "R0260", RoleName: "General Medical Practitioner",
			RoleProfile: "777" + user, Organisation: care.ODSCode("Y" + strconv.Itoa(10_000+i%300)), OrganisationName: "Test Surgery"},
		Purpose: care.Treatment, Permission: care.PermissionAsked, Subject: care.Subject{NHSNumber: testNumber(patient)}, Sections: care.AllSections,
	}
	const hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	return []care.Event{
		{Kind: care.ReleaseDecided, Request: r, Released: care.AllSections, ConsentEpoch: 5, ConfigHash: hash},
		{Kind: care.ReleaseEnded, Request: r, ConfigHash: hash, Records: 40, Bytes: 50_000, Digest: hash,
			Outcomes: []care.Outcome{{Section: care.Allergies, Read: 5, Sent: 5}, {Section: care.Medications, Read: 40, Sent: 35}}},
	}
}

// benchIndex returns the index of a journal in segments as large as in life.
func benchIndex(b *testing.B) *Index {
	b.Helper()
	w := newWriter(b)
	if *benchFolder != "" {
		w.folder = *benchFolder
	}
	if _, err := os.Stat(w.path(1)); err == nil {
		return w.index()
	}
	if err := os.MkdirAll(w.folder, 0o700); err != nil {
		b.Fatal(err)
	}
	var events []care.Event
	for patient := range *benchEntries / 10 {
		events = append(events, access(patient, patient)...)
	}
	pool := bodies(b, testBox, events)
	for i := range *benchEntries {
		body := pool[i%len(pool)]
		if i%max(*benchEntries/190, 1) == 0 {
			body = pool[2*busiest]
		}
		if w.add(body); len(w.text) > 60<<20 {
			w.rotate()
		}
	}
	w.save()
	return w.index()
}

// BenchmarkUpdate builds the whole index.
func BenchmarkUpdate(b *testing.B) {
	x := benchIndex(b)
	for b.Loop() {
		if err := os.RemoveAll(x.folder); err != nil {
			b.Fatal(err)
		}
		mustUpdate(b, x)
	}
	files, err := filepath.Glob(filepath.Join(x.folder, "*"))
	if err != nil {
		b.Fatal(err)
	}
	size := int64(0)
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	b.ReportMetric(float64(size)/float64(*benchEntries), "B/entry")
}

// BenchmarkSearch looks for patients, and for what is in many blocks.
func BenchmarkSearch(b *testing.B) {
	x := benchIndex(b)
	mustUpdate(b, x)
	for _, q := range []struct {
		name string
		Query
	}{
		{"patient", Query{Patient: testNumber(99)}},
		{"busiest", Query{Patient: testNumber(busiest)}},
		{"user", Query{User: "5557919"}},
		{"newest", Query{Organisation: "Y10007", Newest: true, Limit: 20}},
	} {
		b.Run(q.name, func(b *testing.B) {
			found := 0
			for b.Loop() {
				numbers, _ := mustSearch(b, x, q.Query)
				found = len(numbers)
			}
			b.ReportMetric(float64(found), "entries")
		})
	}
}
