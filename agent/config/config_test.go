package config_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
)

// catalogue is a build with a connector that takes settings and one that does not.
type catalogue struct{}

func (catalogue) Kinds() []string { return []string{"sql", "memory"} }

func (catalogue) NewSettings(kind string) (any, bool) {
	switch kind {
	case "sql":
		return &settings{Timeout: 5 * time.Second}, true
	case "memory":
		return nil, true
	}
	return nil, false
}

type driver string

func (driver) Values() []string { return []string{"postgres", "sqlserver"} }

type settings struct {
	Driver   driver                  `yaml:"driver,required"`
	Host     string                  `yaml:"host"`
	Port     uint16                  `yaml:"port" range:"1..65535"`
	Password string                  `yaml:"password"`
	Insist   bool                    `yaml:"insist"`
	Timeout  time.Duration           `yaml:"timeout" range:"1s..1m"`
	Sets     map[string]string       `yaml:"sets"`
	Queries  map[care.Section]*query `yaml:"-"`
	Views    map[care.Section]query  `yaml:"views"`
	Hidden   int
}

type query struct {
	Text string   `yaml:"text,required"`
	Keys []string `yaml:"keys"`
}

func (s *settings) Validate() []care.Problem {
	var problems []care.Problem
	if s.Host == "forbidden" {
		problems = append(problems, care.Problem{Path: "$.host", Detail: "this host is forbidden"})
	}
	if v, ok := s.Views[care.Allergies]; ok && !strings.HasPrefix(v.Text, "select") {
		problems = append(problems, care.Problem{Path: "$.views.ALLERGIES.text", Detail: "expected a select"})
	}
	return problems
}

// good is a file without fault; the tests change single lines of it.
const good = `site:
  ods_code: RWH
  name: Example Hospital
  kind: hospital
listen:
  address: 127.0.0.1:8443
identity:
  certificate: tls/agent.crt
  key: tls/agent.key
  broker_roots: [tls/root.crt]
brokers:
  - name: region
    uri: spiffe://region.example/broker
    roles: [records, consent]
consent:
  model: opt-out
sharing:
  enabled: true
  sections: [ALLERGIES, MEDICATIONS]
  purposes: [TREAT, BTG]
  organisations: [E82001, RWH]
  rules:
    - roles: [ANY]
      sections: [ALL]
  withhold:
    - name: own list
      system: SNOMED
      codes: [24700007]
limits:
  request_timeout: 20s
sources:
  - name: epr
    kind: sql
    system: Example EPR
    settings:
      driver: postgres
      port: 5432
      password: hunter2
      sets: {search_path: records, x: 0123}
      views:
        ALLERGIES: {text: select 1, keys: [a, yes]}
log:
  level: warn
`

// change replaces one part of good.
func change(t *testing.T, from, to string) string {
	t.Helper()
	if strings.Count(good, from) != 1 {
		t.Fatalf("%q is %d times in the good file", from, strings.Count(good, from))
	}
	return strings.Replace(good, from, to, 1)
}

