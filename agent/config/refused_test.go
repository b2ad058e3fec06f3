package config_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/config"
)

// TestRefused: of a faulty file the place of the journal is known unless a
// fault may concern it.
func TestRefused(t *testing.T) {
	const here = "site:\n  ods_code: RWH\n"
	for name, c := range map[string]struct {
		from, to string
		faults   int
		known    bool
	}{
		"no fault":                    {"log:", "log:", 0, false},
		"a fault elsewhere":           {"level: warn", "level: loud", 1, true},
		"two faults":                  {"level: warn", "level: loud\n  colour: red", 2, true},
		"a fault beside the code":     {"  name: Example Hospital", "  nam: Example Hospital", 1, true},
		"the code of the site":        {"ods_code: RWH", "ods_code: '?'", 1, false},
		"the site":                    {"site:\n", "sites:\n", 1, false},
		"a folder that is given":      {"log:", "state_folder: /srv/mcr\nlogs:", 1, true},
		"a folder that is relative":   {"log:", "state_folder: mcr\nlog:", 1, false},
		"a folder that is misspelt":   {"log:", "state_foldr: /srv/mcr\nlog:", 1, false},
		"a folder that is repeated":   {"log:", "state_folder: /a\nstate_folder: /b\nlog:", 1, false},
		"two keys of the site":        {"log:", "site_key: {file: /a, dpapi_file: /b}\nlog:", 1, false},
		"a witness that is none":      {"log:", "journal: {witnesses: [x]}\nlog:", 1, false},
		"syntax in another part":      {"level: warn", "level: 'warn", 1, true},
		"syntax in nobody knows what": {"log:", "lo g: [\nlog:", 1, false},
		"nothing that is YAML":        {good, "\x01", 1, false},
		"not UTF-8":                   {here, here + "\xff", 0, false},
		"more than can be a site's":   {here, here + strings.Repeat("  x: {}\n  y: {}\n", 60), 120, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agent.yaml")
			text := []byte(change(t, c.from, c.to))
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			site, faults := config.Refused(path, catalogue{})
			if faults != c.faults || (site != nil) != c.known {
				t.Fatalf("%d faults, site known: %t", faults, site != nil)
			}
			if site == nil {
				return
			}
			sum := sha256.Sum256(text)
			if site.Organisation.ODSCode != "RWH" || site.StateFolder == "" || site.Fingerprint() != hex.EncodeToString(sum[:]) {
				t.Errorf("the site is %+v", site)
			}
		})
	}
	if site, _ := config.Refused(filepath.Join(t.TempDir(), "none"), catalogue{}); site != nil {
		t.Error("there is a site without a file")
	}
}
