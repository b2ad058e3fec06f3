package connectortest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// wantError checks that err has the kind and, where one is given, the reason.
func (h Harness) wantError(t testing.TB, err error, kind care.Kind, reason string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one of kind %v", kind)
		return
	}
	h.checkError(t, err)
	if got := care.KindOf(err); got != kind {
		t.Errorf("error of kind %v, want %v: %v", got, kind, err)
	}
	if got := care.ReasonOf(err); reason != "" && got != reason {
		t.Errorf("error with reason %q, want %q: %v", got, reason, err)
	}
}

// checkError checks what holds for every error.
func (h Harness) checkError(t testing.TB, err error) {
	t.Helper()
	e, ok := errors.AsType[*care.Error](err)
	if !ok {
		t.Errorf("an error of type %T is not a *care.Error", err)
		return
	}
	if e.Kind == care.OK || e.Kind == care.Internal || e.Op == "" {
		t.Errorf("the error %v has no kind of its own or does not say where", e)
	}
	h.checkText(t, "an error", fmt.Sprintf("%v %+v %q", err, err, []string{e.Op, e.Reason, e.Detail}))
}

// checkText checks that a text for people quotes nothing of a patient.
func (h Harness) checkText(t testing.TB, what, text string) {
	t.Helper()
	text = strings.ToLower(text)
	for _, secret := range h.secrets() {
		if strings.Contains(text, strings.ToLower(secret)) {
			t.Errorf("%s quotes data of a patient (the text is not repeated here)", what)
			return
		}
	}
}

// secrets are the texts that no error may hold.
func (h Harness) secrets() []string {
	all := append([]string(nil), h.Secrets...)
	numbers := []care.NHSNumber{h.Absent}
	for _, p := range h.Patients {
		all = append(all, p.Family)
		numbers = append(numbers, p.NHSNumber)
	}
	for _, n := range numbers {
		d := n.Reveal()
		all = append(all, d, d[:3]+" "+d[3:6]+" "+d[6:], d[:3]+"-"+d[3:6]+"-"+d[6:])
	}
	return all
}
