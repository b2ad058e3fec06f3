package edge_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/gate"
	"github.com/mycarerecord/edge-agent/agent/identity"
	"github.com/mycarerecord/edge-agent/agent/policy"
	"github.com/mycarerecord/edge-agent/agent/records"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// site fakes what stands behind the agent's own gate and services: everybody
// may have everything, and the journal is a counter.
type site struct {
	journal  uint64
	document string
	list     []care.Record
}

func (*site) Decide(r *care.Request, _ []care.ODSCode) (policy.Grant, error) {
	return policy.Grant{Released: r.Sections.Without(care.Recalls), Disabled: r.Sections & care.SetOf(care.Recalls)}, nil
}

func (*site) Admit(context.Context, *care.Request) error { return nil }

func (*site) Settle(*care.Request, care.Kind) {}

func (*site) Check(*care.Request) care.ConsentAnswer { return care.ConsentAnswer{} }

func (*site) Version() uint64 { return 0 }

func (s *site) Append(care.Event) care.Entry {
	s.journal++
	return entry(s.journal)
}

func (s *site) AppendLazily(e care.Event) care.Entry { return s.Append(e) }

// entry is a number in the journal, on disk at once.
type entry uint64

func (e entry) Position() care.Position {
	return care.Position{Sequence: uint64(e), Leaf: [32]byte{byte(e)}}
}

func (entry) Wait(context.Context) error { return nil }

func (*site) Identify(context.Context, care.Subject) (*records.Match, error) {
	name := care.Name{Family: care.NewPrivate("EXAMPLE"), Given: []care.Private{care.NewPrivate("Ada")}}
	return &records.Match{Patient: care.Patient{Names: []care.Name{name}, BirthDate: care.Day(1950, 3, 1)}}, nil
}

func (*site) Sections() care.SectionSet { return care.AllSections }
func (*site) Quick() bool               { return false }

func (*site) Prove(care.Position) (care.Proof, error) { return care.Proof{}, nil }

func (s *site) Document(context.Context, *records.Match, string) (care.Document, error) {
	return care.Document{ID: "d-1", ContentType: "text/plain", Size: int64(len(s.document)), Body: body{strings.NewReader(s.document)}}, nil
}

type body struct{ *strings.Reader }

func (body) Close() error { return nil }

// Read sends the list as allergies; every other section is empty.
func (s *site) Read(_ context.Context, _ *records.Match, query records.Query, sink records.Sink) error {
	for section := range query.Sections.All() {
		outcome := care.Outcome{Section: section, State: care.Empty}
		if section == care.Allergies {
			outcome = care.Outcome{Section: section, State: care.Complete, Read: len(s.list), Sent: len(s.list)}
			for i := range s.list {
				if s.list[i].Ended {
					outcome.Ended++
				}
				if err := sink.Record(&s.list[i]); err != nil {
					return err
				}
			}
		}
		if err := sink.Outcome(&outcome); err != nil {
			return err
		}
	}
	return nil
}

// door lets everybody read records who has a certificate of the region.
type door struct{}

func (door) Identify(*tls.ConnectionState) (identity.Caller, error) {
	return identity.Caller{Peer: identity.Peer{Name: "broker", Roles: identity.RoleRecords}}, nil
}

// agentOf runs the agent's own gate and services in front of a site and
// returns a client of it.
func agentOf(t *testing.T, s *site) *edge.Client {
	g := &gate.Gate{Policy: s, Budget: s, Consent: s, Journal: s, Records: s, Timeout: time.Minute, DocumentSize: 1 << 20}
	_, region := edgetest.Serve(t, func(credentials grpc.ServerOption) *grpc.Server {
		return broker.NewServer(broker.Settings{SiteCode: "A99001", SiteName: "Example", Gate: func() broker.Gate { return g },
			Door: broker.NewDoorman(s, hclog.NewNullLogger()), Health: health.NewServer(), Calls: 4, PerMinute: 600, Documents: 1}, door{}, credentials)
	})
	return edgetest.Dial(t, region)
}

// asking is a request's context that the gate finds well formed.
func asking() *edgev1.Context {
	return &edgev1.Context{Requester: &edgev1.Requester{UserId: "1", UserName: "Dr Test", RoleCode: "R0260", Organisation: "Y90001"},
		Purpose: edgev1.Purpose_PURPOSE_TREAT, Permission: edgev1.Permission_PERMISSION_ASKED,
		Subject: &edgev1.Subject{NhsNumber: "9990000018", FamilyName: "Example", BirthDate: "1950-03-01"}}
}

// TestAgainstTheAgentsGate reads from the agent's own gate and encoding, so
// that both ends agree about the digest, the numbers and the order. The list
// spans many messages and has dates of every precision.
func TestAgainstTheAgentsGate(t *testing.T) {
	s := &site{document: strings.Repeat("0123456789", 20_000)}
	dates := []care.DateTime{{}, {Time: edgetest.Retrieved, Precision: care.ToYear}, {Time: edgetest.Retrieved, Precision: care.ToMonth},
		care.Day(2020, 2, 29), care.Instant(edgetest.Retrieved.Add(123 * time.Millisecond))}
	for i := range 500 {
		id := fmt.Sprintf("a-%d", i)
		resource := fmt.Appendf(nil, `{"resourceType":"AllergyIntolerance","id":%q,"x":%q}`, id, strings.Repeat("x", i))
		s.list = append(s.list, care.Record{Section: care.Allergies, Type: "AllergyIntolerance", ID: id, Effective: dates[i%5], Recorded: dates[i/5%5],
			Origin: &care.Origin{Source: "system"}, Ended: i%7 == 0, Resource: resource, Checksum: care.Checksum(resource)})
	}
	client := agentOf(t, s)
	record, err := client.GetRecord(t.Context(), &edgev1.GetRecordRequest{Context: asking()})
	if err != nil || !record.Whole || len(record.Sections) != 21 {
		t.Fatalf("err %v, reasons %q", err, record.Reasons())
	}
	if n := len(record.Sections[2].Records); n != 500 || record.Sections[12].State() != care.Disabled {
		t.Errorf("%d records, recalls %v", n, record.Sections[12].State())
	}
	record, err = client.GetRecord(t.Context(), &edgev1.GetRecordRequest{Context: asking(), Sections: []edgev1.Section{medications}})
	if err != nil || !record.Whole || record.Closing.GetDigest() != "" {
		t.Errorf("empty record: err %v, reasons %q", err, record.Reasons())
	}
	var content strings.Builder
	d, err := client.GetDocument(t.Context(), &edgev1.GetDocumentRequest{Context: asking(), DocumentId: "d-1"}, &content)
	if err != nil || !d.Whole || content.String() != s.document {
		t.Errorf("document: err %v, faults %q", err, d.Faults)
	}
	if found, err := client.Locate(t.Context(), &edgev1.LocatePatientRequest{Context: asking()}); err != nil || len(found.GetSections()) != 20 {
		t.Errorf("located: err %v, %v", err, found.GetSections())
	}
	record, err = client.GetRecord(t.Context(), &edgev1.GetRecordRequest{})
	if refusal, ok := edge.RefusalOf(err); !ok || refusal.GetCode() != "INVALID_NHS_NUMBER" || refusal.GetJournalSequence() == 0 || record.Whole {
		t.Errorf("refused: %v", err)
	}
}
