package care_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestKindCodesAreStable(t *testing.T) {
	// These are in journals and in other people's programs: never renumber.
	want := []string{"OK", "INTERNAL_ERROR", "BAD_REQUEST", "INVALID_NHS_NUMBER", "INVALID_PATIENT_DEMOGRAPHICS",
		"PATIENT_NOT_FOUND", "NO_RECORD_FOUND", "NO_PATIENT_CONSENT", "NO_PERMISSION_TO_VIEW", "ACCESS_DENIED",
		"UNAUTHENTICATED", "CONSENT_UNAVAILABLE", "AUDIT_UNAVAILABLE", "SOURCE_UNAVAILABLE", "LIMIT_EXCEEDED",
		"CANCELLED", "NOT_SUPPORTED", "CONFLICT"}
	for i, code := range want {
		if got := care.Kind(i).String(); got != code {
			t.Errorf("kind %d is %s, want %s", i, got, code)
		}
		if k, ok := care.ParseKind(code); !ok || int(k) != i {
			t.Errorf("%s parses to %d, %v", code, k, ok)
		}
	}
	if got := care.Kind(len(want)).String(); got != "UNKNOWN" {
		t.Errorf("there is a kind %s without a line in this test", got)
	}
}

func TestKindOf(t *testing.T) {
	inner := &care.Error{Kind: care.SourceUnavailable, Err: context.Canceled}
	for _, c := range []struct {
		name string
		err  error
		want care.Kind
	}{
		{"nil", nil, care.OK},
		{"an Error", inner, care.SourceUnavailable},
		{"wrapped", fmt.Errorf("x: %w", inner), care.SourceUnavailable},
		{"outermost wins", &care.Error{Kind: care.AuditUnavailable, Err: inner}, care.AuditUnavailable},
		{"cancelled", context.Canceled, care.Cancelled},
		{"deadline", context.DeadlineExceeded, care.LimitExceeded},
		{"anything else", errors.New("x"), care.Internal},
	} {
		if got := care.KindOf(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestErrorNeverShowsItsCause(t *testing.T) {
	err := &care.Error{Kind: care.SourceUnavailable, Op: "clinical", Reason: "DOWN", Detail: "start it", Err: errors.New("secret 9990000018")}
	if got, want := err.Error(), "clinical: SOURCE_UNAVAILABLE (DOWN): start it"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSections(t *testing.T) {
	if care.AllSections.Len() != 21 {
		t.Errorf("there are %d sections, want 21", care.AllSections.Len())
	}
	for s := range care.AllSections.All() {
		if got, ok := care.ParseSection(strings.ToLower(strings.ReplaceAll(s.String(), "_", "-"))); !ok || got != s {
			t.Errorf("%v does not parse back", s)
		}
	}
	set := care.SetOf(care.Allergies, care.Medications).Without(care.Medications).With(care.AboutMe)
	if got := set.String(); got != "ALLERGIES,ABOUT_ME" {
		t.Errorf("the set is %s", got)
	}
	if _, ok := care.ParseSection("ALERGIES"); ok {
		t.Error("a misspelt section parses")
	}
	for s := range care.AllSections.All() {
		if s == care.Alerts {
			break // stopping early must be possible
		}
	}
}

func TestODSCode(t *testing.T) {
	for code, want := range map[care.ODSCode]bool{"RWH": true, "E82001": true, "": false, "E8": false, "e82001": false, "E82 01": false, "E8200100000": false} {
		if code.Valid() != want {
			t.Errorf("%q: %v, want %v", code, code.Valid(), want)
		}
	}
}

// goodRequest is complete; each case of TestValidate spoils one thing.
func goodRequest(t testing.TB) care.Request {
	return care.Request{
		ID: "r1", Interaction: care.ReadRecord, Purpose: care.Treatment, Permission: care.PermissionAsked,
		Requester: care.Requester{UserID: "u", UserName: "Dr A Example", RoleCode: "R0260", Organisation: "RWH"},
		Subject:   care.Subject{NHSNumber: number(t, "9990000018"), Family: care.NewPrivate("Example"), BirthDate: care.Day(1950, time.May, 1)},
		Sections:  care.AllSections,
	}
}

func TestValidate(t *testing.T) {
	if r := goodRequest(t); r.Validate() != nil {
		t.Fatalf("the good request is refused: %v", r.Validate())
	}
	for name, c := range map[string]struct {
		spoil func(*care.Request)
		want  care.Kind
	}{
		"no number":        {func(r *care.Request) { r.Subject.NHSNumber = care.NHSNumber{} }, care.InvalidNHSNumber},
		"no family name":   {func(r *care.Request) { r.Subject.Family = care.Private{} }, care.InvalidDemographics},
		"no birth date":    {func(r *care.Request) { r.Subject.BirthDate = care.DateTime{} }, care.InvalidDemographics},
		"no user":          {func(r *care.Request) { r.Requester.UserID = "" }, care.BadRequest},
		"no user name":     {func(r *care.Request) { r.Requester.UserName = "" }, care.BadRequest},
		"no role":          {func(r *care.Request) { r.Requester.RoleCode = "" }, care.BadRequest},
		"bad organisation": {func(r *care.Request) { r.Requester.Organisation = "rwh" }, care.BadRequest},
		"control in name":  {func(r *care.Request) { r.Requester.UserName = "a\nb" }, care.BadRequest},
		"long user":        {func(r *care.Request) { r.Requester.UserID = strings.Repeat("u", 129) }, care.BadRequest},
		"no purpose":       {func(r *care.Request) { r.Purpose = 0 }, care.BadRequest},
		"unknown purpose":  {func(r *care.Request) { r.Purpose = 9 }, care.BadRequest},
		"no permission":    {func(r *care.Request) { r.Permission = 0 }, care.BadRequest},
		"no sections":      {func(r *care.Request) { r.Sections = 0 }, care.BadRequest},
		"unknown section":  {func(r *care.Request) { r.Sections = 1 << 25 }, care.BadRequest},
		"long reason":      {func(r *care.Request) { r.Reason = strings.Repeat("x", 1025) }, care.BadRequest},
		"no document id":   {func(r *care.Request) { r.Interaction = care.ReadDocument }, care.BadRequest},
		"alert reason":     {func(r *care.Request) { r.AlertReason = care.Emergency }, care.BadRequest},
		"unreadable":       {func(r *care.Request) { r.Invalid = &care.Error{Kind: care.Conflict} }, care.Conflict},
	} {
		r := goodRequest(t)
		c.spoil(&r)
		if got := care.KindOf(r.Validate()); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestCodesParseBack(t *testing.T) {
	for p := care.Treatment; p.Valid(); p++ {
		if got, ok := care.ParsePurpose(p.String()); !ok || got != p {
			t.Errorf("purpose %v does not parse back", p)
		}
	}
	for p := care.PermissionAsked; p.Valid(); p++ {
		if got, ok := care.ParsePermission(p.String()); !ok || got != p {
			t.Errorf("permission %v does not parse back", p)
		}
	}
	for k := care.Dissent; k.Valid(); k++ {
		if got, ok := care.ParseDirectiveKind(k.String()); !ok || got != k {
			t.Errorf("directive %v does not parse back", k)
		}
	}
	if _, ok := care.ParsePurpose(""); ok {
		t.Error("the empty text is a purpose")
	}
}

func TestOnlyThreeStatesAreWhole(t *testing.T) {
	var whole []string
	for s := care.NotSupported; s <= care.Disabled; s++ {
		if s.Whole() {
			whole = append(whole, s.String())
		}
	}
	if want := []string{"EMPTY", "NIL_KNOWN", "COMPLETE"}; !slices.Equal(whole, want) {
		t.Errorf("whole are %v, want %v", whole, want)
	}
}
