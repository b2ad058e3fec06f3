package edgetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Consent is the consent cache of a fake agent. It keeps the contract of
// ConsentService in memory: manifests and signatures, sequences and gaps,
// snapshots that go on where they broke off, vouching and epochs. It decides
// nothing. Fields are set before the agent starts; methods may be called while
// it runs.
type Consent struct {
	// Keys are the verifier keys of the region; none asks for no signature.
	Keys []string
	// Breaks has, for each of the next snapshots, after how many messages the
	// connection breaks; 0 is not at all.
	Breaks []int
	// Refuse, if there is one, is asked before every push.
	Refuse func() error
	// Local is what was stated at the site: the statement i is journal entry i+1.
	Local []*edgev1.Directive
	// Oldest is the first journal entry that can still be read.
	Oldest uint64
	// Tamper, if there is one, changes what the agent tells of itself.
	Tamper func(*edgev1.ConsentState)

	edgev1.UnimplementedConsentServiceServer
	mu       sync.Mutex
	instance []byte
	epoch    uint64
	vouched  bool
	held     *feed.Ledger
	set      *edgev1.ConsentSet
	staged   *staged
	pushes   []*feed.Manifest
	sent     []uint64 // directives that each push sent
}

// staged is what has arrived of a snapshot.
type staged struct {
	id         [32]byte
	directives []*edgev1.Directive
}

// Restart makes the agent a new process that nobody has vouched for.
func (c *Consent) Restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instance, c.vouched = nil, false
}

// Rewind puts the epoch back, as a restored copy of the disk does.
func (c *Consent) Rewind(epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch = epoch
}

// Pushes returns the manifests of the pushes that arrived, and how many
// directives each sent; one that broke off has no manifest and is not counted.
func (c *Consent) Pushes() ([]*feed.Manifest, []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pushes, c.sent
}

// State returns what GetConsentState tells.
func (c *Consent) State() *edgev1.ConsentState {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.instance == nil {
		c.instance = make([]byte, 16)
		_, _ = rand.Read(c.instance)
	}
	state := &edgev1.ConsentState{Epoch: c.epoch, Instance: c.instance, Vouched: c.vouched, JournalSequence: uint64(len(c.Local))}
	if c.set != nil {
		state.Sets = []*edgev1.ConsentSet{proto.CloneOf(c.set)}
	}
	if c.set == nil {
		state.Doubt = "NEVER_FILLED"
	} else if !c.vouched {
		state.Doubt = "UNVOUCHED"
	}
	if c.staged != nil {
		state.Staged = &edgev1.StagedSnapshot{Manifest: c.staged.id[:], Directives: uint64(len(c.staged.directives))}
	}
	if c.Tamper != nil {
		c.Tamper(state)
	}
	return state
}

// GetConsentState returns State.
func (c *Consent) GetConsentState(context.Context, *edgev1.GetConsentStateRequest) (*edgev1.GetConsentStateResponse, error) {
	return &edgev1.GetConsentStateResponse{State: c.State()}, nil
}

// PushSnapshot keeps the snapshot when it has come to its end and is what its
// manifest says.
func (c *Consent) PushSnapshot(stream grpc.ClientStreamingServer[edgev1.PushSnapshotRequest, edgev1.PushSnapshotResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	m, err := c.begin(first)
	sent := uint64(0)
	for message := first; err == nil; message, err = stream.Recv() {
		if err = c.take(message); err != nil {
			break
		}
		sent += uint64(len(message.GetDirectives()))
	}
	if err != io.EOF {
		return err
	}
	if err := c.finish(m, first.GetVouching(), sent); err != nil {
		return err
	}
	return stream.SendAndClose(&edgev1.PushSnapshotResponse{State: c.State()})
}

// begin checks the first message of a snapshot.
func (c *Consent) begin(first *edgev1.PushSnapshotRequest) (*feed.Manifest, error) {
	m, err := c.manifest(first.GetManifest(), first.GetVouching(), true)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set != nil && m.Sequence < c.set.Sequence {
		return nil, conflict("OLD")
	}
	id := feed.ID(first.GetManifest())
	if c.staged == nil || c.staged.id != id {
		c.staged = &staged{id: id}
	}
	if first.GetResumeFrom() > uint64(len(c.staged.directives)) {
		return nil, conflict("RESUME")
	}
	c.staged.directives = c.staged.directives[:first.GetResumeFrom()]
	return m, nil
}

// take keeps the directives of a message, or breaks off.
func (c *Consent) take(message *edgev1.PushSnapshotRequest) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(message.GetDirectives()) > 1000 || proto.Size(message) > 256<<10 {
		return status.Error(codes.ResourceExhausted, "the message is too large")
	}
	c.staged.directives = append(c.staged.directives, message.GetDirectives()...)
	if len(c.Breaks) == 0 {
		return nil
	}
	if c.Breaks[0]--; c.Breaks[0] == 0 {
		c.Breaks = c.Breaks[1:]
		return status.Error(codes.Unavailable, "the connection broke")
	}
	return nil
}

