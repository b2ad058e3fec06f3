//go:build e2e

package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// failure is something that befalls the segment in use while the agent runs.
// A fresh segment can be made, so the agent goes on by itself a moment later.
type failure struct {
	name   string
	happen func(t *testing.T, agent *running, segment string)
	reason string
}

// tampered lets a system call on the segment fail.
func tampered(what string) func(*testing.T, *running, string) {
	return func(t *testing.T, agent *running, segment string) { agent.inject(t, segment, what) }
}

var failures = []failure{
	{"removed", func(t *testing.T, _ *running, segment string) { must(t, os.Remove(segment)) }, audit.ReasonMissing},
	{"renamed", func(t *testing.T, _ *running, segment string) { must(t, os.Rename(segment, segment+".aside")) }, audit.ReasonMissing},
	{"replaced by a copy", func(t *testing.T, _ *running, segment string) {
		copyFile(t, segment, segment+".copy")
		must(t, os.Rename(segment+".copy", segment))
	}, audit.ReasonMissing},
	{"cut", func(t *testing.T, _ *running, segment string) { must(t, os.Truncate(segment, 1<<20)) }, audit.ReasonMissing},
	{"immutable", func(t *testing.T, _ *running, segment string) {
		chattr(t, "+i", segment)
		t.Cleanup(func() { chattr(t, "-i", segment) })
	}, audit.ReasonPermissions},
	{"write fails", tampered("pwrite64:error=EIO"), audit.ReasonIOError},
	{"no space", tampered("pwrite64:error=ENOSPC"), audit.ReasonNoSpace},
	{"past a quota", tampered("pwrite64:error=EDQUOT"), audit.ReasonNoSpace},
	{"read-only volume", tampered("pwrite64:error=EROFS"), audit.ReasonReadOnly},
	{"sync fails", tampered("fdatasync:error=EIO"), audit.ReasonIOError},
	{"sync finds no space", tampered("fdatasync:error=ENOSPC"), audit.ReasonNoSpace},
}

func chattr(t *testing.T, flag, path string) {
	t.Helper()
	if out, err := exec.Command("chattr", flag, path).CombinedOutput(); err != nil {
		t.Fatalf("chattr: %v: %s", err, out)
	}
}

// TestSegmentFails lets each failure befall the segment in use. The very next
// release is refused, with the right reason; the agent goes on in a fresh
// segment; the journal tells of the episode and of what was refused in it.
func TestSegmentFails(t *testing.T) {
	disk := smallDisk(t, 1200)
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			s := siteWith(t, filepath.Join(disk, strings.ReplaceAll(f.name, " ", "-")), memorySource)
			agent := s.start(t)
			s.fill(t)
			client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
			wholeRecord(t, client, patient)
			f.happen(t, agent, s.segments(t)[0])
			record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
			unwritten(t, record, err, f.reason)
			resumes(t, client, patient)
			agent.alive()
			s.tellsOfFailure(t, f.reason)
			agent.stop()
		})
	}
}

// tellsOfFailure wants the journal to tell why it could not be written, and to
// hold what was refused meanwhile.
func (s *site) tellsOfFailure(t *testing.T, reason string) {
	t.Helper()
	_, newest := s.newest(t)
	lines := s.journal(t, sequenceOf(t, newest[0]))
	if !slices.ContainsFunc(lines, func(l audit.Line) bool { return l.Kind == care.JournalRepaired && l.TrueReason == reason }) {
		t.Errorf("the journal does not tell of the repair")
	}
	if !slices.ContainsFunc(lines, func(l audit.Line) bool {
		return l.Kind == care.ReleaseEnded && l.Refusal == care.AuditUnavailable.String() && !l.Occurred.IsZero()
	}) {
		t.Error("the journal does not tell of the release that was refused meanwhile")
	}
}

// TestDiskFails lets every write, and then every sync, of the whole agent fail
// for as long as people need to look at it. Releases stay refused, the site's
// commands work, no segments pile up, and it resumes by itself.
func TestDiskFails(t *testing.T) {
	for _, what := range []string{"pwrite64:error=EIO", "fdatasync:error=EIO"} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t)
			agent := s.start(t)
			s.fill(t)
			client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
			wholeRecord(t, client, patient)
			detach := agent.inject(t, "", what)
			for range 5 {
				record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
				unwritten(t, record, err, audit.ReasonIOError)
			}
			s.worksLocally(t)
			agent.alive()
			detach()
			resumes(t, client, patient)
			if n := len(s.segments(t)); n > 5 { // one more for a few of the tries, however slow the machine
				t.Errorf("there are %d segments", n)
			}
			s.tellsOfFailure(t, audit.ReasonIOError)
			agent.stop()
			s.holdsTogether(t)
		})
	}
}

// TestVolumeTurnsReadOnly has the file system stop taking writes, as Linux does
// after an error of the disk. That does not go by itself: the agent refuses, and
// goes on after the volume was mounted anew and it was started again.
func TestVolumeTurnsReadOnly(t *testing.T) {
	disk := smallDisk(t, 160)
	s := siteWith(t, disk, memorySource)
	agent := s.start(t)
	s.fill(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	wholeRecord(t, client, patient)
	if out, err := exec.Command("mount", "-o", "remount,abort", disk).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	for range 3 {
		record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
		unwritten(t, record, err, audit.ReasonReadOnly)
	}
	s.worksLocally(t)
	agent.end(exitFailed)
}
