package sql

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors"
)

const yamlSettings = `
driver: postgres
host: epr.example.nhs.uk
database: epr
user: mcr_reader
password_file: /etc/mcr-agent/epr.password
ca_file: /etc/mcr-agent/trust.pem
statement_timeout: 7s
max_connections: 2
patient_query: SELECT * FROM mcr.patient WHERE nhs_number = :nhs_number
queries:
  ALLERGIES: SELECT * FROM mcr.allergies WHERE local_id = :local_id
  problems: SELECT * FROM mcr.problems WHERE nhs_number = :nhs_number
`

// settingsOf reads YAML as the agent does: strictly, over the defaults.
func settingsOf(t *testing.T, text string) *Settings {
	t.Helper()
	s, _ := connectors.New(Kind()).NewSettings(Name)
	if err := yaml.NewDecoder(strings.NewReader(text), yaml.Strict()).Decode(s); err != nil {
		t.Fatal(err)
	}
	return s.(*Settings)
}

func TestSettingsFromYAML(t *testing.T) {
	s := settingsOf(t, yamlSettings)
	if problems := s.Validate(); len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	if s.StatementTimeout != 7*time.Second || s.MaxConnections != 2 || s.TLS != tlsVerify || s.TimeZone != "Europe/London" {
		t.Errorf("settings %+v", s)
	}
	p, _ := s.compile()
	if got, want := p.served(), care.SetOf(care.Allergies, care.Problems); got != want {
		t.Errorf("serves %v, want %v", got, want)
	}
}