func TestParse(t *testing.T) {
	folder := t.TempDir()
	site, err := config.Parse(filepath.Join(folder, "agent.yaml"), []byte(good), catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	organisations := config.AnyOf[care.ODSCode]{Of: []care.ODSCode{"E82001", "RWH"}}
	shared := care.SetOf(care.Allergies, care.Medications)
	purposes := []care.Purpose{care.Treatment, care.BreakGlass}
	want := &config.Site{
		Organisation: config.Organisation{ODSCode: "RWH", Name: "Example Hospital", Kind: "hospital"},
		Listen:       config.Listen{Address: "127.0.0.1:8443", MaxConnections: 64, MaxConnectionsPerAddress: 16},
		Identity: config.Identity{Certificate: filepath.Join(folder, "tls", "agent.crt"),
			Key: filepath.Join(folder, "tls", "agent.key"), BrokerRoots: []string{filepath.Join(folder, "tls", "root.crt")}},
		Brokers: []config.Broker{{Name: "region", URI: "spiffe://region.example/broker", Roles: []config.Role{"records", "consent"}}},
		Consent: config.Consent{Model: config.OptOut, MaxAge: 24 * time.Hour},
		Sharing: config.Sharing{Enabled: true, Sections: shared, Purposes: purposes, Organisations: organisations,
			Rules: []config.Rule{{Roles: config.AnyOf[config.RoleCode]{Any: true}, Organisations: organisations,
				Purposes: purposes, Sections: shared}},
			Withhold: []config.Withhold{{Name: "own list", System: config.SNOMED, Codes: []string{"24700007"}}}},
		Limits: config.Limits{ConcurrentRequests: 64, RequestsPerMinute: 600, RequestTimeout: 20 * time.Second,
			SourceTimeout: 10 * time.Second, RowsPerSection: 20000, BytesPerAnswer: 256 * config.MiB,
			DocumentBytes: 100 * config.MiB, ConcurrentDocuments: 8},
		Sources: []config.Source{{Name: "epr", Kind: "sql", Sections: care.AllSections,
			Consent: config.SourceConsent{Every: 15 * time.Minute, MaxAge: 24 * time.Hour},
			Origin:  care.Origin{Source: "epr", System: "Example EPR", Organisation: "RWH", OrganisationName: "Example Hospital"},
			Settings: &settings{Driver: "postgres", Port: 5432, Password: "hunter2", Timeout: 5 * time.Second,
				Sets:  map[string]string{"search_path": "records", "x": "0123"},
				Views: map[care.Section]query{care.Allergies: {Text: "select 1", Keys: []string{"a", "yes"}}}}}},
		Journal: config.Journal{VerifyEvery: 24 * time.Hour},
		Log:     config.Log{Level: "warn"},
	}
	got := *site
	got.StateFolder = ""
	if diff := cmp.Diff(want, &got, cmpopts.IgnoreUnexported(config.Site{})); diff != "" {
		t.Error(diff)
	}
}

// TestTextStaysText: what YAML takes for numbers, yes-or-no and dates is the
// source text where a text is expected.
func TestTextStaysText(t *testing.T) {
	for _, text := range []string{"0123", "yes", "true", "1.50", "0x1F", "1_000", ".inf", "2020-01-01", "1e3", "-0", "a b"} {
		site, err := config.Parse("agent.yaml", []byte(change(t, "Example Hospital", text)), catalogue{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if site.Organisation.Name != text {
			t.Errorf("%s became %q", text, site.Organisation.Name)
		}
	}
	for written, text := range map[string]string{`"a\tb"`: "a\tb", `'it''s'`: "it's", "|\n    a\n     b": "a\n b\n"} {
		site, err := config.Parse("agent.yaml", []byte(change(t, "Example Hospital", written)), catalogue{})
		if err != nil || site.Organisation.Name != text {
			t.Errorf("%s: %v, %v", written, site, err)
		}
	}
}

// TestOtherSystem: only SNOMED CT codes are held to their form, and another
// organisation's source needs its name only.
func TestOtherSystem(t *testing.T) {
	text := change(t, "system: SNOMED\n      codes: [24700007]", "system: urn:oid:1.2.3\n      codes: [A1.b]")
	text = strings.Replace(text, "system: Example EPR\n", "organisation: RAA\n    organisation_name: Other\n", 1)
	site, err := config.Parse("agent.yaml", []byte(text), catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	want := care.Origin{Source: "epr", Organisation: "RAA", OrganisationName: "Other"}
	if site.Sources[0].Origin != want || site.Sharing.Withhold[0].System != "urn:oid:1.2.3" {
		t.Errorf("%+v %+v", site.Sources[0].Origin, site.Sharing.Withhold)
	}
}

func TestWindowsText(t *testing.T) {
	windows := "\ufeff" + strings.ReplaceAll(good, "\n", "\r\n")
	site, err := config.Parse("agent.yaml", []byte(windows), catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := config.Parse("agent.yaml", []byte(good), catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, site, cmpopts.IgnoreUnexported(config.Site{})); diff != "" {
		t.Error(diff)
	}
	if plain.Fingerprint() == site.Fingerprint() {
		t.Error("files of different bytes have the same fingerprint")
	}
}

func TestFingerprint(t *testing.T) {
	site, err := config.Parse("agent.yaml", []byte(good), catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(good))
	if want := hex.EncodeToString(sum[:]); site.Fingerprint() != want {
		t.Errorf("fingerprint %s, want %s", site.Fingerprint(), want)
	}
}

func TestExample(t *testing.T) {
	for _, kind := range config.OrganisationKind("").Values() {
		site, err := config.Parse("agent.yaml", config.Example(config.OrganisationKind(kind)), catalogue{})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if string(site.Organisation.Kind) != kind || site.Sharing.Enabled || len(site.Sources) != 1 {
			t.Errorf("%s: %+v", kind, site)
		}
	}
	if config.Example("bakery") != nil {
		t.Error("there is an example of an unknown kind")
	}
	// What is commented out in the example works, too.
	commented := regexp.MustCompile(`(?m)^  #(\S|  )`)
	all := commented.ReplaceAllString(string(config.Example("hospital")), "  $1")
	site, err := config.Parse("agent.yaml", []byte(all), catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	if len(site.Sharing.Rules) != 1 || len(site.Sharing.Withhold) != 1 {
		t.Errorf("%+v", site.Sharing)
	}
}

func TestLoad(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	site, err := config.Load(write("agent.yaml", []byte(good)), catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(folder, "tls", "agent.key"); site.Identity.Key != want {
		t.Errorf("key %s, want %s", site.Identity.Key, want)
	}
	for _, test := range []struct {
		path   string
		kind   care.Kind
		reason string
	}{
		{filepath.Join(folder, "none.yaml"), care.BadRequest, "NO_FILE"},
		{folder, care.BadRequest, "NOT_A_FILE"},
		{write("big.yaml", make([]byte, 1<<20+1)), care.LimitExceeded, "TOO_BIG"},
		{write("latin1.yaml", []byte("site:\n  name: Caf\xe9\n")), care.BadRequest, "NOT_UTF8"},
	} {
		_, err := config.Load(test.path, catalogue{})
		if care.KindOf(err) != test.kind || care.ReasonOf(err) != test.reason {
			t.Errorf("%s: %v", test.path, err)
		}
	}
	_, err = config.Load(write("exact.yaml", append([]byte("x: "), slices.Repeat([]byte("y"), 1<<20-3)...)), catalogue{})
	if _, ok := errors.AsType[config.Problems](err); !ok {
		t.Errorf("a file of exactly 1 MiB is not read: %v", err)
	}
}
