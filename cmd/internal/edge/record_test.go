package edge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

const (
	allergies   = edgev1.Section_SECTION_ALLERGIES
	medications = edgev1.Section_SECTION_MEDICATIONS
	problems    = edgev1.Section_SECTION_PROBLEMS

	complete = edgev1.SectionState_SECTION_STATE_COMPLETE
	empty    = edgev1.SectionState_SECTION_STATE_EMPTY
)

func resource(kind, id string) string {
	return fmt.Sprintf(`{"resourceType":%q,"id":%q}`, kind, id)
}

// twoSections is an answer with two allergies, one resolved, and no medication.
func twoSections() []*edgev1.GetRecordResponse {
	return edgetest.Messages(
		edgetest.Section(allergies, complete,
			edgetest.Record(allergies, "2019-03", resource("AllergyIntolerance", "a-1")),
			edgetest.Ended(edgetest.Record(allergies, "", resource("AllergyIntolerance", "a-2")))),
		edgetest.Section(medications, empty),
	)
}

// get asks a fake agent for allergies and medications.
func get(t *testing.T, messages []*edgev1.GetRecordResponse, failure error) (*edge.Record, error) {
	t.Helper()
	agent := edgetest.Start(t, edgetest.Script{
		Record: func(*edgev1.GetRecordRequest) ([]*edgev1.GetRecordResponse, error) { return messages, failure },
	})
	return agent.Client(t).GetRecord(t.Context(), &edgev1.GetRecordRequest{Sections: []edgev1.Section{medications, allergies}})
}

func TestGetRecordWhole(t *testing.T) {
	record, err := get(t, twoSections(), nil)
	if err != nil || !record.Whole || len(record.Reasons()) != 0 {
		t.Fatalf("err %v, whole %v, reasons %q", err, record.Whole, record.Reasons())
	}
	if record.Opening.GetSiteCode() != "A99001" || record.Closing.GetEnded().GetSequence() != 42 {
		t.Errorf("opening %v, closing %v", record.Opening, record.Closing)
	}
	if want := int64(2 * len(resource("AllergyIntolerance", "a-1"))); record.Bytes != want {
		t.Errorf("%d bytes, want %d", record.Bytes, want)
	}
	if len(record.Sections) != 2 || record.Sections[0].Section != care.Allergies || record.Sections[1].Section != care.Medications {
		t.Fatalf("sections %v", record.Sections)
	}
	if s := record.Sections[0]; len(s.Records) != 2 || s.State() != care.Complete || s.Records[1].GetId() != "a-2" {
		t.Errorf("allergies: %v", s)
	}
	if s := record.Sections[1]; len(s.Records) != 0 || s.State() != care.Empty {
		t.Errorf("medications: %v", s)
	}
}

