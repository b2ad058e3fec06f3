package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
)

const (
	firstRetry  = time.Minute      // after a reading failed; each further failure doubles it
	readingTime = 20 * time.Minute // the longest that reading a source whole may take
)

// flagsWatch reads a source's directives whole, now and then. Call run once;
// status may be called meanwhile.
type flagsWatch struct {
	flags *flags        // required
	every time.Duration // the schedule; positive
	log   hclog.Logger  // required

	mu  sync.Mutex
	now flagsStatus
}

// flagsStatus is how the readings of a source's directives went.
type flagsStatus struct {
	Source     string
	AsOf       time.Time // when the last whole reading began; zero if there was none
	Patients   uint64    // of whom the source said something then
	Directives uint64
	Failed     string // what was wrong with the last reading, in plain words; empty if nothing
}

// status returns how the readings went so far.
func (w *flagsWatch) status() flagsStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// run reads at once and then on schedule until ctx ends: a task of the agent. A
// reading that failed is tried again sooner.
func (w *flagsWatch) run(ctx context.Context) error {
	failures := 0
	for {
		if err := w.read(ctx); err == nil {
			failures = 0
		} else {
			failures++
		}
		timer := time.NewTimer(w.pause(failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// pause returns how long to wait after so many failures in a row: a time drawn
// between one minute and two, two and four, and so on, but not beyond the
// schedule, so that many sites do not ask a shared system all at once.
func (w *flagsWatch) pause(failures int) time.Duration {
	if failures == 0 {
		return w.every
	}
	least := min(firstRetry<<min(failures-1, 16), w.every)
	return min(least+rand.N(least), w.every)
}

// read reads the source whole.
func (w *flagsWatch) read(ctx context.Context) error {
	asOf := time.Now()
	report, err := w.fill(ctx, asOf)
	if ctx.Err() != nil {
		return ctx.Err() // the agent stops: that says nothing of the source
	}
	w.note(asOf, &report, err)
	if err == nil {
		w.flags.tell(report.Changed, report.MoreChanged)
	}
	return err
}

// fill lets the store read, within a limit of time. A panic is a reading that
// failed.
func (w *flagsWatch) fill(ctx context.Context, asOf time.Time) (report consent.FillReport, err error) {
	ctx, stop := context.WithTimeout(ctx, readingTime)
	defer stop()
	defer func() {
		if recover() != nil {
			err = &care.Error{Kind: care.Internal, Op: w.flags.source, Reason: "DEFECT", Detail: "the source or the store panicked"}
		}
	}()
	return w.flags.store.Fill(ctx, w.flags.source, asOf, w.flags.understood(w.flags.from.Directives(ctx)))
}

// note keeps how a reading went, and logs when that changes.
func (w *flagsWatch) note(asOf time.Time, report *consent.FillReport, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.now
	w.now.Source, w.now.Failed = w.flags.source, ""
	if err != nil {
		w.now.Failed = inWords(err)
	} else {
		w.now.AsOf, w.now.Patients, w.now.Directives = asOf, report.Patients, report.Directives
	}
	switch {
	case err != nil && w.now.Failed != before.Failed:
		w.log.Warn("directives of a source not read", "source", w.now.Source, "detail", w.now.Failed)
	case err == nil && (before.Failed != "" || before.AsOf.IsZero()):
		w.log.Info("directives of a source read", "source", w.now.Source, "patients", report.Patients, "directives", report.Directives)
	}
}

// inWords returns what may be shown of an error.
func inWords(err error) string {
	if e, ok := errors.AsType[*care.Error](err); ok {
		return e.Error()
	}
	return "the reading failed"
}
