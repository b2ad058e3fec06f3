package agent

import (
	"context"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/lifecycle"
)

// source is one open source and how it was at its last check.
type source struct {
	configured config.Source
	connector  care.Connector

	mu     sync.Mutex
	status broker.SourceStatus

	// Checks alike that are not written down yet; the prober's alone.
	unwritten care.SourceCall
	since     time.Time
}

func (s *source) lastStatus() broker.SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// openSources opens every source.
func (a *Agent) openSources(ctx context.Context, open OpenSource) error {
	for _, configured := range a.site.Sources {
		connector, err := open(ctx, configured, a.log.Named(configured.Name))
		if err != nil {
			return err
		}
		a.sources = append(a.sources, &source{configured: configured, connector: connector,
			status: broker.SourceStatus{Name: configured.Name, Kind: configured.Kind, Detail: "not checked yet"}})
	}
	return nil
}

// probeEvery is how often sources are checked.
const probeEvery = time.Minute

// watchSources checks every source now and every minute, side by side.
func (a *Agent) watchSources(ctx context.Context) error {
	var tasks []lifecycle.Task
	for _, s := range a.sources {
		tasks = append(tasks, func(ctx context.Context) error {
			err := every(ctx, probeEvery, func() { a.probe(ctx, s) })
			a.writeProbes(s)
			return err
		})
	}
	return lifecycle.Run(ctx, tasks...)
}

// probe checks one source. That its login can write is journalled once: it is
// the site's decision, and it shows in the status for as long as it holds.
func (a *Agent) probe(ctx context.Context, s *source) {
	ctx, stop := context.WithTimeout(ctx, a.site.Limits.SourceTimeout)
	defer stop()
	began := time.Now()
	ready, err := s.connector.Probe(ctx)
	a.noteProbe(s, care.SourceCall{Source: s.configured.Name, Operation: "PROBE", Duration: time.Since(began),
		Outcome: care.KindOf(err), Reason: care.ReasonOf(err)})
	before := s.lastStatus()
	now := broker.SourceStatus{Name: before.Name, Kind: before.Kind, Readable: err == nil, Writable: ready.Writable, Detail: ready.Detail, Checked: time.Now()}
	if err != nil {
		now.Detail = detailOf(err)
	}
	s.mu.Lock()
	s.status = now
	s.mu.Unlock()
	if now.Writable && !before.Writable {
		e := a.event(care.SourceWritable)
		e.Detail = "source " + now.Name + ": " + now.Detail
		a.journal.AppendLazily(e)
	}
	if before.Checked.IsZero() || before.Readable != now.Readable {
		a.healthChanged()
		a.log.Info("source checked", "source", now.Name, "readable", now.Readable, "detail", now.Detail)
	}
}

// probesTogether is for how long checks that go alike are counted before they
// are written down as one entry.
const probesTogether = time.Hour

// noteProbe writes the first check of a kind down at once, and counts those
// that follow.
func (a *Agent) noteProbe(s *source, call care.SourceCall) {
	last := &s.unwritten
	alike := last.Outcome == call.Outcome && last.Reason == call.Reason && !s.since.IsZero()
	if alike {
		last.Count++
		last.Duration = max(last.Duration, call.Duration)
	}
	if alike && time.Since(s.since) < probesTogether {
		return
	}
	a.writeProbes(s)
	if !alike {
		*last, last.Count = call, 1
		a.writeProbes(s)
	}
	s.since = time.Now()
}

// writeProbes writes down the checks that were counted.
func (a *Agent) writeProbes(s *source) {
	if s.unwritten.Count == 0 {
		return
	}
	e := a.event(care.SourceCalled)
	e.Detail, e.Calls = "", []care.SourceCall{s.unwritten}
	a.journal.AppendLazily(e)
	s.unwritten.Count, s.unwritten.Duration = 0, 0
}

// detailOf returns what may be shown of an error.
func detailOf(err error) string {
	if care.KindOf(err) == care.Internal {
		return "the check failed"
	}
	return care.Plain(err)
}

// every calls do now and then once per interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
