package records

import (
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// callLog keeps which sources were called for one request, and how it went.
type callLog struct {
	mu    sync.Mutex
	calls []care.SourceCall
}

func (l *callLog) add(s *source, operation string, began time.Time, outcome care.Kind, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, care.SourceCall{Source: s.origin.Source, Operation: operation,
		Duration: time.Since(began), Outcome: outcome, Reason: reason})
}

func (l *callLog) all() []care.SourceCall {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}
