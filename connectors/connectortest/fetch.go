package connectortest

import (
	"bytes"
	"iter"
	"sync"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func checkFetchAll(t testing.TB, h Harness) {
	c := h.open(t)
	for _, p := range h.Patients {
		q := care.Query{Patient: h.identify(t, c, p), Sections: care.AllSections, MaxRows: plenty}
		h.checkAnswer(t, p, gather(t.Context(), t, h, c, q))
	}
}

func checkFetchOne(t testing.TB, h Harness) {
	c := h.open(t)
	for _, p := range h.Patients {
		patient := h.identify(t, c, p)
		for s := range care.AllSections.All() {
			q := care.Query{Patient: patient, Sections: care.SetOf(s), MaxRows: plenty}
			h.checkAnswer(t, p, gather(t.Context(), t, h, c, q))
		}
	}
}

func checkUnserved(t testing.TB, h Harness) {
	c := h.open(t)
	patient := h.identify(t, c, h.Patients[0])
	unserved := care.AllSections &^ c.Describe().Sections
	a := gather(t.Context(), t, h, c, care.Query{Patient: patient, Sections: unserved, MaxRows: plenty})
	for s, end := range a.ends {
		if end.State != care.NotSupported {
			t.Errorf("%v is not served and ends as %v", s, end.State)
		}
	}
	none := gather(t.Context(), t, h, c, care.Query{Patient: patient, MaxRows: plenty})
	if none.err != nil || len(none.records)+len(none.ends) > 0 {
		t.Errorf("asked for no section, it yields %d records, %d ends and the error %v",
			len(none.records), len(none.ends), none.err)
	}
}

// checkApart identifies everybody before it fetches anybody and checks that
// nothing of one patient appears in another's answer.
func checkApart(t testing.TB, h Harness) {
	c := h.open(t)
	whose := map[string]int{}
	var patients []care.Patient
	for _, p := range h.Patients {
		patients = append(patients, h.identify(t, c, p))
	}
	for i, p := range h.Patients {
		a := gather(t.Context(), t, h, c, care.Query{Patient: patients[i], Sections: care.AllSections, MaxRows: plenty})
		h.checkAnswer(t, p, a)
		for j := range a.records {
			r := &a.records[j]
			key := r.Type + "/" + r.ID
			if first, seen := whose[key]; seen && first != i {
				t.Errorf("%v: one record is in the answers of patients %d and %d", r.Section, first, i)
			}
			whose[key] = i
			for k, other := range h.Patients {
				if k != i && bytes.Contains(r.Resource, []byte(other.NHSNumber.Reveal())) {
					t.Errorf("%v: patient %d's record holds the NHS number of patient %d", r.Section, i, k)
				}
			}
		}
	}
}

// checkStop stops a fetch at every item it yields. It calls the sequence with
// a function of its own, because a range loop panics where this has to report.
func checkStop(t testing.TB, h Harness) {
	c := h.open(t)
	patient := h.identify(t, c, h.Patients[0])
	for n := 1; ; n++ {
		got := h.fetchAndStop(t, c, patient, n)
		if got < n {
			return
		}
		if got > n {
			t.Errorf("stopped at item %d, it went on to item %d", n, got)
			return
		}
	}
}

// fetchAndStop says stop at item n and returns how many items came.
func (h Harness) fetchAndStop(t testing.TB, c care.Connector, patient care.Patient, n int) int {
	t.Helper()
	got := 0
	seq := c.Fetch(t.Context(), care.Query{Patient: patient, Sections: care.AllSections, MaxRows: plenty})
	seq(func(_ care.Item, err error) bool {
		if got++; err != nil {
			t.Errorf("Fetch from a working source: %v", err)
			return false
		}
		return got < n
	})
	return got
}

// checkHoldStill advances another patient's fetch at every item and checks that
// the item in hand does not change under the caller.
func checkHoldStill(t testing.TB, h Harness) {
	c := h.open(t)
	patient, other := h.identify(t, c, h.Patients[0]), h.identify(t, c, h.Patients[1])
	all := care.Query{Patient: other, Sections: care.AllSections, MaxRows: plenty}
	next, stop := iter.Pull2(c.Fetch(t.Context(), all))
	defer stop()
	all.Patient = patient
	for item, err := range c.Fetch(t.Context(), all) {
		if err != nil {
			t.Fatalf("Fetch beside another: %v", err)
		}
		var before care.Record
		if item.Record != nil {
			before = *item.Record
			before.Resource = bytes.Clone(item.Record.Resource)
		}
		if _, err, _ := next(); err != nil {
			t.Fatalf("Fetch beside another: %v", err)
		}
		if item.Record != nil && (!bytes.Equal(before.Resource, item.Record.Resource) || before.ID != item.Record.ID) {
			t.Fatalf("%v: a record changed while another patient was read", before.Section)
		}
	}
}

// checkConcurrent reads all patients from many goroutines at once.
func checkConcurrent(t testing.TB, h Harness) {
	c := h.open(t)
	patients := make([]care.Patient, len(h.Patients))
	for i, p := range h.Patients {
		patients[i] = h.identify(t, c, p)
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for round := range 4 {
				i := (worker + round) % len(patients)
				got, err := c.Identify(t.Context(), h.Patients[i].NHSNumber)
				if err != nil || got.LocalID != patients[i].LocalID {
					t.Errorf("Identify beside others found somebody else or failed: %v", err)
				}
				a := gather(t.Context(), t, h, c, care.Query{Patient: patients[i], Sections: care.AllSections, MaxRows: plenty})
				h.checkAnswer(t, h.Patients[i], a)
			}
		})
	}
	wg.Wait()
}
