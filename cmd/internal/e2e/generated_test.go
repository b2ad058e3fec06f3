//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
)

// headers are the columns of the tables that the views read, as Synthea names
// them.
var headers = map[string]string{
	"patients":        "id,birthdate,deathdate,ssn,drivers,passport,prefix,first,last,suffix,maiden,gender,birthplace,address,city,county,zip,lat,lon",
	"organizations":   "id,name",
	"providers":       "id,organization,name",
	"encounters":      "id,start,stop,patient,organization,provider,encounterclass,code,description,reasoncode,reasondescription",
	"allergies":       "start,stop,patient,encounter,code,system,description,type,category,reaction1,description1,severity1",
	"medications":     "start,stop,patient,encounter,code,description,dispenses,reasoncode,reasondescription",
	"conditions":      "start,stop,patient,encounter,code,description",
	"observations":    "date,patient,encounter,category,code,description,value,units,type",
	"imaging_studies": "id,date,patient,encounter,bodysite_description,modality_description,procedure_code",
	"immunizations":   "date,patient,encounter,code,description",
	"procedures":      "start,stop,patient,encounter,code,description,reasoncode,reasondescription",
	"careplans":       "id,start,stop,patient,encounter,code,description,reasondescription",
	"devices":         "start,stop,patient,encounter,code,description,udi",
}

// people are the patients of the made-up site: names that need care, and a
// death.
var people = []string{
	"1950-02-28|1999-12-31|Mr.|Seán Óg|O'Byrne-Canary||M|12 The Close|Ballycanary|CN1 1AA",
	"1984-02-29||Mx.|Zoë|Müller-Canary|Großkanarie|F|Flat 3\\4, \"Nest\"|Kanarienstadt|CN2 2BB",
	"2001-10-28||Ms.|玲玲|Canarywharf||F|1 Tower 🐤|London|CN3 3CC",
	"1938-05-28||Mrs.|Adacanary|Lovecanary|Byroncanary|F|Side Yard|Nottingham|CN4 4DD",
}

// oddText is a text that must arrive as it is.
const oddText = `Ünïcode 💊 <b>& "quoted" \ 'single' – 100% _like_; -- DROP TABLE patients`

// generated makes the tables of a small site.
func generated(t testing.TB) tables {
	t.Helper()
	all := tables{}
	for name, header := range headers {
		all[name] = &table{name: name, columns: strings.Split(header, ",")}
	}
	all.add(t, "organizations", "org-1", "Canary Street Surgery")
	all.add(t, "providers", "prov-1", "org-1", "Dr O'Canary")
	for i, person := range people {
		p := strings.Split(person, "|")
		id := fmt.Sprintf("canary-patient-%d", i+1)
		all.add(t, "patients", id, p[0], p[1], fmt.Sprintf("999-88-776%d", i), "S9994443"+decimal(i), "X1122334X", p[2], p[3], p[4], "", p[5], p[6],
			"Canary Wharf", p[7], p[8], "", p[9], "51.505455", "-0.023539")
		all.record(t, id, i)
	}
	return all
}

func (all tables) add(t testing.TB, name string, row ...string) {
	t.Helper()
	tab := all[name]
	if len(row) != len(tab.columns) {
		t.Fatalf("%s: a row of %d fields, want %d", name, len(row), len(tab.columns))
	}
	tab.rows = append(tab.rows, row)
}

