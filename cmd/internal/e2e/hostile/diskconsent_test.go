//go:build e2e

package hostile

import (
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

// TestConsentOnFullDisk fills the disk. One opt-out still finds room, which the
// consent store has taken before; a thousand do not. They are refused with a code
// that says why, none of them is recorded, and people at the site can still look;
// the agent lives, and takes them once there is room.
func TestConsentOnFullDisk(t *testing.T) {
	s := siteWith(t, smallDisk(t, 200), memorySource)
	nearlyFull(t, s, 1)
	agent := s.start(t)
	s.fill(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	filler := filepath.Join(filepath.Dir(s.state), "filler")
	occupy(t, filler)
	untilRefused(t, client, patient, audit.ReasonNoSpace)

	numbers := testNumbers(1001)
	one, many := numbers[0], numbers[1:]
	if out, code := s.command(t, "consent", "set", "dissent", "--nhs-number", one); code != 0 {
		t.Errorf("one opt-out ends with code %d: %s", code, out)
	}
	var file strings.Builder
	file.WriteString("nhs_number,directive,effective,by\n")
	for _, n := range many {
		file.WriteString(n + ",DISSENT,2026-01-01," + strings.Repeat("x", 64) + "\n")
	}
	s.write(t, "optouts.csv", file.String())
	refused := func(out string, code int) {
		t.Helper()
		if code == 0 || !strings.Contains(out, "(NO_SPACE)") {
			t.Errorf("a thousand opt-outs end with code %d: %s", code, out)
		}
	}
	refused(s.command(t, "consent", "import", filepath.Join(s.dir, "optouts.csv"))) // a file waits for the journal, too
	err := dissents(within(t), s.desk(t), many...)
	wantRefusal(t, err, care.ConsentUnavailable, vault.ReasonNoSpace)
	refusedUnwritten(t, client, patient, audit.ReasonNoSpace)
	s.worksLocally(t)
	for _, words := range [][]string{{"consent", "stats"}, {"consent", "verify"}, {"consent", "show", "--nhs-number", one}} {
		if out, code := s.command(t, words...); code != 0 {
			t.Errorf("%v ends with code %d: %s", words, code, out)
		}
	}
	agent.alive()

	must(t, os.Remove(filler))
	resumes(t, client, patient)
	if k := told(t, client, one); k != care.NoPatientConsent {
		t.Errorf("an opt-out that was acknowledged is answered with %s", k)
	}
	for n := range some(many) {
		if k := told(t, client, n); k != care.PatientNotFound {
			t.Fatalf("an opt-out that was refused is answered with %s", k)
		}
	}
	if out, code := s.command(t, "consent", "import", filepath.Join(s.dir, "optouts.csv")); code != 0 {
		t.Errorf("with room again a thousand opt-outs end with code %d: %s", code, out)
	}
	for n := range some(numbers) {
		if k := told(t, client, n); k != care.NoPatientConsent {
			t.Fatalf("an opt-out that was taken is answered with %s", k)
		}
	}
	agent.alive()
	agent.stop()
	s.holdsTogether(t)
}

// some yields one in a hundred, the first and the last among them: each that is
// asked for waits for the disk.
func some(list []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, n := range list {
			if (i%100 == 0 || i == len(list)-1) && !yield(n) {
				return
			}
		}
	}
}
