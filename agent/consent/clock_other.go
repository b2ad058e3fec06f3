//go:build !linux && !windows

package consent

import "time"

// uptime is the time since this process started. The agent is not released for
// these systems; the package only has to build there.
func uptime() time.Duration { return time.Since(started) }

var started = time.Now()
