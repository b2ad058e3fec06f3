//go:build e2e

package e2e

import (
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
	"github.com/mycarerecord/edge-agent/connectors/sql/dbtest"
)

// brokerURI is the name in the broker's certificate.
const brokerURI = "urn:mcr:e2e:broker"

// columns are the columns that the query of each section selects, as the site
// writes them into agent.yaml.
var columns = map[string]struct{ view, columns string }{
	"DEMOGRAPHICS": {"vw_mcr_demographics", `id, nhs_number, nhs_number_status, family_name, given_name, name_prefix, name_suffix,
		previous_family_name, birth_date, gender, death_date, address_line1, address_line3, address_line4, postcode`},
	"ALLERGIES": {"vw_mcr_allergies", `id, effective, end_date, code, code_system, code_text, type, category,
		manifestation_code, manifestation_code_system, manifestation_text, severity, consultation_id`},
	"MEDICATIONS": {"vw_mcr_medications", `record_type, id, intent, effective, end_date, recorded_at, status, code, code_system, code_text,
		issued, reason_code, reason_code_system, reason_text, consultation_id`},
	"PROBLEMS": {"vw_mcr_problems", `id, effective, end_date, clinical_status, category, code, code_system, code_text, consultation_id`},
	"CONSULTATIONS": {"vw_mcr_consultations", `record_type, id, effective, end_date, class, status, type_code, type_code_system, type_text,
		reason_code, reason_code_system, reason_text, location, author_name`},
	"HOSPITAL_ACTIVITY": {"vw_mcr_hospital", `record_type, id, effective, end_date, class, status, type_code, type_code_system, type_text,
		reason_code, reason_code_system, reason_text, location, author_name`},
	"URGENT_CARE_EVENTS": {"vw_mcr_urgent", `record_type, id, effective, end_date, class, status, type_code, type_code_system, type_text,
		reason_code, reason_code_system, reason_text, location, author_name`},
	"INVESTIGATIONS": {"vw_mcr_investigations", `record_type, id, effective, code, code_system, code_text, category, report_category,
		value, value_unit, value_unit_code, value_text, consultation_id`},
	"OBSERVATIONS": {"vw_mcr_observations", `id, effective, code, code_system, code_text, category,
		value, value_unit, value_unit_code, value_text, consultation_id`},
	"IMMUNISATIONS": {"vw_mcr_immunisations", `id, effective, vaccine_code, vaccine_code_system, vaccine_text, status, consultation_id`},
	"PROCEDURES": {"vw_mcr_procedures", `id, effective, end_date, status, code, code_system, code_text,
		reason_code, reason_code_system, reason_text, consultation_id`},
	"CARE_PLANS":  {"vw_mcr_care_plans", `id, effective, end_date, status, type_code, type_code_system, type_text, description, consultation_id`},
	"SOCIAL_CARE": {"vw_mcr_equipment", `record_type, id, effective, status, code, code_system, code_text, serial_number`},
}

// sections are the sections that the views feed, in alphabetical order.
func sections() []string { return slices.Sorted(maps.Keys(columns)) }

// source is one source of agent.yaml. Tests change it before the agent starts.
type source map[string]any

// source returns the source of a database with the queries of sections, of
// all that the views feed if none is named.
func (d *database) source(t testing.TB, name string, sections ...string) source {
	t.Helper()
	queries := map[string]string{}
	for section, q := range columns {
		if len(sections) == 0 || slices.Contains(sections, section) {
			queries[section] = "SELECT " + q.columns + " FROM " + q.view + " WHERE patient = :local_id ORDER BY effective DESC, id DESC"
		}
	}
	if _, there := queries["DEMOGRAPHICS"]; there {
		queries["DEMOGRAPHICS"] = strings.TrimSuffix(queries["DEMOGRAPHICS"], " ORDER BY effective DESC, id DESC")
	}
	return source{"name": name, "kind": "sql", "system": "Synthea", "settings": source{
		"driver": d.driver, "host": d.Host, "port": d.Port, "database": d.name, "user": reader, "tls": "off",
		"password_file":     dbtest.PasswordFile(t, password),
		"statement_timeout": "10s",
		"patient_query": `SELECT local_id, nhs_number, nhs_number_status, family_name, given_names, birth_date, gender,
			active, test_patient, restricted, dissent, old_family_names FROM vw_mcr_patient WHERE nhs_number = :nhs_number`,
		"queries": queries,
	}}
}

// with sets settings of the connector.
func (s source) with(settings source) source {
	maps.Copy(s["settings"].(source), settings)
	return s
}

// site is the folder of an agent and of the region that calls it.
type site struct {
	config string // agent.yaml
	region string // folder for mcrctl and edge.LoadRegion
}

// newSite writes agent.yaml and the region's folder. Limits may be nil.
func newSite(t testing.TB, limits source, sources ...source) site {
	t.Helper()
	dir, region := t.TempDir(), t.TempDir()
	address := freeAddress(t)
	issueCertificates(t, dir, region)
	write(t, filepath.Join(region, "address"), []byte(address+"\n"))
	write(t, filepath.Join(region, "server_name"), []byte("localhost\n"))
	many := source{"user": 1_000_000, "organisation": 1_000_000, "broker": 10_000_000} // one doctor asks for everybody here
	all := source{"requests_per_minute": 100_000, "source_timeout": "15s", "patients_per_hour": many, "neighbours_per_hour": many}
	maps.Copy(all, limits)
	text, err := yaml.Marshal(source{
		"site":         source{"ods_code": "A99001", "name": "End-to-end surgery", "kind": "gp-practice", "test_site": true},
		"state_folder": filepath.Join(dir, "state"),
		"listen":       source{"address": address},
		"identity":     source{"certificate": "agent.pem", "key": "agent.key", "broker_roots": []string{"ca.pem"}},
		"brokers": []source{{"name": "e2e-broker", "uri": brokerURI,
			"roles": []string{"records", "consent", "audit", "status", "config"}}},
		"consent": source{"model": "opt-out", "max_age": "24h"},
		"sharing": source{"enabled": true, "sections": []string{"ALL"}, "purposes": []string{"TREAT", "ETREAT"}, "organisations": []string{"ANY"}},
		"limits":  all,
		"sources": sources,
		"log":     source{"level": "trace"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := site{config: filepath.Join(dir, "agent.yaml"), region: region}
	write(t, s.config, text)
	return s
}

// issueCertificates makes a region, and writes the agent's files and those of
// its broker.
func issueCertificates(t testing.TB, dir, region string) {
	t.Helper()
	ca, err := throwaway.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	agent, err := ca.Issue(throwaway.Leaf{Name: "agent", DNS: []string{"localhost"}, Server: true})
	if err != nil {
		t.Fatal(err)
	}
	broker, err := ca.Issue(throwaway.Leaf{Name: "broker", URI: brokerURI, Client: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := agent.WriteFiles(dir, "agent"); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "ca.pem"), ca.RootPEM())
	write(t, filepath.Join(region, "ca.pem"), ca.RootPEM())
	write(t, filepath.Join(region, "broker.crt"), broker.CertPEM)
	write(t, filepath.Join(region, "broker.key"), broker.KeyPEM)
}

// freeAddress returns an address on this machine that was free a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
