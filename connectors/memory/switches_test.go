package memory

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// sized returns a connector over one patient of ten records and a document.
func sized(t *testing.T) (*Connector, care.Patient) {
	t.Helper()
	number, _ := testNumber(7000)
	c, err := New(origin, []Patient{Sized(number, 10*SizedRecord, 1<<20)})
	if err != nil {
		t.Fatal(err)
	}
	patient, err := c.Identify(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return c, patient
}

func askAll(patient care.Patient) care.Query {
	return care.Query{Patient: patient, Sections: care.AllSections, MaxRows: 100}
}

func TestStopFailsEveryCallUntilStart(t *testing.T) {
	c, patient := sized(t)
	doc, err := c.Document(t.Context(), patient, "gp.document."+SizedDocument)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for item, err := range c.Fetch(t.Context(), askAll(patient)) {
		if err != nil {
			wantDown(t, "Fetch under way", err)
			break
		}
		if item.Record != nil {
			n++
			c.Stop()
		}
	}
	if n != 1 {
		t.Errorf("%d records came from a source that stopped at the first", n)
	}
	_, err = c.Identify(t.Context(), patient.NHSNumber)
	wantDown(t, "Identify", err)
	_, err = c.Probe(t.Context())
	wantDown(t, "Probe", err)
	_, err = doc.Body.Read(make([]byte, 10))
	wantDown(t, "a document under way", err)
	_, err = c.Document(t.Context(), patient, "gp.document."+SizedDocument)
	wantDown(t, "Document", err)
	c.Start()
	if n := drain(t.Context(), c, askAll(patient)); n != 11 {
		t.Errorf("after Start %d records came, want 11", n)
	}
}

func TestStopAfterDiesHalfway(t *testing.T) {
	for _, n := range []int{0, 1, 7, 10} {
		c, patient := sized(t)
		c.StopAfter(n)
		got, failed := 0, false
		for item, err := range c.Fetch(t.Context(), askAll(patient)) {
			if failed = err != nil; failed {
				wantDown(t, "Fetch", err)
			}
			if item.Record != nil {
				got++
			}
		}
		if got != n || !failed {
			t.Errorf("StopAfter(%d): %d records came, failed is %v", n, got, failed)
		}
		_, err := c.Identify(t.Context(), patient.NHSNumber)
		wantDown(t, "Identify afterwards", err)
		c.Start()
		if got := drain(t.Context(), c, askAll(patient)); got != 11 {
			t.Errorf("after Start %d records came, want 11", got)
		}
	}
}

func TestHangAnswersOnceStarted(t *testing.T) {
	c, patient := sized(t)
	asked := c.Hang()
	done := make(chan int)
	go func() { done <- drain(t.Context(), c, askAll(patient)) }()
	<-asked
	c.Start()
	if n := <-done; n != 11 {
		t.Errorf("%d records came after Start, want 11", n)
	}
}

func TestHangEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, patient := sized(t)
		c.Hang()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := c.Identify(ctx, patient.NHSNumber)
		if care.KindOf(err) != care.LimitExceeded {
			t.Errorf("Identify after its time: %v", err)
		}
	})
}

func TestCloseIsForGood(t *testing.T) {
	c, patient := sized(t)
	c.Hang()
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c.Start()
	_, err := c.Identify(t.Context(), patient.NHSNumber)
	wantDown(t, "Identify after Close and Start", err)
}
