//go:build e2e

package hostile

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// TestBadRequests makes each bad request once and wants one clear refusal, the
// same code in the journal, and an agent that answers the next good request.
func TestBadRequests(t *testing.T) {
	s := newSite(t)
	agent := s.start(t)
	s.fill(t)
	c := s.callers(t)
	secrets := practiceSecrets(wholeRecord(t, c.records, c.patient))
	wanted, notFound := map[turnedAway]int{}, map[string]bool{}
	for i, bad := range badRequests(t) {
		if bad.entry == care.AccessRefused {
			wanted[turnedAway{bad.kind.String(), bad.reason}]++
		}
		t.Run(bad.name, func(t *testing.T) {
			before, id := s.last(t), fmt.Sprintf("bad-%d", i)
			err := bad.call(within(t), c, id)
			checkRefusal(t, bad, err)
			if bad.kind == care.PatientNotFound {
				notFound[status.Convert(err).Message()] = true
			}
			secrets.absent(t, "the refusal", fmt.Sprint(err, status.Convert(err).Details()))
			if bad.entry != care.AccessRefused { // those are counted below
				entry := s.journalled(t, bad, before+1, id)
				if refusal, _ := edge.RefusalOf(err); refusal.GetRequestId() != id || refusal.GetJournalSequence() == 0 || refusal.GetJournalSequence() > entry.Sequence {
					t.Errorf("the refusal says that it is entry %d of request %q, the journal says entry %d of %q",
						refusal.GetJournalSequence(), refusal.GetRequestId(), entry.Sequence, id)
				}
			}
			wholeRecord(t, c.records, c.patient)
		})
	}
	if len(notFound) != 1 {
		t.Errorf("a patient who must not be found is told apart from one who is not there: %d texts", len(notFound))
	}
	s.countTurnedAway(t, wanted)
	agent.alive()
	agent.stop()
	secrets.absent(t, "the log", agent.text())
	secrets.absentFromJournal(t, s)
}

// turnedAway is a way of being turned away, as the journal tells it.
type turnedAway struct{ refusal, reason string }

// countTurnedAway wants the journal to tell of all who were turned away. The
// first of a kind has an entry of its own; those who follow share one that
// tells how many they were.
func (s *site) countTurnedAway(t *testing.T, wanted map[turnedAway]int) {
	t.Helper()
	missing := map[turnedAway]int{}
	eventually(t, "the journal tells of all who were turned away", func() bool {
		clear(missing)
		maps.Copy(missing, wanted)
		for _, l := range s.journal(t, 1) {
			if l.Kind == care.AccessRefused {
				missing[turnedAway{l.Refusal, l.TrueReason}] -= int(l.Count)
			}
		}
		maps.DeleteFunc(missing, func(_ turnedAway, n int) bool { return n <= 0 })
		return len(missing) == 0
	})
}

// callers returns the clients of the site's brokers.
func (s *site) callers(t testing.TB) callers {
	c := callers{records: s.as(t, recordsURI), office: s.as(t, officeURI), patient: member(t, memory.CastEmergency)}
	for _, section := range wholeRecord(t, c.records, member(t, memory.CastEndOfLife)).Sections {
		if section.Section == care.Documents && len(section.Records) > 0 {
			c.document = section.Records[0].GetId()
		}
	}
	if c.document == "" {
		t.Fatal("the other patient has no document")
	}
	return c
}

// checkRefusal compares what the caller saw.
func checkRefusal(t *testing.T, bad badRequest, err error) {
	t.Helper()
	refusal, ok := edge.RefusalOf(err)
	if !ok {
		t.Errorf("%v: not a refusal of the agent's", err)
	}
	if got := status.Code(err); got != bad.code || refusal.GetCode() != bad.kind.String() || refusal.GetReason() != bad.reason {
		t.Errorf("refused with %v %s (%s), want %v %s (%s)", got, refusal.GetCode(), refusal.GetReason(), bad.code, bad.kind, bad.reason)
	}
	if details := status.Convert(err).Details(); len(details) != 1 || refusal.GetDetail() == "" {
		t.Errorf("%d details, text %q: want one refusal that says what to do", len(details), refusal.GetDetail())
	}
}

