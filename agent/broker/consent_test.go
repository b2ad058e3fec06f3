package broker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// flags are a consent store that keeps what it is handed and says what it is
// told to say.
type flags struct {
	push    broker.Push
	from    uint64
	pushed  []care.Directive
	broken  error           // what ended the last snapshot
	began   chan<- struct{} // told of each batch, if not nil
	gone    chan<- error    // told of what ended the last snapshot, if not nil
	actor   string
	file    string
	asked   care.ODSCode
	link    broker.PatientLink
	after   uint64
	limit   int
	local   broker.Local
	listed  []broker.Stated
	listErr error
	refusal error // what is refused
}

func (f *flags) State() broker.ConsentState {
	return broker.ConsentState{Epoch: 3, Doubt: "STALE", Instance: [16]byte{1, 2}, Vouched: true, Journal: 8,
		Sets: []broker.ConsentSet{{Authority: care.Region, Filled: true, Sequence: 7, AsOf: effective, Patients: 2, Directives: 4, Digest: [32]byte{9}},
			{Authority: care.SourceFlag, Source: "clinical"}},
		Staged: broker.StagedSnapshot{Manifest: [32]byte{5}, Directives: 6}}
}

func (f *flags) Snapshot(_ context.Context, p broker.Push, from uint64, batches iter.Seq2[[]care.Directive, error]) error {
	f.push, f.from = p, from
	for batch, err := range batches {
		if err != nil {
			f.broken = err
			if f.gone != nil {
				f.gone <- err
			}
			return err
		}
		f.pushed = append(f.pushed, batch...)
		if f.began != nil {
			f.began <- struct{}{}
		}
	}
	return f.refusal
}

func (f *flags) Changes(_ context.Context, p broker.Push, changes []care.Directive) error {
	f.push, f.pushed = p, changes
	return f.refusal
}

func (f *flags) Local(_ context.Context, actor string, after uint64, limit int) (broker.Local, error) {
	f.actor, f.after, f.limit = actor, after, limit
	return f.local, f.refusal
}

func (f *flags) Record(_ context.Context, actor, file string, statements []care.Directive) (broker.Recorded, error) {
	f.actor, f.file, f.pushed = actor, file, statements
	return broker.Recorded{Changed: len(statements), Entry: 9}, f.refusal
}

func (f *flags) Show(_ context.Context, actor string, _ care.NHSNumber, organisation care.ODSCode) (broker.Shown, error) {
	f.actor, f.asked = actor, organisation
	said := care.Directive{NHSNumber: number("9990000018"), Kind: care.Dissent, Authority: care.SourceFlag, Source: "clinical", By: "Reception", Effective: effective,
		Recorded: effective.Add(time.Hour), Scope: care.Scope{Organisations: []care.ODSCode{"RWH"}}, Code: care.Coding{System: "http://snomed.info/sct", Code: "416409005"}}
	return broker.Shown{Directives: []care.Directive{said}, Because: []string{"The patient has said no."}, Linked: 2,
		Answer: care.ConsentAnswer{Refusal: care.NoPatientConsent, Reason: "DISSENT", Withheld: care.SetOf(care.Medications)}}, f.refusal
}

func (f *flags) Link(_ context.Context, actor string, link broker.PatientLink) (uint64, error) {
	f.actor, f.link = actor, link
	return 11, f.refusal
}

func (f *flags) Verify(_ context.Context, actor string) error {
	f.actor = actor
	return f.refusal
}

func (f *flags) List(_ context.Context, actor string, after uint64) iter.Seq2[broker.Stated, error] {
	f.actor, f.after = actor, after
	return func(yield func(broker.Stated, error) bool) {
		for _, s := range f.listed {
			if !yield(s, nil) {
				return
			}
		}
		if f.listErr != nil {
			yield(broker.Stated{}, f.listErr)
		}
	}
}

var effective = time.Date(2026, 3, 1, 10, 0, 0, 123_000_000, time.UTC)

func number(text string) care.NHSNumber {
	n, err := care.ParseNHSNumber(text)
	if err != nil {
		panic(err)
	}
	return n
}