func (c *Consent) finish(m *feed.Manifest, v *edgev1.Vouching, sent uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.Breaks) > 0 {
		c.Breaks = c.Breaks[1:]
	}
	all := c.staged.directives
	c.staged = nil
	return c.adopt(m, feed.NewLedger(m.Region, m.Sequence, m.AsOf), all, v, sent)
}

// PushChanges applies changes that follow what is held.
func (c *Consent) PushChanges(_ context.Context, request *edgev1.PushChangesRequest) (*edgev1.PushChangesResponse, error) {
	m, err := c.manifest(request.GetManifest(), request.GetVouching(), false)
	if err != nil {
		return nil, err
	}
	if err := c.apply(m, request); err != nil {
		return nil, err
	}
	return &edgev1.PushChangesResponse{State: c.State()}, nil
}

func (c *Consent) apply(m *feed.Manifest, request *edgev1.PushChangesRequest) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set == nil || c.set.Sequence != m.Base {
		return conflict("GAP")
	}
	if m.Sequence > m.Base {
		if err := c.held.Next(m.Sequence, m.AsOf); err != nil {
			return conflict("OLD")
		}
	}
	return c.adopt(m, c.held, request.GetChanges(), request.GetVouching(), uint64(len(request.GetChanges())))
}

// manifest hears the vouching of a push and reads its manifest.
func (c *Consent) manifest(text []byte, v *edgev1.Vouching, snapshot bool) (*feed.Manifest, error) {
	if err := c.meet(v); err != nil {
		return nil, err
	}
	if c.Refuse != nil {
		if err := c.Refuse(); err != nil {
			return nil, err
		}
	}
	m, err := feed.Read(text, c.Keys)
	if err != nil || m.Snapshot != snapshot {
		return nil, Refuse(codes.InvalidArgument, &edgev1.Refusal{Code: care.BadRequest.String(), Reason: care.ReasonOf(err), Detail: "the manifest is refused"})
	}
	return m, nil
}

// meet refuses a vouching for another process, and the first that knows of a
// later epoch.
func (c *Consent) meet(v *edgev1.Vouching) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v == nil {
		return nil
	}
	if !bytes.Equal(v.GetInstance(), c.instance) {
		return conflict("INSTANCE")
	}
	if v.GetKnownEpoch() <= c.epoch {
		return nil
	}
	c.epoch, c.vouched = v.GetKnownEpoch()+1, false
	return conflict("ROLLED_BACK")
}

// adopt admits directives and holds the result against the manifest.
func (c *Consent) adopt(m *feed.Manifest, ledger *feed.Ledger, all []*edgev1.Directive, v *edgev1.Vouching, sent uint64) error {
	var content feed.Content
	for _, wire := range all {
		d := Directive(wire)
		content.Add(&d)
		if _, err := ledger.Admit(d); err != nil {
			return Refuse(codes.InvalidArgument, &edgev1.Refusal{Code: care.BadRequest.String(), Reason: care.ReasonOf(err), Detail: "a directive is refused"})
		}
	}
	is, err := ledger.Snapshot()
	if err != nil {
		return err
	}
	if content.Sum() != m.Content || m.Rows != uint64(len(all)) || is.Digest != m.Digest || is.Patients != m.Patients || is.Directives != m.Directives {
		return conflict("DIGEST")
	}
	c.held, c.epoch = ledger, c.epoch+1
	c.vouched = c.vouched || v != nil
	c.set = &edgev1.ConsentSet{Authority: care.Region.String(), Filled: true, Sequence: m.Sequence, AsOf: timestamppb.New(m.AsOf),
		Patients: m.Patients, Directives: m.Directives, Digest: m.Digest[:]}
	c.pushes, c.sent = append(c.pushes, m), append(c.sent, sent)
	return nil
}

func conflict(reason string) error {
	return Refuse(codes.FailedPrecondition, &edgev1.Refusal{Code: care.Conflict.String(), Reason: reason, Detail: "the push does not fit what is held"})
}

// ListLocalDirectives tells of Local, two at a time, at most four a call.
func (c *Consent) ListLocalDirectives(request *edgev1.ListLocalDirectivesRequest, stream grpc.ServerStreamingServer[edgev1.ListLocalDirectivesResponse]) error {
	for at, end := request.GetAfter(), request.GetAfter()+4; at < uint64(len(c.Local)) && at < end; at += 2 {
		next := min(at+2, uint64(len(c.Local)))
		if err := stream.Send(&edgev1.ListLocalDirectivesResponse{Directives: c.Local[at:next], Cursor: next, Oldest: c.Oldest}); err != nil {
			return err
		}
	}
	return nil
}
