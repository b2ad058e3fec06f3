package report

import (
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestLocalTime(t *testing.T) {
	zone := london(t)
	for at, want := range map[string]string{
		"2026-03-29T00:59:59Z":    "29 March 2026, 00:59:59 (UTC+00:00)",
		"2026-03-29T01:00:00Z":    "29 March 2026, 02:00:00 (UTC+01:00)",
		"2026-10-25T00:30:00Z":    "25 October 2026, 01:30:00 (UTC+01:00)",
		"2026-10-25T01:30:00.25Z": "25 October 2026, 01:30:00 (UTC+00:00)",
	} {
		instant, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := moment(instant, zone); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}

// TestEveryCodeHasWords: what people read is never a code of our own.
func TestEveryCodeHasWords(t *testing.T) {
	check := func(words map[string]string, codes ...string) {
		for _, c := range codes {
			if words[c] == "" {
				t.Errorf("%s has no words", c)
			}
		}
		if len(words) != len(codes) {
			t.Errorf("%d words for the %d codes %v", len(words), len(codes), codes)
		}
	}
	check(sectionWords, care.AllSections.Names()...)
	check(purposeWords, care.Treatment.String(), care.EmergencyTreatment.String(), care.BreakGlass.String())
	check(permissionWords, care.PermissionAsked.String(), care.PermissionAbsent.String(), care.PermissionEmergency.String(), care.PermissionNotAsked.String())
	var reasons []string
	for r := care.PublicInterest; r.Valid(); r++ {
		reasons = append(reasons, r.String())
	}
	check(alertReasonWords, reasons...)
	check(interactionWords, care.Locate.String(), care.ReadRecord.String(), care.ReadDocument.String())
	check(directiveWords, care.Dissent.String(), care.ConsentGiven.String(), care.Restriction.String(), care.Unrestricted.String())
	check(authorityWords, care.Region.String(), care.Site.String(), care.SourceFlag.String())
	var kinds []string
	for k := care.Internal; k.String() != "UNKNOWN"; k++ {
		if k != care.Conflict { // no request is refused with it
			kinds = append(kinds, k.String())
		}
	}
	check(refusalWords, kinds...)
	for s := care.NotSupported; s <= care.Disabled; s++ {
		if w := (Part{State: s.String()}).words(); strings.Contains(w, s.String()) {
			t.Errorf("%s has no words", s)
		}
	}
}
