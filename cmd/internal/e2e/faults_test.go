//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"regexp"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
)

// victim is the key of the patient whose rows are damaged: the first.
const victim = "canary-patient-1"

// world is a site whose source is made to fail.
type world struct {
	*agent
	db       *database
	all      tables
	patients []patient         // the first is the victim
	asked    int               // requests that were made
	reasons  map[uint64]string // true reasons of refusals, by journal entry
}

// newWorld starts an agent on a site with the given sources.
func newWorld(t testing.TB, d *database, all tables, limits source, sources ...source) *world {
	t.Helper()
	return &world{agent: start(t, newSite(t, limits, sources...)), db: d, all: all, patients: all.patients(t), reasons: map[uint64]string{}}
}

// end stops the agent and holds its log and its journal against what was asked.
func (w *world) end(t *testing.T) {
	t.Helper()
	w.stop()
	w.checkJournal(t, w.asked)
	w.checkReasons(t)
	w.wantNoCanary(t)
}

// TestFaults breaks what the agent reads and checks what it says of it. Every
// value that is planted holds the word canary, which nothing else does, and
// which must be in no log and no journal.
func TestFaults(t *testing.T) {
	servers(t, func(t *testing.T, d *database) {
		all := generated(t)
		d.load(t, all)
		before := d.contents(t, all)
		w := newWorld(t, d, all, source{"source_timeout": "5s", "request_timeout": "10s"}, d.source(t, "pas").with(source{"statement_timeout": "1s"}))
		for _, f := range rowFaults {
			t.Run(f.name, func(t *testing.T) { w.rowFault(t, f) })
		}
		t.Run("two patients under one number", w.twoPatients)
		t.Run("the source holds a dissent", w.sourceDissent)
		t.Run("the demographics are another patient's", w.anothersDemographics)
		t.Run("the patient query finds another patient", w.anotherPatient)
		t.Run("frozen before the answer", w.frozenBefore)
		t.Run("frozen during the answer", w.frozenDuring)
		t.Run("crashed before the answer", w.crashedBefore)
		t.Run("crashed during the answer", w.crashedDuring)
		t.Run("what was broken is whole again", w.wholeAgain)
		w.end(t)
		wantNothingWritten(t, d, all, before)
	})
}

// rowFault damages the rows of the victim in one section.
type rowFault struct {
	name, view, part, by string
	section              care.Section
	reason               string
	retyped              bool // a column has another type than before
}

// rowFaults damage the rows of the victim in one section. The section must say
// so; the other sections and the other patients are whole.
var rowFaults = []rowFault{
	{"a query that hangs", "vw_mcr_problems", "ON c.id = d.encounter", "ON c.id = d.encounter WHERE d.patient <> '" + victim + "' OR SLEEP",
		care.Problems, "TIMEOUT", false},
	{"a required column is NULL", "vw_mcr_immunisations", "'completed'", "CASE WHEN i.patient <> '" + victim + "' THEN 'completed' END",
		care.Immunisations, "ROW_UNMAPPABLE", false},
	{"a key is NULL", "vw_mcr_care_plans", "k.id   ", "CASE WHEN k.patient <> '" + victim + "' THEN k.id END",
		care.CarePlans, "ROW_UNMAPPABLE", false},
	{"a number is none", "vw_mcr_observations", "THEN b.value END AS value", "THEN CASE WHEN b.patient = '" + victim + "' THEN 'canary-number' ELSE b.value END END AS value",
		care.Observations, "ROW_UNMAPPABLE", false},
	{"a date does not exist", "vw_mcr_procedures", "r.start   ", "CASE WHEN r.patient = '" + victim + "' THEN '2021-02-30' ELSE r.start END",
		care.Procedures, "ROW_UNMAPPABLE", false},
	{"a date is none", "vw_mcr_medications", "m.stop   ", "CASE WHEN m.patient = '" + victim + "' THEN 'canary-date' ELSE m.stop END",
		care.Medications, "ROW_UNMAPPABLE", false},
	{"a status is not a documented one", "vw_mcr_equipment", "'active'", "CASE WHEN v.patient = '" + victim + "' THEN 'canary-status' ELSE 'active' END",
		care.SocialCare, "ROW_UNMAPPABLE", false},
	{"a kind of row is not a documented one", "vw_mcr_hospital", "'encounter'   ", "CASE WHEN e.patient = '" + victim + "' THEN 'canary-kind' ELSE 'encounter' END",
		care.HospitalActivity, "ROW_UNMAPPABLE", false},
	{"a text is not UTF-8", "vw_mcr_allergies", "a.description   ", "CASE WHEN a.patient = '" + victim + "' THEN DAMAGED ELSE BYTES(a.description ENCODING) END",
		care.Allergies, "ROW_UNMAPPABLE", true},
}

// rowFault damages the victim's rows and reads the victim and another patient.
func (w *world) rowFault(t *testing.T, f rowFault) {
	mend := w.db.edit(t, f.view, f.part, w.db.words.Replace(f.by))
	defer func() { mend(); w.settle(t, f) }()
	w.settle(t, f)
	record := w.ask(t, w.patients[0])
	wantEnd(t, record, f.section, care.Unavailable, f.reason)
	if f.reason == "ROW_UNMAPPABLE" && of(t, record, f.section).Outcome.GetFailed() == 0 {
		t.Error("no row is said to have failed")
	}
	if n := len(record.Gaps); n != 1 || len(record.Faults) != 0 {
		t.Errorf("not whole because of %v, want the one section only", record.Reasons())
	}
	for _, s := range record.Sections {
		for _, r := range s.Records {
			if bytes.Contains(r.GetResource(), []byte("canary-number")) || bytes.Contains(r.GetResource(), []byte("Caf")) {
				t.Errorf("%v: a damaged value was served", s.Section)
			}
		}
	}
	if other := w.ask(t, w.patients[1]); !other.Whole {
		t.Errorf("another patient's answer is not whole: %v", other.Reasons())
	}
}