func TestProblems(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(s *Settings)
		want   []string // paths
	}{
		{"none", func(*Settings) {}, nil},
		{"no driver", func(s *Settings) { s.Driver = "" }, []string{"$.driver"}},
		{"unknown driver", func(s *Settings) { s.Driver = "access" }, []string{"$.driver"}},
		{"nothing at all", func(s *Settings) { *s = Settings{} }, []string{"$.driver", "$.max_connections", "$.statement_timeout", "$.time_zone"}},
		{"no address", func(s *Settings) { s.Host, s.User, s.Database, s.PasswordFile = "", "", "", "" },
			[]string{"$.database", "$.host", "$.password_file", "$.user"}},
		{"relative files", func(s *Settings) { s.PasswordFile, s.CAFile = "a", "b" }, []string{"$.ca_file", "$.password_file"}},
		{"TLS off to another machine", func(s *Settings) { s.TLS, s.CAFile = tlsOff, "" }, []string{"$.tls"}},
		{"TLS off with certificates", func(s *Settings) { s.TLS, s.Host = tlsOff, "localhost" }, []string{"$.ca_file"}},
		{"TLS off to a name like localhost", func(s *Settings) { s.TLS, s.CAFile, s.Host = tlsOff, "", "localhost.evil.example" }, []string{"$.tls"}},
		{"TLS off here", func(s *Settings) { s.TLS, s.CAFile, s.Host = tlsOff, "", "127.0.0.1" }, nil},
		{"TLS unknown", func(s *Settings) { s.TLS = "prefer" }, []string{"$.tls"}},
		{"TLS over a socket", func(s *Settings) { s.Host = "/run/postgresql" }, []string{"$.tls"}},
		{"socket of SQL Server", func(s *Settings) { s.Driver, s.Host, s.TLS, s.CAFile = driverSQLServer, "/run/x", tlsOff, "" }, []string{"$.host"}},
		{"control characters", func(s *Settings) { s.Host, s.User = "a\nb", "c\x00d" }, []string{"$.host", "$.user"}},
		{"port", func(s *Settings) { s.Port = 70000 }, []string{"$.port"}},
		{"limits", func(s *Settings) { s.StatementTimeout, s.MaxConnections = time.Hour, 1000 }, []string{"$.max_connections", "$.statement_timeout"}},
		{"time zone", func(s *Settings) { s.TimeZone = "Europe/Atlantis" }, []string{"$.time_zone"}},
		{"file with a server", func(s *Settings) { s.File = "/x.db" }, []string{"$.file"}},
		{"sqlite with a server's settings", func(s *Settings) { s.Driver, s.Port = driverSQLite, 5 },
			[]string{"$.ca_file", "$.database", "$.file", "$.host", "$.password_file", "$.port", "$.user"}},
		{"no patient query", func(s *Settings) { s.PatientQuery = "" }, []string{"$.patient_query"}},
		{"patient query without a number", func(s *Settings) { s.PatientQuery = "SELECT 1" }, []string{"$.patient_query"}},
		{"patient query by local id", func(s *Settings) { s.PatientQuery = "SELECT 1 WHERE 1 = :local_id" }, []string{"$.patient_query"}},
		{"no queries", func(s *Settings) { s.Queries = nil }, []string{"$.queries"}},
		{"a query for everybody", func(s *Settings) { s.Queries["problems"] = "SELECT 1" }, []string{"$.queries.problems"}},
		{"a query that writes", func(s *Settings) { s.Queries["problems"] = "DELETE FROM t WHERE a = :local_id" }, []string{"$.queries.problems"}},
		{"an unknown section", func(s *Settings) { s.Queries["HOROSCOPE"] = "SELECT 1" }, []string{"$.queries.HOROSCOPE"}},
		{"a section twice", func(s *Settings) { s.Queries["Problems"] = s.Queries["problems"] }, []string{"$.queries.problems"}},
		{"documents without a list", func(s *Settings) { s.DocumentQuery = "SELECT 1 WHERE 1 = :local_id AND 2 = :document_id" }, []string{"$.document_query"}},
		{"consent queries", func(s *Settings) {
			s.ConsentQuery, s.PatientConsentQuery = "SELECT 1", "SELECT 1 WHERE 2 = :nhs_number"
		}, nil},
		{"a consent query of one patient", func(s *Settings) { s.ConsentQuery = "SELECT 1 WHERE 2 = :nhs_number" }, []string{"$.consent_query"}},
		{"a consent query that writes", func(s *Settings) { s.ConsentQuery = "DELETE FROM t" }, []string{"$.consent_query"}},
		{"a patient's consent query of everybody", func(s *Settings) { s.ConsentQuery, s.PatientConsentQuery = "SELECT 1", "SELECT 1" },
			[]string{"$.patient_consent_query"}},
		{"a patient's consent query by local id", func(s *Settings) {
			s.ConsentQuery, s.PatientConsentQuery = "SELECT 1", "SELECT 1 WHERE 2 = :local_id"
		}, []string{"$.patient_consent_query"}},
		{"a patient's consent query alone", func(s *Settings) { s.PatientConsentQuery = "SELECT 1 WHERE 2 = :nhs_number" },
			[]string{"$.patient_consent_query"}},
		{"documents of everybody", func(s *Settings) {
			s.Queries["DOCUMENTS"] = "SELECT id FROM d WHERE p = :local_id"
			s.DocumentQuery = "SELECT 1 WHERE 2 = :document_id"
		}, []string{"$.document_query"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := settingsOf(t, yamlSettings)
			s.Queries = maps.Clone(s.Queries)
			tc.change(s)
			found := map[string]bool{}
			for _, p := range s.Validate() {
				found[p.Path] = true
				if p.Detail == "" {
					t.Errorf("%s: no detail", p.Path)
				}
			}
			if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, tc.want) {
				t.Errorf("problems at %q, want %q: %v", got, tc.want, s.Validate())
			}
		})
	}
}

func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if got, err := readPassword(write("good", " pass word \r\n", 0o600)); err != nil || got != " pass word " {
		t.Errorf("readPassword = %q, %v", got, err)
	}
	bad := map[string]string{
		"missing": filepath.Join(dir, "nothing"),
		"folder":  dir,
		"empty":   write("empty", "\n", 0o600),
		"lines":   write("lines", "canary-one\ncanary-two\n", 0o600),
		"large":   write("large", strings.Repeat("x", maxSecret+1), 0o600),
	}
	if runtime.GOOS != "windows" {
		bad["group may read"] = write("group", "canary", 0o640)
		bad["others may read"] = write("others", "canary", 0o604)
	}
	for name, path := range bad {
		_, err := readPassword(path)
		if care.KindOf(err) != care.BadRequest || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenRefusesWhatItCannotRead(t *testing.T) {
	s := settingsOf(t, yamlSettings)
	s.PasswordFile = filepath.Join(t.TempDir(), "none")
	_, err := connectors.New(Kind()).Open(t.Context(), Name, testDeps(), s)
	wantReason(t, err, care.BadRequest, "SETTINGS")
	if err := os.WriteFile(s.PasswordFile, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.CAFile = s.PasswordFile
	_, err = connectors.New(Kind()).Open(t.Context(), Name, testDeps(), s)
	wantReason(t, err, care.BadRequest, "SETTINGS")
	if !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("error %v does not name the setting", err)
	}
}
