package agent

import (
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/budget"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
)

const (
	window  = 4096        // entries held at once where the journal is read from its end
	maxTail = 16 * window // entries among which the last run of the agent, and its last hour, are looked for
)

// tail is what the newest entries of the journal tell an agent that starts. They
// are read once for all who ask.
type tail struct {
	anchor uint64        // newest epoch of the consent store, or 0; a store behind it was put back from the past
	config string        // fingerprint that the agent last ran with, or ""
	past   []budget.Past // what counts in budgets of the last hour that the agent ran, oldest first

	ran  time.Time            // when that hour ended; zero if no run was found
	told map[uint64]care.Kind // how requests ended, by their decisions
}

// readTail reads the end of the journal: up to an epoch, however far that is,
// because without it an older store would pass, and an hour.
func (a *Agent) readTail() (tail, error) {
	t := tail{told: map[uint64]care.Kind{}}
	entries := a.journal.Status().Entries
	err := backwards(a.site, entries, func(lines []audit.Line) bool {
		anchor := uint64(0)
		for i := range slices.Backward(lines) {
			anchor = max(anchor, lines[i].ConsentEpoch)
			if entries-lines[i].Sequence < maxTail {
				t.take(a.keys.Box, &lines[i])
			}
		}
		if t.anchor == 0 {
			t.anchor = anchor
		}
		if entries-lines[0].Sequence >= maxTail { // also where a wrong clock makes years an hour
			return t.anchor == 0
		}
		return t.anchor == 0 || t.ran.IsZero() || !lines[0].Time.Before(t.ran.Add(-time.Hour))
	})
	slices.Reverse(t.past)
	t.told = nil
	return t, err
}

// take takes one entry; those after it were taken before.
func (t *tail) take(box *audit.Box, line *audit.Line) {
	switch line.Kind {
	case care.AgentStarted, care.AgentStopped, care.ReleaseDecided, care.ReleaseRefused, care.ReleaseEnded:
	default:
		return // may have been written for a command, while no agent ran
	}
	if t.ran.IsZero() {
		t.ran, t.config = line.Time, line.ConfigHash
	}
	if line.Time.Before(t.ran.Add(-time.Hour)) {
		return
	}
	switch line.Kind {
	case care.ReleaseEnded:
		t.told[line.Decision], _ = care.ParseKind(line.Refusal) // OK for none
	case care.ReleaseDecided, care.ReleaseRefused:
		t.remember(box, line)
	}
}

// remember keeps a request if it was counted, or refused by the budget.
func (t *tail) remember(box *audit.Box, line *audit.Line) {
	answer, ended := t.told[line.Sequence]
	delete(t.told, line.Sequence)
	refusal, _ := care.ParseKind(line.Refusal)
	if line.Kind == care.ReleaseRefused && refusal != care.PatientNotFound { // a restricted patient, of whom there is an end
		if !counted(refusal, line.TrueReason) {
			return
		}
		answer, ended = refusal, true
	}
	if box.Reveal(line) != nil || line.NHSNumber.IsZero() {
		return // sealed under an older key
	}
	t.past = append(t.past, budget.Past{At: line.Time, Broker: line.Broker, User: line.UserID, Organisation: line.Organisation,
		Number: line.NHSNumber, Told: answer, Ended: ended})
}

// counted reports whether a refusal, other than for a restricted patient, came
// after the budget was asked, or from the budget.
func counted(told care.Kind, reason string) bool {
	switch told {
	case care.NoPatientConsent, care.ConsentUnavailable, care.NoPermissionToView:
		return true
	case care.LimitExceeded:
		return reason != "TIME" && reason != "WAITING"
	}
	return false
}

// backwards calls look with the entries of the journal, at most window at once
// from the newest on, each time in order, until look returns false or there are
// no more. entries is the number of the last.
func backwards(site *config.Site, entries uint64, look func([]audit.Line) bool) error {
	width := uint64(window)
	for to := entries; to > 0; {
		from := to - min(to, width) + 1
		lines, err := newest(site, from, to)
		switch {
		case err != nil:
			return err
		case len(lines) == 0: // numbers that never became entries, or are gone; there may be millions
			to, width = from-1, 2*width
		case !look(lines):
			return nil
		default:
			to, width = lines[0].Sequence-1, window
		}
	}
	return nil
}

// newest returns the last window of the entries from to to. What cannot be read
// is passed over: the rest counts.
func newest(site *config.Site, from, to uint64) ([]audit.Line, error) {
	var lines []audit.Line
	for line, err := range audit.ReadWith(JournalFolder(site), site.Journal.ArchiveFolder, from, to) {
		if care.ReasonOf(err) == audit.ReasonDamaged {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(lines) == window {
			lines = lines[:copy(lines, lines[window/2:])]
		}
		lines = append(lines, line)
	}
	return lines, nil
}