// settle lets PostgreSQL refuse the first query of a session after a view's
// types have changed: the session had its plan prepared.
func (w *world) settle(t testing.TB, f rowFault) {
	t.Helper()
	if f.retyped {
		w.ask(t, w.patients[1])
	}
}

// ask reads a record, and counts the requests.
func (w *world) ask(t testing.TB, p patient) *edge.Record {
	t.Helper()
	w.asked++
	return w.mustGet(t, p)
}

// refused reads a record that is refused, and checks the reason in the journal.
func (w *world) refused(t testing.TB, p patient, kind care.Kind, trueReason string) {
	t.Helper()
	w.asked++
	refusal := w.wantRefusal(t, p, kind)
	if strings.Contains(strings.ToLower(refusal.String()), "canary") {
		t.Error("the refusal tells of a patient")
	}
	w.reasons[refusal.GetJournalSequence()] = trueReason
}

// twoPatients gives the victim's number to another patient as well.
func (w *world) twoPatients(t *testing.T) {
	v, other := w.patients[0], w.patients[1]
	w.db.exec(t, "INSERT INTO nhs_numbers (row_id, patient, nhs_number) VALUES (900, '"+other.id+"', '"+v.number+"')")
	defer w.db.exec(t, "DELETE FROM nhs_numbers WHERE row_id = 900")
	w.refused(t, v, care.SourceUnavailable, "AMBIGUOUS")
}

func (w *world) sourceDissent(t *testing.T) {
	defer w.db.edit(t, "vw_mcr_patient", "0                                             AS dissent", "CASE WHEN p.id = '"+victim+"' THEN 1 ELSE 0 END AS dissent")()
	w.refused(t, w.patients[0], care.NoPatientConsent, "SOURCE_DISSENT")
}

// anothersDemographics serves a view that joins the wrong patient.
func (w *world) anothersDemographics(t *testing.T) {
	defer w.db.edit(t, "vw_mcr_demographics", "p.id                                          AS patient",
		"CASE p.id WHEN '"+w.patients[1].id+"' THEN '"+victim+"' ELSE 'nobody' END AS patient")()
	record := w.ask(t, w.patients[0])
	for _, s := range record.Sections {
		if len(s.Records) > 0 || s.State() != care.Unavailable && s.State() != care.NotSupported {
			t.Errorf("%v ended as %v with %d records, although the source mixes patients up", s.Section, s.State(), len(s.Records))
		}
	}
	wantEnd(t, record, care.Demographics, care.Unavailable, "WRONG_PATIENT")
}

// anotherPatient asks an agent whose patient query has a wrong condition.
func (w *world) anotherPatient(t *testing.T) {
	s := w.db.source(t, "pas")
	query := s["settings"].(source)["patient_query"].(string)
	s.with(source{"patient_query": strings.Replace(query, "nhs_number = :nhs_number", "nhs_number <> :nhs_number AND local_id = '"+w.patients[1].id+"'", 1)})
	another := newWorld(t, w.db, w.all, nil, s)
	another.refused(t, w.patients[0], care.SourceUnavailable, "WRONG_PATIENT")
	another.end(t)
}

// checkReasons looks up the true reason of every refusal: in the entry of the
// decision, or in that of how the request ended.
func (w *world) checkReasons(t *testing.T) {
	t.Helper()
	found := map[uint64]string{}
	for _, e := range w.entries(t) {
		if e.TrueReason != "" {
			found[cmp.Or(e.Decision, e.Sequence)] = e.TrueReason
		}
	}
	for sequence, reason := range w.reasons {
		if found[sequence] != reason {
			t.Errorf("the journal says that entry %d was refused because of %q, want %q", sequence, found[sequence], reason)
		}
	}
}

// wholeAgain reads all patients: the agent has recovered by itself.
func (w *world) wholeAgain(t *testing.T) {
	for _, p := range w.patients {
		if r := w.ask(t, p); !r.Whole {
			t.Errorf("not whole: %v", r.Reasons())
		}
	}
}

// wantNoCanary checks that nothing of a patient but the NHS number, which the
// journal is there for, is in the log or the journal.
func (w *world) wantNoCanary(t *testing.T) {
	t.Helper()
	scanLog(t, w.log, w.all)
	for name, text := range map[string]string{"log": w.log.all(), "journal": w.audit(t, "show", "1", "1000000"), "tail of the journal": w.audit(t, "tail", "-n", "1000")} {
		if strings.Contains(strings.ToLower(text), "canary") {
			t.Errorf("the %s tells of a patient: %s", name, regexp.MustCompile(`(?i).{0,80}canary.{0,80}`).FindString(text))
		}
	}
	for _, p := range w.all.patients(t) {
		if !strings.Contains(strings.ToLower(p.id), "canary") || !strings.Contains(strings.ToLower(p.family), "canary") {
			t.Fatal("a patient of the tests has no canary, so none would be found")
		}
	}
}
