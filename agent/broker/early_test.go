package broker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The first message of an answer leaves early if the source takes its time, and
// is as large as the others if it does not.
func TestFirstMessageLeavesEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for after, want := range map[time.Duration]int{0: fullMessage, soon - 1: fullMessage, soon: firstMessage} {
			a := newRecordAnswer(site{}, &buffers{}, &wire{})
			a.Open(&care.Request{}, &care.Patient{}, nil)
			time.Sleep(after)
			r := care.Record{Resource: make([]byte, 1000)}
			for range 2 {
				for !a.Record(&r) {
				}
				if n := len(*a.buf); n < want || n >= want+1100 {
					t.Errorf("after %v a message leaves with %d bytes, want %d", after, n, want)
				}
				want = fullMessage // the next
				if err := a.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
