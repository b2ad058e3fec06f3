package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestDemo runs the whole walk, over real connections, and checks what it says
// of itself against the journal.
func TestDemo(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"demo", "--once", "--json"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	var got report
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	want := map[string]string{"not-filled": "CONSENT_UNAVAILABLE", "emergency": "OK", "dissent": "NO_PATIENT_CONSENT",
		"restricted": "PATIENT_NOT_FOUND", "wrong-birth-date": "INVALID_PATIENT_DEMOGRAPHICS", "source-stops": "OK"}
	if len(got.Steps) != len(want) {
		t.Fatalf("%d steps", len(got.Steps))
	}
	for _, s := range got.Steps {
		if s.Outcome != want[s.Name] {
			t.Errorf("%s ended with %s, want %s", s.Name, s.Outcome, want[s.Name])
		}
		if s.Outcome != "OK" && s.Records != 0 {
			t.Errorf("%s sent %d records", s.Name, s.Records)
		}
		i := slices.IndexFunc(got.Journal, func(e entry) bool { return e.Sequence == s.Journal[0] })
		if i < 0 {
			t.Fatalf("%s is not in the journal", s.Name)
		}
		if decided := got.Journal[i]; decided.Refusal != "" && decided.Refusal != s.Outcome {
			t.Errorf("%s is journalled as %s", s.Name, decided.Refusal)
		}
		switch s.Name {
		case "emergency":
			if !s.Whole || s.Sections["COMPLETE"] != 21 || got.Journal[i+1].Records != int64(s.Records) || got.Journal[i+1].Decision != s.Journal[0] {
				t.Errorf("the emergency is %+v, journalled as %+v", s, got.Journal[i+1])
			}
		case "restricted":
			if got.Journal[i].TrueReason != "RESTRICTED" {
				t.Errorf("the true reason is journalled as %s", got.Journal[i].TrueReason)
			}
		case "source-stops":
			if s.Whole || s.Sections["UNAVAILABLE"] == 0 || s.Sections["EMPTY"] != 0 {
				t.Errorf("the source that stops is %+v", s)
			}
		}
	}
}

// TestDemoTellsItsStory checks what people see.
func TestDemoTellsItsStory(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"demo", "--once"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	for _, say := range []string{"An emergency doctor", "REFUSED NO_PATIENT_CONSENT", "REFUSED PATIENT_NOT_FOUND", "UNAVAILABLE", "true reason RESTRICTED"} {
		if !strings.Contains(out.String(), say) {
			t.Errorf("the walk does not say %q:\n%s", say, &out)
		}
	}
	for _, mess := range []string{" , true reason", " \n"} {
		if strings.Contains(out.String(), mess) {
			t.Errorf("the walk says %q:\n%s", mess, &out)
		}
	}
}
