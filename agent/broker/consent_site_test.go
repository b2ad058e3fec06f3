package broker_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

func TestRecordDirectives(t *testing.T) {
	h, client := consentClient(t, identity.RoleSite)
	anonymous := said()
	anonymous.RecordedBy, anonymous.Effective, anonymous.Recorded, anonymous.Organisations = "", nil, nil, nil
	anonymous.Sections = []edgev1.Section{4, 21}
	reply, err := client.RecordDirectives(t.Context(), &edgev1.RecordDirectivesRequest{Directives: []*edgev1.Directive{said(), anonymous}, File: "a.csv of bob"})
	if err != nil || reply.GetChanged() != 2 || reply.GetJournalSequence() != 9 {
		t.Fatalf("%v, %v", reply, err)
	}
	d := h.pushed[1]
	if h.actor != "b" || h.file != "a.csv of bob" || h.pushed[0].By != "Reception" || d.By != "b" || d.Authority != care.Site || !d.Effective.IsZero() || !d.Recorded.IsZero() ||
		d.Scope.Sections != care.SetOf(care.Medications, care.AboutMe) {
		t.Errorf("%s recorded %+v of %q", h.actor, d, h.file)
	}
	for name, m := range map[string]*edgev1.RecordDirectivesRequest{
		"nothing":       {},
		"long file":     {Directives: []*edgev1.Directive{said()}, File: strings.Repeat("f", 257)},
		"file in lines": {Directives: []*edgev1.Directive{said()}, File: "a\nb"},
	} {
		if _, err := client.RecordDirectives(t.Context(), m); code(err) != "BAD_REQUEST FIELD" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGetDirectives(t *testing.T) {
	h, client := consentClient(t, identity.RoleSite)
	reply, err := client.GetDirectives(t.Context(), &edgev1.GetDirectivesRequest{NhsNumber: "9990000018", Organisation: "RWH"})
	if err != nil {
		t.Fatal(err)
	}
	want := &edgev1.GetDirectivesResponse{Answer: "NO_PATIENT_CONSENT", Reason: "DISSENT", Because: []string{"The patient has said no."}, Linked: 2,
		Withheld: []edgev1.Section{edgev1.Section_SECTION_MEDICATIONS},
		Directives: []*edgev1.Directive{{NhsNumber: "9990000018", Kind: 1, Effective: timestamppb.New(effective), RecordedBy: "Reception", Authority: "SOURCE",
			Recorded: timestamppb.New(effective.Add(time.Hour)), Organisations: []string{"RWH"}, CodeSystem: "http://snomed.info/sct", Code: "416409005", Source: "clinical"}}}
	if !proto.Equal(reply, want) || h.asked != "RWH" || h.actor != "b" {
		t.Errorf("told %v, want %v", reply, want)
	}
	for want, m := range map[string]*edgev1.GetDirectivesRequest{
		"INVALID_NHS_NUMBER ": {NhsNumber: "9990000019"},
		"BAD_REQUEST FIELD":   {NhsNumber: "9990000018", Organisation: "r"},
	} {
		if _, err := client.GetDirectives(t.Context(), m); code(err) != want {
			t.Errorf("%v: %v", want, err)
		}
	}
}

func TestLinkPatients(t *testing.T) {
	const a, b = "9990000018", "9990000026"
	for _, c := range []struct {
		name string
		m    *edgev1.LinkPatientsRequest
		want string
	}{
		{"same", &edgev1.LinkPatientsRequest{OldNhsNumber: a, NewNhsNumber: b, Link: 1, RecordedBy: "R"}, "OK"},
		{"not same", &edgev1.LinkPatientsRequest{OldNhsNumber: a, NewNhsNumber: b, Link: 2}, "OK"},
		{"never", &edgev1.LinkPatientsRequest{NewNhsNumber: b, Link: 3}, "OK"},
		{"never, with the former number", &edgev1.LinkPatientsRequest{OldNhsNumber: a, NewNhsNumber: b, Link: 3}, "BAD_REQUEST FIELD"},
		{"no link", &edgev1.LinkPatientsRequest{OldNhsNumber: a, NewNhsNumber: b}, "BAD_REQUEST FIELD"},
		{"another link", &edgev1.LinkPatientsRequest{OldNhsNumber: a, NewNhsNumber: b, Link: 4}, "BAD_REQUEST FIELD"},
		{"one number twice", &edgev1.LinkPatientsRequest{OldNhsNumber: a, NewNhsNumber: "999 000 0018", Link: 1}, "BAD_REQUEST FIELD"},
		{"no old number", &edgev1.LinkPatientsRequest{NewNhsNumber: b, Link: 1}, "INVALID_NHS_NUMBER "},
		{"no new number", &edgev1.LinkPatientsRequest{OldNhsNumber: a, Link: 1}, "INVALID_NHS_NUMBER "},
		{"long by", &edgev1.LinkPatientsRequest{OldNhsNumber: a, NewNhsNumber: b, Link: 1, RecordedBy: strings.Repeat("r", 65)}, "BAD_REQUEST FIELD"},
	} {
		h, client := consentClient(t, identity.RoleSite)
		reply, err := client.LinkPatients(t.Context(), c.m)
		if got := code(err); got != c.want {
			t.Errorf("%s: %s", c.name, got)
			continue
		}
		if c.want != "OK" {
			if h.link != (broker.PatientLink{}) {
				t.Errorf("%s: the store was asked", c.name)
			}
			continue
		}
		if by := max(c.m.GetRecordedBy(), "b"); c.m.GetRecordedBy() == "" && h.link.By != by || int32(h.link.Kind) != int32(c.m.GetLink()) ||
			h.link.New.Reveal() != b || h.link.Old.Reveal() != c.m.GetOldNhsNumber() || h.actor != "b" || reply.GetJournalSequence() != 11 {
			t.Errorf("%s: linked %+v by %s", c.name, h.link, h.actor)
		}
	}
}

func TestVerifyAndStateForTheSite(t *testing.T) {
	h, client := consentClient(t, identity.RoleSite)
	if reply, err := client.VerifyConsent(t.Context(), &edgev1.VerifyConsentRequest{}); err != nil || reply.GetState().GetEpoch() != 3 || h.actor != "b" {
		t.Errorf("%v, %v", reply, err)
	}
	h.refusal = &care.Error{Kind: care.ConsentUnavailable, Reason: "DAMAGED"}
	if _, err := client.VerifyConsent(t.Context(), &edgev1.VerifyConsentRequest{}); code(err) != "CONSENT_UNAVAILABLE DAMAGED" {
		t.Errorf("damage is told as %v", err)
	}
	if reply, err := client.GetSiteConsentState(t.Context(), &edgev1.GetSiteConsentStateRequest{}); err != nil || reply.GetState().GetEpoch() != 3 {
		t.Errorf("%v, %v", reply, err)
	}
}

// All statements are listed, and what came before an error too.
func TestListSiteDirectives(t *testing.T) {
	for _, c := range []struct {
		told     int
		err      error
		messages []int
		want     string
	}{
		{0, nil, nil, "OK"},
		{1000, nil, []int{1000}, "OK"},
		{1001, nil, []int{1000, 1}, "OK"},
		{3, &care.Error{Kind: care.ConsentUnavailable, Reason: "JOURNAL_INCOMPLETE"}, []int{3}, "CONSENT_UNAVAILABLE JOURNAL_INCOMPLETE"},
	} {
		h, client := consentClient(t, identity.RoleSite)
		h.listErr = c.err
		for range c.told {
			h.listed = append(h.listed, broker.Stated{Entry: 5, Directive: care.Directive{NHSNumber: number("9990000018"), Kind: care.Restriction, Effective: effective}})
		}
		stream, err := client.ListSiteDirectives(t.Context(), &edgev1.ListSiteDirectivesRequest{After: 4})
		if err != nil {
			t.Fatal(err)
		}
		var messages []int
		for err == nil {
			var reply *edgev1.ListSiteDirectivesResponse
			if reply, err = stream.Recv(); err == nil {
				messages = append(messages, len(reply.GetDirectives()))
			}
		}
		got := "OK"
		if !errors.Is(err, io.EOF) {
			got = code(err)
		}
		if got != c.want || len(messages) != len(c.messages) || len(messages) > 0 && messages[len(messages)-1] != c.messages[len(c.messages)-1] || h.after != 4 {
			t.Errorf("%d statements came as %v, %s", c.told, messages, got)
		}
	}
}
