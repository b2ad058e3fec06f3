//go:build race

package consent

// raceEnabled says that the race detector is at work, under which sync.Pool
// forgets things on purpose.
const raceEnabled = true