// journalled returns the journal entry of a refusal, and fails the test when
// there is none.
func (s *site) journalled(t *testing.T, bad badRequest, from uint64, id string) (found audit.Line) {
	t.Helper()
	truth := bad.reason
	if bad.truth != "" {
		truth = bad.truth
	}
	eventually(t, fmt.Sprintf("a %s of %q with %v (%s) from entry %d", bad.entry, id, bad.kind, truth, from), func() bool {
		for _, l := range s.journal(t, from) {
			if l.Kind == bad.entry && l.RequestID == id && l.Refusal == bad.kind.String() && l.TrueReason == truth {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

// repetitions is how often each thing that is refused is done to see whether
// the agent grows.
const repetitions = 2000

// mayGrow is how many resident bytes the agent may grow in all that time: 150
// bytes that leaked each time would be more.
const mayGrow = 16 << 20

// mayTurnAway is how many entries may tell of all who were turned away: who
// knocks must not be able to fill the disk.
const mayTurnAway = 500

// TestNothingGrows does all that is refused again and again and wants the agent
// to take no more memory, files, threads or goroutines than before.
func TestNothingGrows(t *testing.T) {
	s := newSite(t)
	quiet := s.start(t)
	s.fill(t)
	s.repeatAll(t, quiet, 20)
	idle := quiet.goroutines()

	agent := s.start(t)
	s.repeatAll(t, agent, 200)
	before := agent.usage()
	s.repeatAll(t, agent, repetitions)
	wholeRecord(t, s.as(t, recordsURI), member(t, memory.CastEmergency))
	after := agent.usage()
	t.Logf("resident %d -> %d KiB, files %d -> %d, threads %d -> %d", before.resident>>10, after.resident>>10,
		before.files, after.files, before.threads, after.threads)
	if grown := after.resident - before.resident; grown > mayGrow {
		t.Errorf("the agent grew by %d KiB", grown>>10)
	}
	if after.threads > before.threads+8 {
		t.Errorf("the agent has %d threads, before it had %d", after.threads, before.threads)
	}
	if n := s.count(t, care.AccessRefused); n > mayTurnAway {
		t.Errorf("%d entries tell of those who were turned away", n)
	}
	if n := agent.goroutines(); n > idle+10 {
		t.Errorf("the agent has %d goroutines; one that was asked little has %d", n, idle)
	}
}

// count returns how many entries of a kind the journal has.
func (s *site) count(t *testing.T, kind care.EventKind) (n int) {
	t.Helper()
	for _, l := range s.journal(t, 1) {
		if l.Kind == kind {
			n++
		}
	}
	return n
}

// repeatAll does everything that is refused so many times, a few at once.
func (s *site) repeatAll(t *testing.T, agent *running, times int) {
	t.Helper()
	c := s.callers(t)
	before := agent.usage().files
	for i, bad := range badRequests(t) {
		repeat(t, bad.name, times, 16, func(ctx context.Context) error {
			err := bad.call(ctx, c, fmt.Sprint("again-", i))
			if refusal, ok := edge.RefusalOf(err); !ok || refusal.GetCode() != bad.kind.String() {
				return fmt.Errorf("answered with %w", err)
			}
			return nil
		})
		agent.alive()
	}
	for _, bad := range s.badCallers(t) {
		repeat(t, bad.name, times, 8, func(ctx context.Context) error { return bad.refused(ctx, s.address) })
		agent.alive()
	}
	must(t, c.records.Close())
	must(t, c.office.Close())
	eventually(t, "the connections are closed", func() bool { return agent.usage().files < before })
}

// repeat does something many times from several goroutines.
func repeat(t *testing.T, name string, times, workers int, do func(context.Context) error) {
	t.Helper()
	began := time.Now()
	var left atomic.Int64
	left.Store(int64(times))
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				ctx, stop := context.WithTimeout(context.Background(), time.Minute)
				if err := do(ctx); err != nil && left.Swap(0) > 0 {
					t.Errorf("%s: %v", name, err)
				}
				stop()
			}
		})
	}
	all.Wait()
	if testing.Verbose() {
		t.Logf("%-45s %d times in %v", name, times, time.Since(began).Round(time.Millisecond))
	}
}

// secrets are texts that must not be where they are looked for.
type secrets map[string]string // text to what it is

// practiceSecrets returns what must be in no log and no refusal: who the
// patients are, what the requests hold, and what stands in a record.
func practiceSecrets(record *edge.Record) secrets {
	all := secrets{"anary": "a text of a request", "quser": "a user", "/etc/passwd": "a text of a request"}
	for _, m := range memory.Synthetic(1, 300, time.Now()).Cast() {
		all[m.NHSNumber.Reveal()] = "an NHS number"
		if len(m.Family) > 4 { // a short one is in other words as well
			all[m.Family] = "a family name"
		}
	}
	for _, section := range record.Sections {
		for _, r := range section.Records {
			for _, text := range displays(r) {
				all[text] = "a text of a record"
			}
		}
	}
	return all
}

// displays returns the displayed texts of a resource, the longer ones.
func displays(r *edgev1.Record) (texts []string) {
	parts := strings.Split(string(r.GetResource()), `"display":"`)
	for _, part := range parts[1:] {
		if text, _, _ := strings.Cut(part, `"`); len(text) > 12 && !strings.Contains(text, "(fictional)") {
			texts = append(texts, text)
		}
	}
	return texts
}

// absent fails the test when one of the secrets is in the text. It says what
// it is, not which.
func (s secrets) absent(t testing.TB, where, text string) {
	t.Helper()
	for secret, what := range s {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds %s", where, what)
		}
	}
}

// absentFromJournal looks for what not even the journal may hold: it names who
// asked for whom and why, and says nothing of the record, nor how a patient is
// called.
func (s secrets) absentFromJournal(t testing.TB, at *site) {
	t.Helper()
	for _, line := range at.journal(t, 1) {
		for secret, what := range s {
			if (what == "a family name" || what == "a text of a record") && strings.Contains(string(line.Raw), secret) {
				t.Errorf("entry %d of the journal holds %s", line.Sequence, what)
			}
		}
	}
}