// record makes the record of one patient: a row of each kind, and more of some.
func (all tables) record(t testing.TB, id string, n int) {
	t.Helper()
	at := func(month int) string { return fmt.Sprintf("20%02d-%02d-17T10:30:%02dZ", 10+n, month, n) }
	key := "row-" + decimal(n) // keys of rows may be told in the journal
	visit := key + "-visit-0"
	for i, class := range []string{"wellness", "ambulatory", "home", "virtual", "inpatient", "outpatient", "emergency", "hospice", "snf", "urgentcare"} {
		all.add(t, "encounters", fmt.Sprintf("%s-visit-%d", key, i), at(i+1), at(i + 2)[:17]+"59Z", id, "org-1", "prov-1", class, "185345009", oddText, "38341003", "Hypertensive disorder")
	}
	all.add(t, "allergies", "2010-05-01", "", id, visit, "91936005", "SNOMED-CT", "Allergy to penicillin", "allergy", "drug", "247472004", "Wheal", "MODERATE")
	all.add(t, "allergies", "2011-05-01", "2019-01-01", id, visit, "7980", "RxNorm", oddText, "intolerance", "food", "", "", "SEVERE")
	all.add(t, "allergies", "2012-05-01", "", id, key+"-visit-4", "", "", "Unknown tablets", "", "", "", "", "")
	all.add(t, "medications", at(1), "", id, visit, "314076", "lisinopril 10 MG Oral Tablet", "12", "38341003", "Hypertensive disorder")
	all.add(t, "medications", at(2), at(3), id, "", "", oddText, "1", "", "")
	all.add(t, "conditions", "2014-03-30", "", id, visit, "38341003", "Hypertensive disorder")
	all.add(t, "conditions", "2014-03-31", "2015-10-25", id, "", "", oddText)
	for month := 1; month <= 12; month++ {
		all.add(t, "observations", at(month), id, visit, "vital-signs", "29463-7", "Body Weight", fmt.Sprintf("7%d.10", month), "kg", "numeric")
	}
	all.add(t, "observations", at(4), id, "", "laboratory", "2345-7", "Glucose", "-0.50", "mmol/L", "numeric")
	all.add(t, "observations", at(5), id, visit, "survey", "72166-2", "Tobacco smoking status", oddText, "", "text")
	all.add(t, "observations", at(6), id, "", "", "QALY", "QALY", "12.0", "a", "numeric")
	all.add(t, "imaging_studies", key+"-study", at(7), id, visit, "Chest", "Digital X-ray", "399208008")
	all.add(t, "immunizations", at(8), id, visit, "140", "Influenza, seasonal")
	all.add(t, "procedures", at(9), at(10), id, visit, "430193006", "Medication reconciliation", "", "")
	all.add(t, "careplans", key+"-plan", "2020-06-01", "", id, visit, "736376001", "Infectious disease care plan", oddText)
	all.add(t, "devices", at(11), "", id, visit, "337414009", "Blood glucose meter", "(01)07(21)SN-77")
}

// TestGenerated serves patients that the tests make: names and texts that need
// care, allergies, and a kind of every row.
func TestGenerated(t *testing.T) {
	all := generated(t)
	answers := map[string]map[string]*edge.Record{}
	servers(t, func(t *testing.T, d *database) {
		d.load(t, all)
		answers[d.driver] = serve(t, d, all, nil)
		export(t, d.product+"-generated", answers[d.driver])
		for _, r := range answers[d.driver] {
			wantTexts(t, r)
			wantAllergies(t, r)
		}
	})
	for _, p := range all.patients(t) {
		sameAnswer(t, answers[postgres.driver][p.id], answers[mariadb.driver][p.id])
	}
}

// wantTexts checks that texts and numbers arrived as they are in the tables.
func wantTexts(t *testing.T, r *edge.Record) {
	t.Helper()
	for _, s := range []care.Section{care.Allergies, care.Medications, care.Problems, care.Consultations, care.HospitalActivity,
		care.UrgentCareEvents, care.Observations, care.CarePlans} {
		found := false
		for _, record := range of(t, r, s).Records {
			found = found || holdsText(t, record.GetResource(), oddText)
		}
		if !found {
			t.Errorf("%v: the odd text did not arrive as it is", s)
		}
	}
	for _, record := range of(t, r, care.Observations).Records {
		if strings.Contains(string(record.GetResource()), `"value":71.10,`) {
			return
		}
	}
	t.Error("the number 71.10 did not keep its digits")
}

// wantAllergies checks the three allergies, of which one has ended.
func wantAllergies(t *testing.T, r *edge.Record) {
	t.Helper()
	var got []string
	for _, record := range of(t, r, care.Allergies).Records {
		var a struct {
			Code           concept
			ClinicalStatus concept
			Type           string
			Category       []string
			Reaction       []struct {
				Manifestation []concept
				Severity      string
			}
		}
		if err := json.Unmarshal(record.GetResource(), &a); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprint(a.Code.of(snomed), a.Code.of(rxnorm), " ", a.ClinicalStatus.Coding[0].Code, " ", a.Type, a.Category, " ", record.GetEnded())
		for _, reaction := range a.Reaction {
			line += fmt.Sprint(" ", reaction.Severity)
			for _, m := range reaction.Manifestation {
				line += " " + m.of(snomed)
			}
		}
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{"active [] false", "7980 resolved intolerance[food] true severe", "91936005 active allergy[medication] false moderate 247472004"}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("the allergies are %q, want %q", got, want)
	}
}

// holdsText reports whether a text is a value anywhere in a resource.
func holdsText(t testing.TB, resource []byte, text string) bool {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(resource))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if token == json.Token(text) {
			return true
		}
	}
}
