//go:build !linux

package consent

import "testing"

// failWrites cannot be done here; the simulation then damages nothing else.
func failWrites(testing.TB, string) {}
