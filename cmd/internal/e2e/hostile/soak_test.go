//go:build e2e

package hostile

import (
	"flag"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// soak is how long TestSoak goes on. .ci/long lets it run for an hour.
var soak = flag.Duration("soak", 10*time.Second, "how long TestSoak goes on")

// soakRounds is how often the agent is killed in that time.
const soakRounds = 5

// TestSoak keeps an agent busy with releases while a witness looks, kills it
// now and then, and at the end holds the journal against everything that was
// answered: it holds together, and no decision on an answer that came whole is
// missing.
func TestSoak(t *testing.T) {
	s := newSite(t)
	w := s.witnessed(t)
	var answered []uint64
	for round := range soakRounds {
		agent := s.start(t)
		if round == 0 {
			s.fill(t)
		}
		answered = append(answered, s.soak(t, *soak/soakRounds)...)
		w.look(t, 0, "are countersigned")
		if round%2 == 0 {
			agent.kill()
		} else {
			agent.stop()
		}
		t.Logf("round %d of %d: %d answers", round+1, soakRounds, len(answered))
	}
	s.holdsDecisions(t, answered)
	s.holdsTogether(t)
}

// holdsDecisions wants the entries to be there and to be decisions to release.
func (s *site) holdsDecisions(t *testing.T, entries []uint64) {
	t.Helper()
	slices.Sort(entries)
	for line, err := range audit.Read(s.journalFolder(), 1, 0) {
		must(t, err)
		if len(entries) > 0 && line.Sequence == entries[0] && line.Kind == care.ReleaseDecided {
			entries = entries[1:]
		}
	}
	if len(entries) > 0 {
		t.Errorf("the journal holds no decision of entry %d, nor %d others", entries[0], len(entries)-1)
	}
}

// soak has eight callers ask for records for a time and returns the entries of
// the decisions, as the callers were told them.
func (s *site) soak(t *testing.T, length time.Duration) (answered []uint64) {
	t.Helper()
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	var mu sync.Mutex
	var callers sync.WaitGroup
	end := time.Now().Add(length)
	for range 8 {
		callers.Go(func() {
			for time.Now().Before(end) {
				record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)})
				if err != nil || !record.Whole {
					t.Errorf("a good request was not answered whole: %v", err)
					return
				}
				mu.Lock()
				answered = append(answered, record.Closing.GetDecision().GetSequence())
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	return answered
}
