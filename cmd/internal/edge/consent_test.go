package edge_test

import (
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

var asOf = edgetest.Retrieved

// listed yields directives without an error.
func listed(all []care.Directive) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// ledger returns a ledger with directives in state 5.
func ledger(t *testing.T, all []care.Directive) *feed.Ledger {
	t.Helper()
	l := feed.NewLedger("test", 5, asOf)
	if err := l.AdmitAll(listed(all)); err != nil {
		t.Fatal(err)
	}
	return l
}

// cache starts an agent with a consent cache.
func cache(t *testing.T, c *edgetest.Consent) *edge.Client {
	return edgetest.Start(t, edgetest.Script{Consent: c}).Client(t)
}

// sent checks how many directives the pushes sent.
func sent(t *testing.T, c *edgetest.Consent, want ...uint64) {
	t.Helper()
	if _, got := c.Pushes(); !slices.Equal(got, want) {
		t.Errorf("the pushes sent %v directives, want %v", got, want)
	}
}

// holds checks that a site was vouched for and holds the ledger's flags.
func holds(t *testing.T, state *edgev1.ConsentState, l *feed.Ledger, err error) {
	t.Helper()
	m, fault := l.Snapshot()
	if err != nil || fault != nil {
		t.Fatalf("err %v, ledger %v", err, fault)
	}
	set := edge.RegionSet(state)
	if !state.GetVouched() || set.GetSequence() != m.Sequence || set.GetPatients() != m.Patients || string(set.GetDigest()) != string(m.Digest[:]) || !set.GetAsOf().AsTime().Equal(m.AsOf) {
		t.Errorf("the site holds %v, want %+v", state, m)
	}
}

func TestPushSnapshot(t *testing.T) {
	c := &edgetest.Consent{}
	client := cache(t, c)
	var told []uint64
	client.Progress = func(sent, of uint64) { told = append(told, sent, of) }
	scoped := edgetest.Directives(2501)
	scoped[0].Scope.Organisations = []care.ODSCode{"RWH", "RAJ"}
	scoped[1].Scope.Sections = care.SetOf(care.Documents, care.Allergies)
	scoped[2].Code = care.Coding{System: "http://snomed.info/sct", Code: "416409005"}
	scoped[3].Recorded = asOf.Add(-time.Minute)
	scoped[4].Kind = care.Restriction
	state, err := client.PushSnapshot(t.Context(), edge.Push{Sequence: 8, AsOf: asOf}, listed(scoped))
	l := feed.NewLedger("REGION", 8, asOf)
	if err := l.AdmitAll(listed(scoped)); err != nil {
		t.Fatal(err)
	}
	holds(t, state, l, err)
	sent(t, c, 2503) // a directive for each of two organisations and two sections
	if !slices.Equal(told, []uint64{1000, 2503, 2000, 2503}) {
		t.Errorf("progress %v", told)
	}
	// Without a number it is the next one.
	state, err = client.PushSnapshot(t.Context(), edge.Push{AsOf: asOf}, listed(nil))
	holds(t, state, feed.NewLedger("REGION", 9, asOf), err)
	if m, _ := c.Pushes(); m[1].Region != "REGION" || m[1].Rows != 0 {
		t.Errorf("manifest %+v", m[1])
	}
}

// TestPushSnapshotGivenUp checks that nothing of a damaged list is sent.
func TestPushSnapshotGivenUp(t *testing.T) {
	c := &edgetest.Consent{}
	file := "nhs_number,directive,effective,by\n9990000018,DISSENT,2026-01-31,region\ndamaged\n"
	_, err := cache(t, c).PushSnapshot(t.Context(), edge.Push{AsOf: asOf}, feed.ParseFile(strings.NewReader(file)))
	if sent(t, c); care.KindOf(err) != care.BadRequest {
		t.Errorf("err %v", err)
	}
	late := edgetest.Directives(2)
	late[1].Kind, late[1].Effective = care.ConsentGiven, asOf.Add(time.Hour)
	_, err = cache(t, c).PushSnapshot(t.Context(), edge.Push{AsOf: asOf}, listed(late))
	if sent(t, c); care.ReasonOf(err) != "FUTURE_DATED" || !strings.Contains(err.Error(), "directive 2: ") {
		t.Errorf("err %v", err)
	}
}

func TestPushRefused(t *testing.T) {
	refused := edgetest.Refuse(codes.PermissionDenied, &edgev1.Refusal{Code: "ACCESS_DENIED"})
	c := &edgetest.Consent{Refuse: func() error { return refused }}
	client := cache(t, c)
	_, err := client.SendSnapshot(t.Context(), ledger(t, edgetest.Directives(10_000)), nil)
	if refusal, ok := edge.RefusalOf(err); !ok || refusal.GetCode() != "ACCESS_DENIED" {
		t.Errorf("err %v", err)
	}
	if _, err = client.Sync(t.Context(), ledger(t, nil), nil); status.Code(err) != codes.PermissionDenied {
		t.Errorf("err %v", err)
	}
}

func TestSigned(t *testing.T) {
	key, public, err := note.GenerateKey(nil, "region.test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	c := &edgetest.Consent{Keys: []string{public}}
	client := cache(t, c)
	_, err = client.PushSnapshot(t.Context(), edge.Push{AsOf: asOf}, listed(nil))
	if refusal, ok := edge.RefusalOf(err); !ok || refusal.GetReason() != feed.ReasonSignature {
		t.Errorf("unsigned: err %v", err)
	}
	if _, err = client.PushSnapshot(t.Context(), edge.Push{AsOf: asOf, Signer: signer}, listed(nil)); err != nil {
		t.Errorf("signed: %v", err)
	}
	if m, _ := c.Pushes(); m[0].Region != "region.test" {
		t.Errorf("region %q", m[0].Region)
	}
}

// TestResume breaks the connection of a snapshot of 10 messages once and again:
// nothing is sent twice, and the site holds all of it.
func TestResume(t *testing.T) {
	c := &edgetest.Consent{Breaks: []int{4, 3}}
	all := ledger(t, edgetest.Directives(9500))
	state, err := cache(t, c).SendSnapshot(t.Context(), all, nil)
	holds(t, state, all, err)
	sent(t, c, 2500)

	// Any number of breaks, as long as the site has more each time.
	c = &edgetest.Consent{Breaks: []int{1, 1, 1, 1, 1, 1, 1}}
	state, err = cache(t, c).SendSnapshot(t.Context(), all, nil)
	holds(t, state, all, err)
	sent(t, c, 2500)

	// A push of before is gone on with, if it is the very same.
	for _, test := range map[string]struct {
		next *feed.Ledger
		sent uint64
	}{
		"same":    {all, 9500 - 2000},
		"another": {ledger(t, edgetest.Directives(9499)), 9499},
	} {
		c := &edgetest.Consent{Breaks: []int{2, 1}}
		client := cache(t, c)
		m, err := all.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		breakOff(t, client, m, all)
		state, err := client.SendSnapshot(t.Context(), test.next, nil)
		holds(t, state, test.next, err)
		sent(t, c, test.sent-1000) // the second break is after the first message of what is left
	}
}

// breakOff sends two messages of a snapshot, of which the connection takes no
// more.
func breakOff(t *testing.T, client *edge.Client, m *feed.Manifest, l *feed.Ledger) {
	t.Helper()
	stream, err := edgev1.NewConsentServiceClient(client.Conn()).PushSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	message := &edgev1.PushSnapshotRequest{Manifest: m.Unsigned()}
	for d := range l.Directives() {
		message.Directives = append(message.Directives, &edgev1.Directive{NhsNumber: d.NHSNumber.Reveal(), Kind: edgev1.DirectiveKind(d.Kind),
			Effective: timestamppb.New(d.Effective), Recorded: timestamppb.New(d.Recorded), RecordedBy: d.By})
		if len(message.Directives) == 1000 {
			_ = stream.Send(message)
			message = &edgev1.PushSnapshotRequest{}
		}
	}
	if _, err := stream.CloseAndRecv(); status.Code(err) != codes.Unavailable {
		t.Fatalf("the push did not break off: %v", err)
	}
}

// TestResumeGivesUp breaks the connection at every attempt before the site has
// kept anything.
func TestResumeGivesUp(t *testing.T) {
	forgets := func(s *edgev1.ConsentState) { s.Staged = nil }
	c := &edgetest.Consent{Breaks: []int{1, 1, 1, 1, 1}, Tamper: forgets}
	_, err := cache(t, c).SendSnapshot(t.Context(), ledger(t, edgetest.Directives(1500)), nil)
	if status.Code(err) != codes.Unavailable || len(c.Breaks) != 1 {
		t.Errorf("err %v, breaks left %v", err, c.Breaks)
	}
	c = &edgetest.Consent{Breaks: []int{1, 1, 1}, Tamper: forgets}
	all := ledger(t, edgetest.Directives(1500))
	state, err := cache(t, c).SendSnapshot(t.Context(), all, nil)
	holds(t, state, all, err)
	sent(t, c, 1500)
}

// TestResumeForgotten checks that a site which cannot go on where it said is
// sent everything.
func TestResumeForgotten(t *testing.T) {
	all := ledger(t, edgetest.Directives(1500))
	m, err := all.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	id := feed.ID(m.Unsigned())
	c := &edgetest.Consent{Tamper: func(s *edgev1.ConsentState) {
		s.Staged = &edgev1.StagedSnapshot{Manifest: id[:], Directives: 1000}
	}}
	state, err := cache(t, c).SendSnapshot(t.Context(), all, nil)
	holds(t, state, all, err)
	sent(t, c, 1500)
}

// TestAnswerLost breaks the connection when all has arrived but the answer.
func TestAnswerLost(t *testing.T) {
	c := &edgetest.Consent{}
	client := cache(t, c)
	all := ledger(t, edgetest.Directives(500))
	if _, err := client.SendSnapshot(t.Context(), all, nil); err != nil {
		t.Fatal(err)
	}
	c.Breaks = []int{1}
	state, err := client.SendSnapshot(t.Context(), all, nil)
	holds(t, state, all, err)
	sent(t, c, 500)
}