// TestGetRecordFaults damages a whole answer in one way at a time.
func TestGetRecordFaults(t *testing.T) {
	type answer = []*edgev1.GetRecordResponse
	outcome := func(a answer) *edgev1.SectionOutcome { return a[0].Outcomes[0] }
	for name, test := range map[string]struct {
		damage func(answer) answer
		fault  string
	}{
		"nothing came":            {func(answer) answer { return nil }, "the answer is empty"},
		"no opening":              {func(a answer) answer { a[0].Opening = nil; return a }, "the first message has no opening"},
		"opening twice":           {func(a answer) answer { a[1].Opening = a[0].Opening; return a }, "an opening came later"},
		"no closing":              {func(a answer) answer { return a[:2] }, "the closing is missing"},
		"closing twice":           {func(a answer) answer { return append(a, a[2]) }, "something came after the closing"},
		"section after closing":   {func(a answer) answer { a[1], a[2] = a[2], a[1]; return a }, "something came after the closing"},
		"no outcome":              {func(a answer) answer { a[0].Outcomes = nil; return a }, "ALLERGIES: no outcome"},
		"no outcome, no record":   {func(a answer) answer { a[1].Outcomes = nil; return a }, "MEDICATIONS: no outcome"},
		"two outcomes":            {func(a answer) answer { a[1].Outcomes = append(a[1].Outcomes, outcome(a)); return a }, "ALLERGIES: more than one outcome"},
		"record after outcome":    {func(a answer) answer { a[1].Records, a[0].Records = a[0].Records, nil; return a }, "ALLERGIES: a record came after"},
		"a record lost":           {func(a answer) answer { a[0].Records = a[0].Records[:1]; return a }, "ALLERGIES: 2 records were sent and 1 came"},
		"wrong count":             {func(a answer) answer { outcome(a).Sent = 3; return a }, "ALLERGIES: 3 records were sent and 2 came"},
		"wrong ended count":       {func(a answer) answer { outcome(a).Ended = 0; return a }, "ALLERGIES: 0 ended records were sent and 1 came"},
		"rows unaccounted for":    {func(a answer) answer { outcome(a).RowsRead = 5; return a }, "ALLERGIES: 5 rows were read and 2 are accounted for"},
		"complete but withheld":   {func(a answer) answer { outcome(a).RowsRead, outcome(a).Withheld = 3, 1; return a }, "ALLERGIES: the outcome COMPLETE contradicts"},
		"complete but failed":     {func(a answer) answer { outcome(a).RowsRead, outcome(a).Failed = 3, 1; return a }, "ALLERGIES: the outcome COMPLETE contradicts"},
		"empty but sent":          {func(a answer) answer { outcome(a).State = empty; return a }, "ALLERGIES: the outcome EMPTY contradicts"},
		"no state":                {func(a answer) answer { outcome(a).State = 0; return a }, "ALLERGIES: the outcome is none that"},
		"unknown state":           {func(a answer) answer { outcome(a).State = 99; return a }, "ALLERGIES: the outcome is none that"},
		"unasked record":          {func(a answer) answer { a[0].Records[0].Section = problems; return a }, "a record of a section that was not asked for"},
		"record of no section":    {func(a answer) answer { a[0].Records[0].Section = -1; return a }, "a record of a section that was not asked for"},
		"unasked outcome":         {func(a answer) answer { outcome(a).Section = problems; return a }, "an outcome of a section that was not asked for"},
		"outcome of no section":   {func(a answer) answer { outcome(a).Section = 300; return a }, "an outcome of a section that was not asked for"},
		"same id twice":           {func(a answer) answer { a[0].Records[1].Id = "a-1"; return a }, "ALLERGIES: the id of a resource is missing or came before"},
		"no id":                   {func(a answer) answer { a[0].Records[1].Id = ""; return a }, "ALLERGIES: the id of a resource is missing or came before"},
		"wrong digest":            {func(a answer) answer { a[2].Closing.Digest = strings.Repeat("0", 64); return a }, "the digest of what came is not"},
		"resource changed":        {func(a answer) answer { a[0].Records[0].Resource[2] ^= 1; return a }, "the digest of what came is not"},
		"order changed":           {func(a answer) answer { slices.Reverse(a[0].Records); return a }, "the digest of what came is not"},
		"not JSON":                {func(a answer) answer { a[0].Records[0].Resource = []byte("{"); return a }, "ALLERGIES: a resource is not JSON"},
		"another resource":        {func(a answer) answer { a[0].Records[0].ResourceType = "Condition"; return a }, "ALLERGIES: a resource is not the one"},
		"not journalled":          {func(a answer) answer { a[2].Closing.Decision = nil; return a }, "the closing does not say where"},
		"ended before it began":   {func(a answer) answer { a[2].Closing.Ended.Sequence = 40; return a }, "the closing does not say where"},
		"half a leaf hash":        {func(a answer) answer { a[2].Closing.Ended.LeafHash = make([]byte, 16); return a }, "the closing does not say where"},
		"closing without records": {func(a answer) answer { return answer{{Opening: a[0].Opening, Closing: edgetest.Closing("")}} }, "ALLERGIES: no outcome"},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := get(t, test.damage(twoSections()), nil)
			if err != nil {
				t.Fatal(err)
			}
			if record.Whole || !slices.ContainsFunc(record.Faults, func(f string) bool { return strings.HasPrefix(f, test.fault) }) {
				t.Errorf("whole %v, faults %q, want %q", record.Whole, record.Faults, test.fault)
			}
			for _, s := range record.Sections {
				named := slices.ContainsFunc(record.Faults, func(f string) bool { return strings.HasPrefix(f, s.Section.String()+":") })
				if named != (len(s.Faults) > 0) || named && s.State() != 0 {
					t.Errorf("%v: faults %q, state %v", s.Section, s.Faults, s.State())
				}
			}
		})
	}
}

func TestGetRecordGaps(t *testing.T) {
	for _, test := range []struct {
		state edgev1.SectionState
		whole bool
	}{
		{edgev1.SectionState_SECTION_STATE_UNSUPPORTED, true},
		{edgev1.SectionState_SECTION_STATE_EMPTY, true},
		{edgev1.SectionState_SECTION_STATE_NIL_KNOWN, true},
		{edgev1.SectionState_SECTION_STATE_COMPLETE, true},
		{edgev1.SectionState_SECTION_STATE_IN_TRANSIT, false},
		{edgev1.SectionState_SECTION_STATE_WITHHELD, true},
		{edgev1.SectionState_SECTION_STATE_TRUNCATED, false},
		{edgev1.SectionState_SECTION_STATE_UNAVAILABLE, false},
		{edgev1.SectionState_SECTION_STATE_NOT_PERMITTED, true},
		{edgev1.SectionState_SECTION_STATE_DISABLED, true},
	} {
		t.Run(test.state.String(), func(t *testing.T) {
			record, err := get(t, edgetest.Messages(edgetest.Section(allergies, empty), edgetest.Section(medications, test.state)), nil)
			if err != nil || len(record.Faults) > 0 || record.Whole != test.whole || (len(record.Gaps) == 0) != test.whole {
				t.Errorf("err %v, whole %v, faults %q, gaps %q", err, record.Whole, record.Faults, record.Gaps)
			}
		})
	}
}

