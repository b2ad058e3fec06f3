//go:build !windows

package sitekey

import (
	"path/filepath"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestDPAPIElsewhere(t *testing.T) {
	s := Source{Place: DPAPI, Path: filepath.Join(t.TempDir(), "site.dpapi")}
	_, err := Open(s)
	wantReason(t, err, care.Unsupported, "KEY_UNSUPPORTED")
	_, err = OpenOrCreate(s)
	wantReason(t, err, care.Unsupported, "KEY_UNSUPPORTED")
	wantReason(t, Save(s, testKey(t)), care.Unsupported, "KEY_UNSUPPORTED")
}
