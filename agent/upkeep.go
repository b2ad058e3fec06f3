package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/index"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	indexEvery = 2 * time.Second // how often the search index looks for new entries
	pruneEvery = 24 * time.Hour
)

// keepIndex keeps the journal's search index up to date.
func (a *Agent) keepIndex(ctx context.Context) error {
	x := index.New(index.Options{Folder: JournalFolder(a.site), Archive: a.site.Journal.ArchiveFolder, Key: a.keys.Index, Box: a.keys.Box})
	return x.Run(ctx, indexEvery, func() uint64 { return a.journal.Status().Entries }, a.log.Named("index"))
}

// verifyJournal verifies the whole journal in the background and writes down
// what was found.
func (a *Agent) verifyJournal(ctx context.Context) error {
	return after(ctx, a.site.Journal.VerifyEvery, func() {
		e, err := a.checkIntegrity(ctx)
		if ctx.Err() != nil {
			return
		}
		a.unsound.Store(e.Alert)
		a.journal.AppendLazily(e)
		if e.Alert {
			a.log.Error("the journal is not as it was written; look at mcr-agent audit verify", "found", e.Detail, "error", err)
		}
	})
}

// checkIntegrity verifies the journal and says what was found. The error is
// about reading it.
func (a *Agent) checkIntegrity(ctx context.Context) (care.Event, error) {
	report, err := verify.Check(ctx, verify.Options{Folder: JournalFolder(a.site), Archive: a.site.Journal.ArchiveFolder,
		Keys: append([]string{a.keys.Signer.VerifierKey()}, a.site.Journal.Witnesses...)})
	e := a.event(care.IntegrityChecked)
	e.Refusal, e.TrueReason = care.KindOf(err), care.ReasonOf(err)
	e.Detail = fmt.Sprintf("%s, %s, countersigned up to entry %d", care.Count(report.Entries, "entry"), care.Count(len(report.Findings)+report.More, "finding"), report.Anchored)
	e.To, e.Alert = report.Entries, err != nil || !report.Fine()
	return e, err
}

// pruneJournal deletes what is older than the site keeps. Nothing is deleted
// unless agent.yaml says for how many years entries are kept.
func (a *Agent) pruneJournal(ctx context.Context) error {
	years := a.site.Journal.KeepYears
	if years == 0 {
		return nil
	}
	return after(ctx, pruneEvery, func() {
		n, err := a.journal.Prune(ctx, time.Now().AddDate(-years, 0, 0), a.event(care.JournalPruned))
		if err != nil && ctx.Err() == nil {
			a.log.Error("old segments of the journal cannot be deleted", "error", err)
		}
		if n > 0 {
			a.log.Info("old segments of the journal were deleted", "segments", n, "older_than_years", years)
		}
	})
}

// after calls do once per interval, for the first time when one has passed,
// until ctx ends.
func after(ctx context.Context, interval time.Duration, do func()) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			do()
		}
	}
}
