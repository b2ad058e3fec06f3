package consent

import (
	"time"

	"golang.org/x/sys/windows"
)

// uptime is the time since the machine started, sleep included
// (GetTickCount64), in steps of about 16 ms.
func uptime() time.Duration { return windows.DurationSinceBoot() }