// said is a directive as a region or a site sends it.
func said() *edgev1.Directive {
	return &edgev1.Directive{NhsNumber: "9990000018", Kind: edgev1.DirectiveKind_DIRECTIVE_KIND_DISSENT, Effective: timestamppb.New(effective.Add(456 * time.Microsecond)),
		RecordedBy: "Reception", Authority: "SITE", Source: "made up", Recorded: timestamppb.New(effective), Organisations: []string{"RWH", "E82001"},
		CodeSystem: "http://snomed.info/sct", Code: "416409005"}
}

var manifest = []byte("manifest")

func vouching() *edgev1.Vouching { return &edgev1.Vouching{Instance: make([]byte, 16), KnownEpoch: 42} }

// consentClient serves a house to a caller with roles.
func consentClient(t *testing.T, roles identity.Roles) (*house, edgev1.ConsentServiceClient) {
	h := &house{caller: identity.Caller{Peer: identity.Peer{Name: "b", Roles: roles}}}
	return h, edgev1.NewConsentServiceClient(serve(t, h, nil))
}

func pushAll(t *testing.T, client edgev1.ConsentServiceClient, messages ...*edgev1.PushSnapshotRequest) (*edgev1.PushSnapshotResponse, error) {
	t.Helper()
	stream, err := client.PushSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		_ = stream.Send(m)
	}
	return stream.CloseAndRecv()
}

func TestPushSnapshot(t *testing.T) {
	h, client := consentClient(t, identity.RoleConsent)
	first := &edgev1.PushSnapshotRequest{Manifest: manifest, ResumeFrom: 17, Vouching: vouching(), Directives: []*edgev1.Directive{said()}}
	reply, err := pushAll(t, client, first, &edgev1.PushSnapshotRequest{}, &edgev1.PushSnapshotRequest{Directives: []*edgev1.Directive{said(), said()}})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.pushed) != 3 || h.from != 17 || h.push.Actor != "b" || !bytes.Equal(h.push.Manifest, manifest) || len(h.push.Vouching.Instance) != 16 || h.push.Vouching.KnownEpoch != 42 {
		t.Errorf("pushed %d from %d with %+v", len(h.pushed), h.from, h.push)
	}
	d := h.pushed[2]
	if d.Authority != care.Region || d.Source != "" || d.Kind != care.Dissent || d.NHSNumber.Reveal() != "9990000018" || d.By != "Reception" ||
		!d.Effective.Equal(effective) || !d.Recorded.Equal(effective) || len(d.Scope.Organisations) != 2 || d.Scope.Organisations[1] != "E82001" ||
		d.Code != (care.Coding{System: "http://snomed.info/sct", Code: "416409005"}) {
		t.Errorf("read %+v", d)
	}
	s := reply.GetState()
	if s.GetEpoch() != 3 || s.GetDoubt() != "STALE" || !s.GetVouched() || s.GetJournalSequence() != 8 || s.GetInstance()[1] != 2 || len(s.GetSets()) != 2 {
		t.Errorf("the state is told as %v", s)
	}
	region, source := s.GetSets()[0], s.GetSets()[1]
	if region.GetAuthority() != "REGION" || region.GetSequence() != 7 || !region.GetAsOf().AsTime().Equal(effective) || region.GetPatients() != 2 ||
		region.GetDirectives() != 4 || region.GetDigest()[0] != 9 || !region.GetFilled() || source.GetSource() != "clinical" || source.GetAsOf() != nil {
		t.Errorf("the sets are told as %v and %v", region, source)
	}
	if s.GetStaged().GetDirectives() != 6 || s.GetStaged().GetManifest()[0] != 5 {
		t.Errorf("what is staged is told as %v", s.GetStaged())
	}
}

