//go:build e2e

package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// smallDisk mounts an ext4 file system of so many MiB. It needs root, and the
// test fails without: a full disk that was never full proves nothing.
func smallDisk(t *testing.T, mebibytes int64) string {
	t.Helper()
	image, at := filepath.Join(shortDir(t), "disk"), shortDir(t)
	file, err := os.Create(image)
	must(t, err)
	must(t, file.Truncate(mebibytes<<20))
	must(t, file.Close())
	for _, words := range [][]string{{"mkfs.ext4", "-q", "-F", "-m", "0", image}, {"mount", "-o", "loop", image, at}} {
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s (a disk that is full needs root, mkfs.ext4 of the package e2fsprogs, and a free loop device; this test may not be skipped)", words[0], err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return at
}

// occupy writes a file that leaves no room on its disk.
func occupy(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := file.Write(block); err != nil {
			block = block[:len(block)/2] // smaller and smaller, until not a byte fits
		}
	}
}

// nearlyFull makes a journal of so many segments, the newest of which has room
// for a few dozen entries before its reserve of a sixteenth begins.
func nearlyFull(t *testing.T, s *site, segments int) {
	t.Helper()
	const upTo = 60<<20 - 60<<10 // of 64 MiB
	const waiting = 64           // the most entries that are not on disk
	must(t, os.MkdirAll(s.state, 0o700))
	keys := s.keys(t)
	journal, err := audit.Open(s.journalFolder(), audit.Options{Box: keys.Box, Signer: keys.Signer})
	must(t, err)
	long := strings.Repeat("x", 1000)
	line := 0
	for written := 0; written < upTo; written += line {
		entry := journal.Append(care.Event{Kind: care.AgentStarted, Actor: "test", Detail: long, Query: long})
		if line == 0 || entry.Position().Sequence%waiting == 0 {
			must(t, entry.Wait(t.Context()))
		}
		if journal.Status().Segments < segments {
			written = waiting * line // what waits goes into the next segment
		}
		if line == 0 {
			s.eachLine(t, func(_ string, _ int64, text []byte) { line = len(text) + len("12345\n12345") })
		}
	}
	must(t, journal.Close())
}

