package consent

import (
	"runtime"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestChangesLeaveNothingInMemory: a store that takes changes for years must
// not remember the states before. Every change here touches another page.
func TestChangesLeaveNothingInMemory(t *testing.T) {
	b := newBench(t)
	s := b.open(t)
	used := func() uint64 {
		runtime.GC()
		runtime.GC() // the first may leave what finalizers held
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	set := func(from, to int) {
		for i := from; i < to; i++ {
			_, err := s.Set(t.Context(), []care.Directive{{NHSNumber: many(i), Kind: care.Dissent, Effective: start, By: "test"}})
			check(t, err)
		}
	}
	set(0, 500) // most groups of the directory are there by now
	before := used()
	set(500, 1000)
	if grown := int64(used()) - int64(before); grown > 512<<10 {
		t.Errorf("500 changes have left %d bytes in memory", grown)
	}
}
