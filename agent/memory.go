package agent

import (
	"os"
	"runtime/debug"
)

const (
	// garbage is how much may be added to what is in use before it is
	// collected, in per cent. Go's own 100 collects a heap as small as this one
	// many times a second.
	garbage = 400
	// roomy is up to how many bytes that holds; above, memory comes first.
	roomy = 80 << 20
)

// collectLess trades a little memory for less work, unless whoever starts the
// agent has said what they want.
func collectLess() {
	debug.FreeOSMemory() // what starting took
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(roomy)
	}
}
