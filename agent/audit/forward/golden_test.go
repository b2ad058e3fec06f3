package forward

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden compares an alert with what receivers are known to get of one: they
// have rules by these names.
func TestGolden(t *testing.T) {
	line := sampleLine()
	line.Kind, line.Decision, line.Refusal, line.TrueReason = care.ReleaseDecided, 0, "", ""
	line.Alert, line.Purpose, line.Permission, line.AlertReason = true, "BTG", "NOT_ASKED", "COURT_ORDER"
	log := newRecord(line, false, nil)
	golden(t, "alert.syslog", append(appendMessage(nil, log, "Y99901"), '\n'))
	var indented bytes.Buffer // protojson itself puts spaces at random
	if err := json.Indent(&indented, must(protojson.Marshal(log.otlp())), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "alert.otlp.json", append(indented.Bytes(), '\n'))
}

// golden compares with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := must(os.ReadFile(path)); !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}