// What a message may not hold is refused by name, and nothing of it arrives.
func TestDirectivesThatAreRefused(t *testing.T) {
	spoilt := func(change func(*edgev1.Directive)) []*edgev1.Directive {
		bad := said()
		change(bad)
		return []*edgev1.Directive{said(), bad}
	}
	many := make([]*edgev1.Directive, 1001)
	for i := range many {
		many[i] = &edgev1.Directive{}
	}
	organisations := make([]string, 65)
	for i := range organisations {
		organisations[i] = "RWH"
	}
	for name, c := range map[string]struct {
		list []*edgev1.Directive
		want string
	}{
		"bad number":           {spoilt(func(d *edgev1.Directive) { d.NhsNumber = "9990000019" }), "INVALID_NHS_NUMBER "},
		"no kind":              {spoilt(func(d *edgev1.Directive) { d.Kind = 0 }), "BAD_REQUEST FIELD"},
		"kind of later":        {spoilt(func(d *edgev1.Directive) { d.Kind = 257 }), "BAD_REQUEST FIELD"},
		"the first of dates":   {spoilt(func(d *edgev1.Directive) { d.Effective = timestamppb.New(time.Time{}) }), "BAD_REQUEST FIELD"},
		"no date":              {spoilt(func(d *edgev1.Directive) { d.Effective = nil }), "BAD_REQUEST FIELD"},
		"impossible date":      {spoilt(func(d *edgev1.Directive) { d.Recorded = &timestamppb.Timestamp{Nanos: -1} }), "BAD_REQUEST FIELD"},
		"long by":              {spoilt(func(d *edgev1.Directive) { d.RecordedBy = strings.Repeat("r", 65) }), "BAD_REQUEST FIELD"},
		"by steers a terminal": {spoilt(func(d *edgev1.Directive) { d.RecordedBy = "\x1b[2J" }), "BAD_REQUEST FIELD"},
		"by has C1 controls":   {spoilt(func(d *edgev1.Directive) { d.RecordedBy = "\u009b2J" }), "BAD_REQUEST FIELD"},
		"long code":            {spoilt(func(d *edgev1.Directive) { d.Code = strings.Repeat("1", 65) }), "BAD_REQUEST FIELD"},
		"long system":          {spoilt(func(d *edgev1.Directive) { d.CodeSystem = strings.Repeat("1", 129) }), "BAD_REQUEST FIELD"},
		"many organisations":   {spoilt(func(d *edgev1.Directive) { d.Organisations = organisations }), "BAD_REQUEST FIELD"},
		"organisation is none": {spoilt(func(d *edgev1.Directive) { d.Organisations = []string{"rwh"} }), "BAD_REQUEST FIELD"},
		"section is none":      {spoilt(func(d *edgev1.Directive) { d.Sections = []edgev1.Section{22} }), "BAD_REQUEST FIELD"},
		"many sections":        {spoilt(func(d *edgev1.Directive) { d.Sections = make([]edgev1.Section, 22) }), "BAD_REQUEST FIELD"},
		"many directives":      {many, "LIMIT_EXCEEDED DIRECTIVES"},
	} {
		t.Run(name, func(t *testing.T) {
			h, client := consentClient(t, identity.RoleConsent|identity.RoleSite)
			_, err := pushAll(t, client, &edgev1.PushSnapshotRequest{Manifest: manifest, Directives: c.list})
			if code(err) != c.want || code(h.broken) == "OK" || len(h.pushed) > 0 {
				t.Errorf("a snapshot is answered %s, %d directives arrived", code(err), len(h.pushed))
			}
			if _, err := client.PushChanges(t.Context(), &edgev1.PushChangesRequest{Manifest: manifest, Changes: c.list}); code(err) != c.want || len(h.pushed) > 0 {
				t.Errorf("changes are answered %s", code(err))
			}
			if name == "no date" {
				return // what a site says then holds from now on: TestRecordDirectives
			}
			if _, err := client.RecordDirectives(t.Context(), &edgev1.RecordDirectivesRequest{Directives: c.list}); code(err) != c.want || len(h.pushed) > 0 {
				t.Errorf("a record is answered %s", code(err))
			}
			if len(c.list) == 2 && !strings.Contains(err.Error(), "directive 2 of the message") {
				t.Errorf("it is not said which: %v", err)
			}
		})
	}
}

