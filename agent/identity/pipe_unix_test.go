//go:build unix

package identity

import (
	"syscall"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestLoadDoesNotWaitForAPipe would hang if a named pipe were opened: nobody
// writes to it.
func TestLoadDoesNotWaitForAPipe(t *testing.T) {
	s := newSite(t)
	remove(s, "agent.key")
	if err := syscall.Mkfifo(s.files.Key, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(s.files, nil, Options{Now: s.now})
	wantReason(t, err, care.BadRequest, "UNREADABLE")
}
