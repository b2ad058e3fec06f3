package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/verify/export"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
)

// TestAuditVerify verifies an export with public keys alone.
func TestAuditVerify(t *testing.T) {
	j := journaltest.New()
	j.Fill(20)
	j.Countersign()
	j.Checkpoint()
	folder := filepath.Join(t.TempDir(), "journal")
	if err := journaltest.Write(folder, j.Files()); err != nil {
		t.Fatal(err)
	}
	x, err := export.Prepare(export.Options{Folder: folder, Keys: journaltest.Keys(), From: 5, To: 15})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := x.Write(context.Background(), &file, time.Now()); err != nil {
		t.Fatal(err)
	}
	good, cut := filepath.Join(folder, "good.zip"), filepath.Join(folder, "cut.zip")
	for path, data := range map[string][]byte{good: file.Bytes(), cut: file.Bytes()[:file.Len()/2]} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys := journaltest.Keys()
	for name, c := range map[string]struct {
		command auditVerify
		code    int
		out     string
	}{
		"fine":               {auditVerify{File: good, Key: keys[:1], Witness: keys[1:]}, exitWhole, "countersigned by broker.example.org/east, fits"},
		"no witness's key":   {auditVerify{File: good, Key: keys[:1]}, exitWhole, "No known witness countersigned the head"},
		"as JSON":            {auditVerify{File: good, Key: keys[:1], formatFlag: formatFlag{"json"}}, exitWhole, `"entries": 15`},
		"another key":        {auditVerify{File: good, Key: []string{journaltest.Stranger.VerifierKey()}}, exitHistory, "HEAD_INVALID"},
		"cut off":            {auditVerify{File: cut, Key: keys}, exitHistory, "EXPORT_INVALID"},
		"no key":             {auditVerify{File: good, Key: []string{"x"}}, exitUsage, "KEY_INVALID"},
		"a file that is not": {auditVerify{File: good + "x", Key: keys}, exitUsage, "cannot be read"},
		"a folder":           {auditVerify{File: folder, Key: keys}, exitUsage, "no file"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p := &program{strings.NewReader(""), &out, &out}
			if code := p.failed(c.command.Run(p)); code != c.code || !strings.Contains(out.String(), c.out) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, c.code, c.out, out.String())
			}
		})
	}
}