func TestPushesThatAreRefused(t *testing.T) {
	shortInstance := &edgev1.Vouching{Instance: make([]byte, 15)}
	more := &edgev1.PushSnapshotRequest{Directives: []*edgev1.Directive{said()}}
	for name, c := range map[string]struct {
		messages []*edgev1.PushSnapshotRequest
		want     string
	}{
		"nothing":          {nil, "BAD_REQUEST EMPTY"},
		"no manifest":      {[]*edgev1.PushSnapshotRequest{more}, "BAD_REQUEST FIELD"},
		"long manifest":    {[]*edgev1.PushSnapshotRequest{{Manifest: make([]byte, 4<<10+1)}}, "BAD_REQUEST FIELD"},
		"short instance":   {[]*edgev1.PushSnapshotRequest{{Manifest: manifest, Vouching: shortInstance}}, "BAD_REQUEST FIELD"},
		"no instance":      {[]*edgev1.PushSnapshotRequest{{Manifest: manifest, Vouching: &edgev1.Vouching{}}}, "BAD_REQUEST FIELD"},
		"second manifest":  {[]*edgev1.PushSnapshotRequest{{Manifest: manifest}, {Manifest: manifest}}, "BAD_REQUEST FIELD"},
		"second vouching":  {[]*edgev1.PushSnapshotRequest{{Manifest: manifest}, {Vouching: vouching()}}, "BAD_REQUEST FIELD"},
		"second beginning": {[]*edgev1.PushSnapshotRequest{{Manifest: manifest}, {ResumeFrom: 1}}, "BAD_REQUEST FIELD"},
	} {
		t.Run(name, func(t *testing.T) {
			h, client := consentClient(t, identity.RoleConsent)
			if _, err := pushAll(t, client, c.messages...); code(err) != c.want || len(h.pushed) > 0 {
				t.Errorf("answered %s", code(err))
			}
		})
	}
	h, client := consentClient(t, identity.RoleConsent)
	if _, err := client.PushChanges(t.Context(), &edgev1.PushChangesRequest{Manifest: manifest, Vouching: shortInstance}); code(err) != "BAD_REQUEST FIELD" {
		t.Errorf("changes with a short instance: %v", err)
	}
	h.refusal = &care.Error{Kind: care.Conflict, Reason: "GAP", Detail: "push a snapshot"}
	if _, err := client.PushChanges(t.Context(), &edgev1.PushChangesRequest{Manifest: manifest}); code(err) != "CONFLICT GAP" {
		t.Errorf("a gap is told as %v", err)
	}
	if len(h.push.Vouching.Instance) != 0 {
		t.Error("a push without a vouching vouches")
	}
	if _, err := client.RecordDirectives(t.Context(), &edgev1.RecordDirectivesRequest{Directives: []*edgev1.Directive{said()}}); code(err) != "ACCESS_DENIED ROLE" {
		t.Errorf("a broker may speak for the site: %v", err)
	}
}

// A snapshot that breaks off says so, as one that can be continued.
func TestASnapshotThatBreaksOff(t *testing.T) {
	h, client := consentClient(t, identity.RoleConsent)
	began := make(chan struct{}, 1)
	h.began = began
	ctx, hangUp := context.WithCancel(t.Context())
	stream, err := client.PushSnapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	h.gone = ended
	if err := stream.Send(&edgev1.PushSnapshotRequest{Manifest: manifest, Directives: []*edgev1.Directive{said()}}); err != nil {
		t.Fatal(err)
	}
	<-began
	hangUp()
	select {
	case err := <-ended:
		if care.KindOf(err) != care.Cancelled {
			t.Errorf("the store is told %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the store is not told")
	}
}

func TestListLocalDirectives(t *testing.T) {
	for _, c := range []struct {
		asked    uint32
		limit    int
		told     int
		messages int
		cursors  []uint64
	}{
		{0, 10_000, 0, 1, []uint64{5000}},
		{10, 10, 1000, 1, []uint64{5000}},
		{1 << 31, 10_000, 2001, 3, []uint64{2999, 4999, 5000}},
	} {
		h, client := consentClient(t, identity.RoleConsent)
		h.local = broker.Local{Cursor: 5000, Oldest: 12}
		for i := range c.told {
			h.local.Statements = append(h.local.Statements, broker.Stated{Entry: uint64(1000 + 2*i),
				Directive: care.Directive{NHSNumber: number("9990000018"), Kind: care.Dissent, Authority: care.Site, Effective: effective}})
		}
		stream, err := client.ListLocalDirectives(t.Context(), &edgev1.ListLocalDirectivesRequest{After: 11, Limit: c.asked})
		if err != nil {
			t.Fatal(err)
		}
		told, messages := 0, 0
		for {
			reply, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if reply.GetOldest() != 12 || reply.GetCursor() != c.cursors[messages] {
				t.Errorf("message %d: oldest %d, cursor %d, want %d", messages, reply.GetOldest(), reply.GetCursor(), c.cursors[messages])
			}
			told += len(reply.GetDirectives())
			messages++
		}
		if told != c.told || messages != c.messages || h.limit != c.limit || h.after != 11 || h.actor != "b" {
			t.Errorf("asked for %d: %d statements in %d messages; the store was asked for %d after %d", c.asked, told, messages, h.limit, h.after)
		}
	}
}
