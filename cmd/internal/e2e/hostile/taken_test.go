//go:build e2e

package hostile

import (
	"os"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// TestJournalTakenAway takes the journal's folder away, and puts another in its
// place, while the agent runs.
func TestJournalTakenAway(t *testing.T) {
	aside := func(s *site) string { return s.journalFolder() + ".aside" }
	for _, c := range []struct {
		name         string
		take, repair func(*testing.T, *site)
	}{
		{"renamed", func(t *testing.T, s *site) { must(t, os.Rename(s.journalFolder(), aside(s))) },
			func(t *testing.T, s *site) { must(t, os.Rename(aside(s), s.journalFolder())) }},
		{"replaced", func(t *testing.T, s *site) {
			must(t, os.Rename(s.journalFolder(), aside(s)))
			must(t, os.Mkdir(s.journalFolder(), 0o700))
		}, func(t *testing.T, s *site) {
			must(t, os.RemoveAll(s.journalFolder()))
			must(t, os.Rename(aside(s), s.journalFolder()))
		}},
		{"deleted", func(t *testing.T, s *site) { must(t, os.RemoveAll(s.journalFolder())) },
			func(t *testing.T, s *site) { must(t, os.Mkdir(s.journalFolder(), 0o700)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			agent := s.start(t)
			s.fill(t)
			client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
			wholeRecord(t, client, patient)
			c.take(t, s)
			record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
			unwritten(t, record, err, audit.ReasonMissing)
			c.repair(t, s)
			resumes(t, client, patient)
			agent.alive()
			if s.count(t, care.JournalRepaired) == 0 {
				t.Error("the journal does not tell of the repair")
			}
			agent.stop()
		})
	}
}
