package care_test

import (
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestAlertReasonCodesAreStable(t *testing.T) {
	// The numbers are SCR-AlertReason's and go over the wire; the codes are in journals.
	want := []string{"", "PUBLIC_INTEREST", "STATUTE", "COURT_ORDER", "SELF_CLAIMED_EMERGENCY", "EMERGENCY", "OTHER"}
	for i, code := range want {
		r, ok := care.ParseAlertReason(code)
		if int(r) != i || ok != (i > 0) || r.Valid() != ok {
			t.Errorf("%q parses to %d, %v", code, r, ok)
		}
		if ok && r.String() != code {
			t.Errorf("reason %d is %s, want %s", i, r, code)
		}
	}
	for _, r := range []care.AlertReason{0, 7, 255} {
		if r.Valid() || r.String() != "UNKNOWN_ALERT_REASON" {
			t.Errorf("%d is the reason %s", r, r)
		}
	}
	if care.SelfClaimedRelationship != 1 || care.AccessAlert != 2 {
		t.Error("the types have not the numbers of SCR-AlertType")
	}
}

// TestAlertCombinations is the table of the Summary Care Record FHIR API: type 1
// with 1, 2, 3, 4, 6 and type 2 with 1, 2, 3, 5.
func TestAlertCombinations(t *testing.T) {
	permitted := map[care.AlertType]string{0: "", 1: "12346", 2: "1235", 3: ""}
	for _, c := range []struct {
		purpose    care.Purpose
		permission care.Permission
		want       care.AlertType
	}{
		{care.Treatment, care.PermissionAsked, 0},
		{care.Treatment, care.PermissionNotAsked, 0},
		{care.EmergencyTreatment, care.PermissionEmergency, care.AccessAlert},
		{care.EmergencyTreatment, care.PermissionNotAsked, 0},
		{care.Treatment, care.PermissionAbsent, care.SelfClaimedRelationship},
		{care.EmergencyTreatment, care.PermissionAbsent, care.SelfClaimedRelationship},
		{care.BreakGlass, care.PermissionNotAsked, care.AccessAlert},
		{care.BreakGlass, care.PermissionAbsent, care.AccessAlert},
	} {
		r := goodRequest(t)
		r.Purpose, r.Permission, r.Reason = c.purpose, c.permission, "typed"
		if got := r.AlertType(); got != c.want {
			t.Errorf("%v, %v raises alert type %d, want %d", c.purpose, c.permission, got, c.want)
		}
		for reason := range care.AlertReason(9) {
			r.AlertReason = reason
			ok := reason == 0 || strings.Contains(permitted[c.want], string('0'+rune(reason)))
			err := r.Validate()
			if (err == nil) != ok {
				t.Errorf("%v, %v with reason %d: %v", c.purpose, c.permission, reason, err)
			}
			if err != nil && (care.KindOf(err) != care.BadRequest || care.ReasonOf(err) != "ALERT_REASON") {
				t.Errorf("%v, %v with reason %d is refused with %v", c.purpose, c.permission, reason, err)
			}
		}
	}
	for kind, reasons := range permitted {
		for reason := range care.AlertReason(9) {
			if got := kind.Permits(reason); got != strings.Contains(reasons+" ", string('0'+rune(reason))) {
				t.Errorf("type %d with reason %d: %v", kind, reason, got)
			}
		}
	}
}
