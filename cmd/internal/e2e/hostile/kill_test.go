//go:build e2e

package hostile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Kills and the requests under way at each of them.
const (
	kills      = 20
	atOnce     = 64
	killsEvery = 7 // the n-th kill comes after so many times n answers have begun
)

// TestKilled kills the agent twenty times in the middle of 64 concurrent
// releases. Each time the journal opens again by itself, and every answer of
// which the caller received anything has its decision in it.
//
// This proves nothing about the disk: the operating system keeps what a killed
// process has written, synced or not, so an agent that never called fdatasync
// would pass as well. TestDecisionIsOnDiskFirst looks at that. What is tested
// here is that nothing leaves before its decision was at least handed to the
// operating system, and that recovery copes with an end at any moment.
func TestKilled(t *testing.T) {
	s := newSite(t)
	agent := s.start(t)
	s.fill(t)
	begun := &heard{ids: map[string]bool{}}
	for n := range kills {
		s.killed(t, agent, n, begun)
		agent = s.start(t)
	}
	wholeRecord(t, s.as(t, recordsURI), member(t, memory.CastEmergency))
	agent.stop()
	decided := map[string]bool{}
	for _, l := range s.journal(t, 1) {
		if l.Kind == care.ReleaseDecided {
			decided[l.RequestID] = true
		}
	}
	if len(begun.ids) < kills*killsEvery {
		t.Errorf("only %d answers had begun, which says little", len(begun.ids))
	}
	for id := range begun.ids {
		if !decided[id] {
			t.Errorf("something of the answer to %s left, and the journal holds no decision", id)
		}
	}
	s.holdsTogether(t)
	t.Logf("%d answers had begun, %d releases were decided", len(begun.ids), len(decided))
}

// heard is the ids of the requests of whose answers something came.
type heard struct {
	mu  sync.Mutex
	ids map[string]bool
}

// killed asks for many records at once, again and again, and kills the agent
// once so many answers have begun.
func (s *site) killed(t *testing.T, agent *running, n int, begun *heard) {
	t.Helper()
	client := edgev1.NewRecordServiceClient(s.as(t, recordsURI).Conn())
	patient := member(t, memory.CastEmergency)
	ctx, stop := context.WithCancel(within(t))
	defer stop()
	var answers, asked atomic.Int64
	kill := sync.OnceFunc(agent.kill)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for ctx.Err() == nil {
				request := &edgev1.GetRecordRequest{Context: asking(patient)}
				request.Context.RequestId = fmt.Sprintf("kill-%d-%d", n, asked.Add(1))
				heard, err := firstByte(ctx, client, request)
				if heard {
					begun.mu.Lock()
					begun.ids[request.Context.RequestId] = true
					begun.mu.Unlock()
					if answers.Add(1) == int64((n+1)*killsEvery) {
						kill()
						stop()
					}
				}
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	kill() // if it has not come to it: then all calls have failed
	if answers.Load() < int64((n+1)*killsEvery) {
		t.Errorf("kill %d: only %d answers had begun", n, answers.Load())
	}
}

// firstByte asks for a record and tells whether anything of the answer came.
func firstByte(ctx context.Context, c edgev1.RecordServiceClient, request *edgev1.GetRecordRequest) (heard bool, err error) {
	stream, err := c.GetRecord(ctx, request)
	for err == nil {
		if _, err = stream.Recv(); err == nil {
			heard = true
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return heard, err
}
