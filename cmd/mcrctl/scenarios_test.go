package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

const (
	allergies   = edgev1.Section_SECTION_ALLERGIES
	medications = edgev1.Section_SECTION_MEDICATIONS
	complete    = edgev1.SectionState_SECTION_STATE_COMPLETE
	empty       = edgev1.SectionState_SECTION_STATE_EMPTY
	unavailable = edgev1.SectionState_SECTION_STATE_UNAVAILABLE
)

const (
	penicillin = `{"resourceType":"AllergyIntolerance","id":"a-1","clinicalStatus":{"coding":[{"code":"active"}]},"code":{"text":"Penicillin"}}`
	egg        = `{"resourceType":"AllergyIntolerance","id":"a-2","clinicalStatus":{"coding":[{"code":"resolved"}]},"code":{"text":"Egg"}}`
)

// whole is an answer to a request for allergies and medications.
func whole(medication edgev1.SectionState) []*edgev1.GetRecordResponse {
	return edgetest.Messages(
		edgetest.Section(allergies, complete,
			edgetest.Record(allergies, "2019-03", penicillin), edgetest.Ended(edgetest.Record(allergies, "1961", egg))),
		edgetest.Section(medications, medication).With(func(o *edgev1.SectionOutcome) {
			if medication == unavailable {
				o.Reason = "TIMEOUT"
			}
		}))
}

// record answers by the patient's family name.
func record(request *edgev1.GetRecordRequest) ([]*edgev1.GetRecordResponse, error) {
	answer := whole(empty)
	switch name := request.GetContext().GetSubject().GetFamilyName(); name {
	case "whole":
		if len(request.GetSections()) == 1 { // allergies only
			return edgetest.Messages(edgetest.Section(allergies, complete, edgetest.Record(allergies, "2019-03", penicillin))), nil
		}
	case "withheld":
		answer = edgetest.Messages(edgetest.Section(allergies, edgev1.SectionState_SECTION_STATE_NOT_PERMITTED), edgetest.Section(medications, edgev1.SectionState_SECTION_STATE_WITHHELD).
			With(func(o *edgev1.SectionOutcome) { o.RowsRead, o.Withheld = 1, 1 }))
	case "unavailable":
		answer = whole(unavailable)
	case "no-outcome":
		answer[1].Outcomes = nil
	case "two-outcomes":
		answer[1].Outcomes = append(answer[1].Outcomes, answer[1].Outcomes[0])
	case "no-closing":
		answer = answer[:2]
	case "wrong-count":
		answer[0].Outcomes[0].Sent = 3
	case "wrong-digest":
		answer[2].Closing.Digest = strings.Repeat("0", 64)
	case "unasked":
		answer[0].Records[0].Section = edgev1.Section_SECTION_PROBLEMS
	case "not-json":
		damaged := &edgev1.Record{Section: allergies, ResourceType: "AllergyIntolerance", Id: "a-1", Resource: []byte("{")}
		answer = edgetest.Messages(edgetest.Section(allergies, complete, damaged), edgetest.Section(medications, empty))
	case "broken":
		return answer[:1], status.Error(codes.Unavailable, "the connection is gone")
	case "withdrawn":
		return answer[:1], refusal("NO_PATIENT_CONSENT")
	default:
		return nil, refusal(name)
	}
	return answer, nil
}

// refusal is the refusal with a code.
func refusal(code string) error {
	status := map[string]codes.Code{"NO_PATIENT_CONSENT": codes.PermissionDenied, "UNAUTHENTICATED": codes.Unauthenticated,
		"CONSENT_UNAVAILABLE": codes.Unavailable}[code]
	if status == codes.OK {
		code, status = "PATIENT_NOT_FOUND", codes.NotFound
	}
	return edgetest.Refuse(status, &edgev1.Refusal{Code: code, Reason: "TEST", Detail: "why, and what to do\x1b[2J", RequestId: "request-1", JournalSequence: 17})
}

// document answers by the document's id.
func document(request *edgev1.GetDocumentRequest) ([]*edgev1.GetDocumentResponse, error) {
	answer := edgetest.Document(request.GetDocumentId(), "text/plain", "Discharge \x1bletter", []byte("Dear colleague,\n"), 10)
	switch request.GetDocumentId() {
	case "letter":
		return answer, nil
	case "cut":
		return answer[:2], nil
	case "broken":
		return answer[:2], status.Error(codes.Unavailable, "the connection is gone")
	}
	return nil, edgetest.Refuse(codes.NotFound, &edgev1.Refusal{Code: "NO_RECORD_FOUND", Detail: "there is no such document"})
}

func located(request *edgev1.LocatePatientRequest) (*edgev1.LocatePatientResponse, error) {
	if request.GetContext().GetSubject().GetFamilyName() != "whole" {
		return nil, refusal("PATIENT_NOT_FOUND")
	}
	return &edgev1.LocatePatientResponse{Opening: edgetest.Opening(), Sections: []edgev1.Section{allergies, medications}, Closing: edgetest.Closing("")}, nil
}

func startAgent(t *testing.T) *edgetest.Agent {
	consent := &edgev1.ConsentState{Doubt: "STALE", Epoch: 3, JournalSequence: 99, Staged: &edgev1.StagedSnapshot{Directives: 5000}, Sets: []*edgev1.ConsentSet{
		{Authority: "REGION", Filled: true, Sequence: 8, AsOf: timestamppb.New(edgetest.Retrieved), Patients: 2, Directives: 3, Digest: []byte{1, 2, 3, 4, 0xab, 6, 7, 8, 9}},
		{Authority: "SITE", Filled: true, Patients: 1, Directives: 1},
		{Authority: "SOURCE", Source: "letters\x1b"},
	}}
	return edgetest.Start(t, edgetest.Script{
		Record: record, Document: document, Locate: located, Consent: &edgetest.Consent{Local: stated()},
		Status: &edgev1.GetStatusResponse{
			SiteCode: "A99001", SiteName: "Example Surgery", Version: "v1.2.3", StartedAt: timestamppb.New(edgetest.Retrieved),
			Attention: []string{"the certificate ends in 20 days"}, Consent: consent, Journal: edgetest.Position(99), ConfigFingerprint: "abc123",
			CertificateNotAfter: timestamppb.New(edgetest.Retrieved.Add(20 * 24 * time.Hour)),
			Sources: []*edgev1.SourceStatus{
				{Name: "system", Kind: "sql", Readable: true, Detail: "PostgreSQL 15", CheckedAt: timestamppb.New(edgetest.Retrieved)},
				{Name: "letters", Kind: "files", Writable: true, CheckedAt: timestamppb.New(edgetest.Retrieved)},
			},
		},
	})
}

// stated is what was stated at the fake agent's site.
func stated() []*edgev1.Directive {
	var list []*edgev1.Directive
	for i, d := range edgetest.Directives(5) {
		list = append(list, &edgev1.Directive{NhsNumber: d.NHSNumber.Reveal(), Kind: edgev1.DirectiveKind_DIRECTIVE_KIND_DISSENT, Authority: "SITE",
			Effective: timestamppb.New(edgetest.Retrieved), Recorded: timestamppb.New(edgetest.Retrieved), RecordedBy: "desk " + strconv.Itoa(i)})
	}
	return list
}