// TestFullDisk fills the disk of the journal while the agent runs. From the
// first entry that does not fit on, nothing leaves; people at the site can
// still work; when there is room again the agent resumes by itself and the
// journal tells of it.
func TestFullDisk(t *testing.T) {
	s := siteWith(t, smallDisk(t, 160), memorySource)
	nearlyFull(t, s, 1)
	agent := s.start(t)
	s.fill(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	filler := filepath.Join(filepath.Dir(s.state), "filler")
	occupy(t, filler)
	if n := untilRefused(t, client, patient, audit.ReasonNoSpace); n == 0 {
		t.Error("the disk was full from the start, so it was not seen to fill")
	}
	const refusals = 50
	for range refusals {
		refusedUnwritten(t, client, patient, audit.ReasonNoSpace)
	}
	s.worksLocally(t)
	agent.alive()

	must(t, os.Remove(filler))
	resumes(t, client, patient)
	s.tellsOfShortage(t, audit.ReasonNoSpace, refusals)
	agent.stop()
}

// TestStartsOnFullDisk starts the agent when its disk is full already: it runs,
// so that it can say why nothing is released, and resumes when there is room.
func TestStartsOnFullDisk(t *testing.T) {
	s := siteWith(t, smallDisk(t, 160), memorySource)
	nearlyFull(t, s, 1)
	agent := s.start(t)
	s.fill(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	filler := filepath.Join(filepath.Dir(s.state), "filler")
	occupy(t, filler)
	untilRefused(t, client, patient, audit.ReasonNoSpace)
	agent.stop() // there is room to write that down
	if s.count(t, care.AgentStopped) != 1 {
		t.Error("the journal does not tell that the agent was stopped")
	}

	s.filled = false // there is no room for the region's flags again; it says that they still hold
	agent = s.start(t)
	office := s.as(t, officeURI)
	state, err := office.ConsentState(within(t))
	must(t, err)
	_, err = office.Renew(within(t), edge.Push{AsOf: time.Now()}, feed.Digest(edge.RegionSet(state).GetDigest()))
	must(t, err)
	// There may be room for the entry of one request that is the last to fit.
	eventually(t, "a request is refused because it cannot be written down", func() bool {
		_, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
		refusal, _ := edge.RefusalOf(err)
		return refusal.GetCode() == care.AuditUnavailable.String()
	})
	refusedUnwritten(t, client, patient, audit.ReasonNoSpace)
	must(t, os.Remove(filler))
	s.fill(t)
	resumes(t, client, patient)
	s.holdsTogether(t)
	agent.stop()
}

// untilRefused asks until it is refused and returns how often it was answered.
func untilRefused(t *testing.T, client *edge.Client, patient memory.Member, reason string) (answered int) {
	t.Helper()
	for range 10_000 {
		record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
		if err != nil {
			unwritten(t, record, err, reason)
			return answered
		}
		answered++
	}
	t.Fatal("nothing is refused")
	return answered
}

// TestQuota fills the journal up to journal.max_size. From then on nothing
// leaves, and the status says why and what to do; that done, with no restart,
// the agent resumes by itself and the journal tells of it.
func TestQuota(t *testing.T) {
	archive := filepath.Join(shortDir(t), "archive")
	s := siteWith(t, shortDir(t), memorySource+"journal: {max_size: 256MiB, archive_folder: '"+archive+"'}\n")
	nearlyFull(t, s, 4)
	agent := s.start(t)
	s.fill(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	if n := untilRefused(t, client, patient, audit.ReasonQuota); n == 0 {
		t.Error("the journal was full from the start, so it was not seen to fill")
	}
	const refusals = 5
	for range refusals {
		refusedUnwritten(t, client, patient, audit.ReasonQuota)
	}
	s.worksLocally(t)
	reply, err := s.as(t, officeURI).Status(within(t))
	must(t, err)
	if said := strings.Join(reply.GetAttention(), " "); !strings.Contains(said, "QUOTA") || !strings.Contains(said, "mcr-agent audit archive") {
		t.Errorf("the status says %q", said)
	}

	if out, code := s.command(t, "audit", "archive", "--older-than", "0s"); code != 0 || !strings.Contains(out, "3 segments") {
		t.Fatalf("audit archive ends with code %d: %s", code, out)
	}
	resumes(t, client, patient)
	s.tellsOfShortage(t, audit.ReasonQuota, refusals)
	if s.count(t, care.JournalArchived) != 1 || s.count(t, care.AgentRecovered) != 0 {
		t.Error("the journal does not tell of the archiving alone")
	}
	agent.stop()
}

// refusedUnwritten asks once, while only the reserve can be written, and wants
// nothing of a record.
func refusedUnwritten(t *testing.T, client *edge.Client, patient memory.Member, reason string) {
	t.Helper()
	record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
	unwritten(t, record, err, reason)
	_, err = client.Locate(within(t), &edgev1.LocatePatientRequest{Context: asking(patient)})
	wantRefusal(t, err, care.AuditUnavailable, reason)
	// What is refused for another cause is written down and told as ever.
	_, err = client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(memory.Member{})})
	wantRefusal(t, err, care.InvalidNHSNumber, "")
}

// unwritten wants a request to have been refused because the journal cannot be
// written, with nothing of a record before.
func unwritten(t *testing.T, record *edge.Record, err error, reason string) {
	t.Helper()
	wantRefusal(t, err, care.AuditUnavailable, reason)
	if status.Code(err) != codes.Unavailable || record.Opening != nil || record.Bytes > 0 {
		t.Errorf("%v, and %d bytes of a record came", err, record.Bytes)
	}
}

// worksLocally does what people at the site and the office do while nothing can
// be journalled.
func (s *site) worksLocally(t *testing.T) {
	t.Helper()
	office := s.as(t, officeURI)
	reply, err := office.Status(within(t))
	must(t, err)
	if reply.GetReleasing() || !slices.ContainsFunc(reply.GetAttention(), func(a string) bool { return strings.Contains(a, "the journal cannot be written") }) {
		t.Errorf("the status says: releasing %v, %q", reply.GetReleasing(), reply.GetAttention())
	}
	eventually(t, "the health check says that the agent does not serve", func() bool {
		health, err := grpc_health_v1.NewHealthClient(office.Conn()).Check(within(t), &grpc_health_v1.HealthCheckRequest{})
		return err == nil && health.GetStatus() == grpc_health_v1.HealthCheckResponse_NOT_SERVING
	})
	out, code := s.command(t, "consent", "show", "--nhs-number", member(t, memory.CastToDissent).NHSNumber.Reveal())
	if code != 0 || !strings.Contains(out, "DISSENT") {
		t.Errorf("consent show ends with code %d: %s", code, out)
	}
	if out, code := s.command(t, "audit", "tail"); code != 0 || !strings.Contains(out, "RELEASE_ENDED") {
		t.Errorf("audit tail ends with code %d: %s", code, out)
	}
	if out, code := s.command(t, "check"); code != 0 {
		t.Errorf("check ends with code %d: %s", code, out)
	}
}

// resumes waits until a good request is answered again.
func resumes(t *testing.T, client *edge.Client, patient memory.Member) {
	t.Helper()
	eventually(t, "the agent releases again", func() bool {
		record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
		if err != nil {
			wantKind(t, err, care.AuditUnavailable)
		}
		return err == nil && record.Whole
	})
}

func wantKind(t *testing.T, err error, kind care.Kind) {
	t.Helper()
	if refusal, _ := edge.RefusalOf(err); refusal.GetCode() != kind.String() {
		t.Errorf("refused with %v, want %v", err, kind)
	}
}

// tellsOfShortage wants the journal to tell why nothing could be released, to
// hold the refusals of that time where they belong, and to hold together. No
// number is missing: all of it was written into the reserve.
func (s *site) tellsOfShortage(t *testing.T, reason string, refusals int) {
	t.Helper()
	lines := s.journal(t, 1)
	repaired := slices.IndexFunc(lines, func(l audit.Line) bool { return l.Kind == care.JournalRepaired && l.TrueReason == reason })
	if repaired < 0 || lines[repaired].MissingFrom != 0 {
		t.Fatalf("the journal tells of the repair with its entry number %d, or numbers are missing", repaired+1)
	}
	refused, invalid, shown := 0, 0, 0
	for _, l := range lines[:repaired] {
		switch {
		case l.TrueReason == reason && l.Refusal == care.AuditUnavailable.String():
			refused++
		case l.Refusal == care.InvalidNHSNumber.String():
			invalid++
		case l.Kind == care.ConsentShown:
			shown++
		}
		if !l.Occurred.IsZero() {
			t.Errorf("entry %d was written late, although there was room for it", l.Sequence)
		}
	}
	if refused < 2*refusals || invalid != refusals || shown != 1 {
		t.Errorf("before the repair the journal tells of %d releases that were refused, %d bad requests and %d looks at a patient's flags, want %d, %d and 1",
			refused, invalid, shown, 2*refusals, refusals)
	}
	s.holdsTogether(t)
}

// TestOptOutOnFullDisk records a dissent when there is no room for its entry
// in the journal, and none to grow the consent store. It must count all the
// same, or the agent must stop releasing: it may not be lost silently.
func TestOptOutOnFullDisk(t *testing.T) {
	s := siteWith(t, smallDisk(t, 160), memorySource)
	nearlyFull(t, s, 1)
	agent := s.start(t)
	s.fill(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	filler := filepath.Join(filepath.Dir(s.state), "filler")
	occupy(t, filler)
	untilRefused(t, client, patient, audit.ReasonNoSpace)
	out, code := s.command(t, "consent", "set", "dissent", "--nhs-number", patient.NHSNumber.Reveal())
	must(t, os.Remove(filler))
	if code == 0 { // the store had room in its file, and the journal in its reserve
		_, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
		wantKind(t, err, care.NoPatientConsent)
		if n := s.count(t, care.ConsentChanged); n != 2 {
			t.Errorf("the journal tells of %d changes of consent, want the region's and the site's", n)
		}
		agent.stop()
		return
	}
	// What this process sees of the store may not be relied on any more.
	if agent.wait() != exitFailed || !strings.Contains(agent.text(), "POISONED") {
		t.Errorf("consent set ends with code %d: %s; and the agent goes on", code, out)
	}
}
