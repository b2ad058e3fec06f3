package broker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// wire is a stream that keeps the messages as they would go to the wire.
type wire struct {
	grpc.ServerStream
	messages [][]byte
}

func (w *wire) Context() context.Context { return context.Background() }

func (w *wire) SendMsg(m any) error {
	data, err := newCodec().Marshal(m)
	if err != nil {
		return err
	}
	w.messages = append(w.messages, data.Materialize())
	data.Free()
	return nil
}

// all merges the messages, as a reader of the stream sees them.
func (w *wire) all(t *testing.T) *edgev1.GetRecordResponse {
	t.Helper()
	whole := &edgev1.GetRecordResponse{}
	for _, data := range w.messages {
		var m edgev1.GetRecordResponse
		if err := proto.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		proto.Merge(whole, &m)
	}
	return whole
}

// The encoding by hand says what the generated code would.
func TestRecordAnswerIsProtobuf(t *testing.T) {
	when := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	w := &wire{}
	a := newRecordAnswer(site{"Y99901", "Northgate"}, &buffers{}, w)
	p := &care.Patient{BirthDate: care.Day(1950, 5, 1), Gender: "female", Names: []care.Name{{Family: care.NewPrivate("Example"), Given: []care.Private{care.NewPrivate("Ann"), care.NewPrivate("Bea")}}}}
	a.Open(&care.Request{ID: "r1"}, p, nil)
	a.Record(&care.Record{Section: care.Allergies, Type: "AllergyIntolerance", ID: "a1", Effective: care.Instant(when), Recorded: care.DateTime{Time: when, Precision: care.ToYear},
		Origin: &care.Origin{Source: "clinical"}, Ended: true, Resource: []byte(`{"resourceType":"AllergyIntolerance"}`)})
	a.Record(&care.Record{Section: care.AboutMe, Type: "Flag", ID: "f", Resource: []byte(strings.Repeat("x", 200))})
	a.Record(&care.Record{})
	a.Outcome(&care.Outcome{Section: care.Allergies, State: care.Withheld, Read: 300, Sent: 2, Withheld: 1, Outside: 7, Failed: 4, Ended: 1, Limit: 20000,
		Boundary: care.DateTime{Time: when, Precision: care.ToMonth}, AsOf: when.Add(5), Warnings: []care.Warning{care.ConfidentialItems, care.DataInTransit}, Reason: "TIMEOUT", Sources: []string{"a", "b"}})
	a.Outcome(&care.Outcome{Section: care.Alerts, State: care.Empty})
	receipt := care.Receipt{Decision: care.Position{Sequence: 41, Leaf: [32]byte{1}}, Ended: care.Position{Sequence: 42, Leaf: [32]byte{2}},
		Proof: care.Proof{Size: 43, Hashes: [][32]byte{{3}, {4}}, Head: []byte("signed")}}
	a.Close(receipt, "d1")
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	got := w.all(t)
	want := &edgev1.GetRecordResponse{
		Opening: &edgev1.Opening{RequestId: "r1", SiteCode: "Y99901", SiteName: "Northgate", FamilyName: "Example", GivenNames: []string{"Ann", "Bea"},
			BirthDate: "1950-05-01", Gender: "female", RetrievedAt: got.GetOpening().GetRetrievedAt()},
		Records: []*edgev1.Record{
			{Section: edgev1.Section_SECTION_ALLERGIES, ResourceType: "AllergyIntolerance", Id: "a1", Effective: "2026-03-01T09:30:00Z", Recorded: "2026", Source: "clinical", Ended: true, Resource: []byte(`{"resourceType":"AllergyIntolerance"}`)},
			{Section: edgev1.Section_SECTION_ABOUT_ME, ResourceType: "Flag", Id: "f", Resource: []byte(strings.Repeat("x", 200))},
			{},
		},
		Outcomes: []*edgev1.SectionOutcome{
			{Section: edgev1.Section_SECTION_ALLERGIES, State: edgev1.SectionState_SECTION_STATE_WITHHELD, RowsRead: 300, Sent: 2, Withheld: 1, OutsidePeriod: 7, Failed: 4, Ended: 1, Limit: 20000,
				Boundary: "2026-03", DataAsOf: timestamppb.New(when.Add(5)), Warnings: []string{"confidential-items", "data-in-transit"}, Reason: "TIMEOUT", Sources: []string{"a", "b"}},
			{Section: edgev1.Section_SECTION_ALERTS, State: edgev1.SectionState_SECTION_STATE_EMPTY},
		},
		Closing: &edgev1.Closing{Decision: position(receipt.Decision), Ended: position(receipt.Ended), Digest: "d1",
			Proof: &edgev1.JournalProof{TreeSize: 43, Hashes: [][]byte{receipt.Proof.Hashes[0][:], receipt.Proof.Hashes[1][:]}, SignedHead: []byte("signed")}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.GetOpening().GetRetrievedAt() == nil {
		t.Error("the opening does not say when it was retrieved")
	}
}

// Messages are full early the first time, then at 56 KiB, and lose nothing.
func TestMessageSizes(t *testing.T) {
	w := &wire{}
	a := newRecordAnswer(site{}, &buffers{}, w)
	const records = 300
	for i := range records {
		if a.Record(&care.Record{Section: care.Observations, ID: fmt.Sprint(i), Resource: make([]byte, 1000)}) {
			if err := a.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	got := w.all(t)
	for i, r := range got.GetRecords() {
		if r.GetId() != fmt.Sprint(i) {
			t.Fatalf("record %d has id %s", i, r.GetId())
		}
	}
	if len(got.GetRecords()) != records || len(w.messages) != 6 || len(w.messages[0]) > 18<<10 {
		t.Errorf("%d records in %d messages, the first of %d bytes", len(got.GetRecords()), len(w.messages), len(w.messages[0]))
	}
}

func TestAnswerAllocatesNothingPerRecord(t *testing.T) {
	a := newRecordAnswer(site{}, &buffers{}, &wire{})
	r := &care.Record{Section: care.Observations, Type: "Observation", ID: "o", Effective: care.Day(2026, 3, 1), Origin: &care.Origin{Source: "clinical"}, Resource: make([]byte, 1000)}
	if n := testing.AllocsPerRun(40, func() { a.Record(r) }); n != 0 {
		t.Errorf("%v allocations per record", n)
	}
}

func TestDocumentAnswerIsProtobuf(t *testing.T) {
	w := &wire{}
	a := &documentAnswer{site: site{"Y99901", "N"}, stream: w, pool: &buffers{}}
	a.Open(&care.Request{ID: "r"}, &care.Patient{}, &care.Document{ID: "d", ContentType: "text/plain", Title: "Letter", Size: 5})
	a.Chunk([]byte("hello"))
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	a.Close(care.Receipt{}, "digest")
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	var first, last edgev1.GetDocumentResponse
	if err := proto.Unmarshal(w.messages[0], &first); err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(w.messages[1], &last); err != nil {
		t.Fatal(err)
	}
	if string(first.GetChunk()) != "hello" || first.GetOpening().GetContentType() != "text/plain" || first.GetOpening().GetSize() != 5 || first.GetClosing() != nil {
		t.Errorf("first message %v", &first)
	}
	if last.GetClosing().GetDigest() != "digest" || last.GetOpening() != nil || last.GetChunk() != nil {
		t.Errorf("last message %v", &last)
	}
}

// Numbers of the domain are numbers of the wire.
func TestEnumsAgree(t *testing.T) {
	for s := range care.AllSections.All() {
		if got := edgev1.Section(s).String(); got != "SECTION_"+s.String() {
			t.Errorf("%v is %s on the wire", s, got)
		}
	}
	for s := care.NotSupported; s <= care.Disabled; s++ {
		if got := edgev1.SectionState(s).String(); got != "SECTION_STATE_"+s.String() {
			t.Errorf("%v is %s on the wire", s, got)
		}
	}
	for p := care.Treatment; p.Valid(); p++ {
		if got := edgev1.Purpose(p).String(); got != "PURPOSE_"+p.String() {
			t.Errorf("%v is %s on the wire", p, got)
		}
	}
	for p := care.PermissionAsked; p.Valid(); p++ {
		if got := edgev1.Permission(p).String(); got != "PERMISSION_"+p.String() {
			t.Errorf("%v is %s on the wire", p, got)
		}
	}
	for k := care.Dissent; k.Valid(); k++ {
		if got := edgev1.DirectiveKind(k).String(); got != "DIRECTIVE_KIND_"+k.String() {
			t.Errorf("%v is %s on the wire", k, got)
		}
	}
}

func TestLargeNumbersDoNotBecomeOthers(t *testing.T) {
	for _, n := range []int32{-1, 256, 257, 1 << 30} {
		if enum[care.Purpose](n).Valid() || enum[care.Section](n).Valid() || enum[care.DirectiveKind](n).Valid() {
			t.Errorf("%d became a valid value", n)
		}
	}
}

var _ mem.BufferPool = (*buffers)(nil)

func FuzzRequest(f *testing.F) {
	good, err := proto.Marshal(&edgev1.GetRecordRequest{Context: &edgev1.Context{RequestId: "r", Subject: &edgev1.Subject{NhsNumber: "9990000018", FamilyName: "x", BirthDate: "1950-05-01"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var m edgev1.GetRecordRequest
		if proto.Unmarshal(data, &m) != nil {
			return
		}
		req := request(t.Context(), care.ReadRecord, care.Broker{}, m.GetContext())
		askFor(req, m.GetSections(), m.GetFromDate(), m.GetToDate())
		if req.Validate() == nil && (req.Subject.NHSNumber.IsZero() || req.Sections == 0 || req.Sections&^care.AllSections != 0) {
			t.Error("an incomplete request is valid")
		}
	})
}