// TestGetRecordFails checks that what came before a failure is there, marked.
func TestGetRecordFails(t *testing.T) {
	refused := edgetest.Refuse(codes.PermissionDenied, &edgev1.Refusal{Code: "NO_PATIENT_CONSENT", JournalSequence: 7})
	record, err := get(t, twoSections()[:1], refused)
	if refusal, ok := edge.RefusalOf(err); !ok || refusal.GetCode() != "NO_PATIENT_CONSENT" || refusal.GetJournalSequence() != 7 {
		t.Errorf("refusal %v of %v", refusal, err)
	}
	if record.Whole || len(record.Sections[0].Records) != 2 || !slices.Contains(record.Faults, "the call failed before the answer was there") {
		t.Errorf("whole %v, %v", record.Whole, record.Faults)
	}
}

func TestRefusalOf(t *testing.T) {
	for name, err := range map[string]error{
		"nil": nil, "local": errors.New("local"), "no detail": status.Error(codes.Unavailable, "down"),
	} {
		if refusal, ok := edge.RefusalOf(err); ok || refusal != nil {
			t.Errorf("%s: %v", name, refusal)
		}
	}
	wrapped := fmt.Errorf("wrapped: %w", edgetest.Refuse(codes.NotFound, &edgev1.Refusal{Code: "PATIENT_NOT_FOUND"}))
	if refusal, ok := edge.RefusalOf(wrapped); !ok || refusal.GetCode() != "PATIENT_NOT_FOUND" {
		t.Errorf("wrapped: %v", refusal)
	}
}

// TestVisitRecord checks that pieces come in order and that an error stops.
func TestVisitRecord(t *testing.T) {
	agent := edgetest.Start(t, edgetest.Script{
		Record: func(*edgev1.GetRecordRequest) ([]*edgev1.GetRecordResponse, error) { return twoSections(), nil },
	})
	request := &edgev1.GetRecordRequest{Sections: []edgev1.Section{allergies, medications}}
	var seen []string
	visitor := edge.Visitor{
		Opening: func(o *edgev1.Opening) error { seen = append(seen, o.GetSiteCode()); return nil },
		Record:  func(r *edgev1.Record) error { seen = append(seen, r.GetId()); return nil },
		Outcome: func(o *edgev1.SectionOutcome) error { seen = append(seen, o.GetState().String()); return nil },
	}
	verdict, err := agent.Client(t).VisitRecord(t.Context(), request, visitor)
	want := []string{"A99001", "a-1", "a-2", "SECTION_STATE_COMPLETE", "SECTION_STATE_EMPTY"}
	if err != nil || !verdict.Whole || !slices.Equal(seen, want) {
		t.Errorf("err %v, whole %v, seen %q", err, verdict.Whole, seen)
	}
	full := errors.New("the disk is full")
	visitor.Record = func(*edgev1.Record) error { return full }
	if verdict, err = agent.Client(t).VisitRecord(t.Context(), request, visitor); !errors.Is(err, full) || verdict.Whole {
		t.Errorf("err %v, whole %v", err, verdict.Whole)
	}
	if verdict, err = agent.Client(t).VisitRecord(t.Context(), request, edge.Visitor{}); err != nil || !verdict.Whole {
		t.Errorf("no functions: err %v, whole %v", err, verdict.Whole)
	}
}

// TestDigest holds the digest to values that were computed elsewhere, from the
// description of the manifest alone.
func TestDigest(t *testing.T) {
	if got := edge.Digest(); got != "" {
		t.Errorf("no records: %q", got)
	}
	records := []*edgev1.Record{
		{Section: 3, ResourceType: "AllergyIntolerance", Id: "a-1", Effective: "2019-03", Recorded: "2019-03-04T10:00:00Z", Resource: []byte(`{"resourceType":"AllergyIntolerance","id":"a-1"}`)},
		{Section: 4, ResourceType: "MedicationRequest", Id: "m-1", Resource: []byte(`{}`), Ended: true, Source: "not in the manifest"},
	}
	const want = "90bae0d756f599167881c94ec4868b1aba8b16bb0e907cd0114896ce508c73ee"
	if got := edge.Digest(records...); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCallsWithoutAgent(t *testing.T) {
	agent := edgetest.Start(t, edgetest.Script{})
	stranger := edgetest.Start(t, edgetest.Script{})
	region := agent.Region
	region.Certificate, region.Key = stranger.Region.Certificate, stranger.Region.Key
	wrongName := agent.Region
	wrongName.ServerName = "other.test"
	nobody := agent.Region
	nobody.Address = "127.0.0.1:1"
	for name, region := range map[string]edge.Region{"stranger": region, "wrong name": wrongName, "nobody": nobody} {
		t.Run(name, func(t *testing.T) {
			client, err := edge.Dial(region)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			record, err := client.GetRecord(context.Background(), &edgev1.GetRecordRequest{})
			if _, refused := edge.RefusalOf(err); status.Code(err) != codes.Unavailable || refused || record.Whole || len(record.Sections) != 21 {
				t.Errorf("err %v, %d sections", err, len(record.Sections))
			}
		})
	}
}
