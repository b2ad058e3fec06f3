package broker

import (
	"context"
	"iter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Consent keeps the site's consent flags and journals every change of them and
// every look at them. An actor is who calls: a broker, or an account at the
// site. Its methods may be called from many goroutines.
type Consent interface {
	// State tells what is held, in numbers.
	State() ConsentState

	// Snapshot replaces the region's flags by those of the batches. The first
	// error of the batches ends it, and what arrived before can be resumed:
	// from is how many directives the agent holds of it already.
	Snapshot(ctx context.Context, push Push, from uint64, batches iter.Seq2[[]care.Directive, error]) error
	// Changes applies changes of the region to what it last pushed.
	Changes(ctx context.Context, push Push, changes []care.Directive) error
	// Local returns what was stated at the site since a cursor, for the region:
	// the oldest statements, at most limit.
	Local(ctx context.Context, actor string, after uint64, limit int) (Local, error)

	// Record keeps statements of the site, all or none. File is the file they
	// come from, or empty.
	Record(ctx context.Context, actor, file string, statements []care.Directive) (Recorded, error)
	// Show returns what is held about a patient and explains what a request of
	// an organisation, or of any if it is empty, would be answered.
	Show(ctx context.Context, actor string, number care.NHSNumber, organisation care.ODSCode) (Shown, error)
	// Link records that two NHS numbers are one person's, or that they are not,
	// and returns the journal entry.
	Link(ctx context.Context, actor string, link PatientLink) (entry uint64, err error)
	// Verify checks the whole store on disk.
	Verify(ctx context.Context, actor string) error
	// List yields the site's own statements after a journal entry, oldest first.
	// An error is the last thing yielded.
	List(ctx context.Context, actor string, after uint64) iter.Seq2[Stated, error]
}

// Push is what comes with a snapshot or a change of the region.
type Push struct {
	Actor    string
	Manifest []byte // at most 4 KiB; not checked here
	Vouching Vouching
}

// Vouching shows that the region speaks to this process and what it remembers.
type Vouching struct {
	Instance   []byte // ConsentState.Instance; empty if the push does not vouch
	KnownEpoch uint64 // highest epoch that the region was ever told
}

// Stated is one statement and the journal entry that tells of it.
type Stated struct {
	Entry     uint64
	Directive care.Directive
}

// Local is what was stated at the site, oldest first.
type Local struct {
	Statements []Stated
	Cursor     uint64 // journal entry up to which all is told
	Oldest     uint64 // statements of earlier entries may be missing
}

// Recorded tells how statements of the site were kept.
type Recorded struct {
	Changed int    // how many changed something
	Entry   uint64 // the last journal entry about them
}

// Shown is what is held about one patient.
type Shown struct {
	Directives []care.Directive
	Answer     care.ConsentAnswer // to a request for direct care, with permission
	Because    []string           // why, in plain English; names no patient
	Linked     int                // other NHS numbers of the person
}

// PatientLink is what was found about two NHS numbers. Its zero Old is right
// for NeverLink only.
type PatientLink struct {
	Old, New care.NHSNumber
	Kind     LinkKind
	By       string
}

// LinkKind is what can be found about two NHS numbers; the numbers are those of
// the wire.
type LinkKind uint8

// The kinds of link.
const (
	SamePerson    LinkKind = iota + 1 // one person has both
	NotSamePerson                     // they were linked in error
	NeverLink                         // the new number's former one must never be known
)

// ConsentState tells what the consent store holds, in numbers and digests.
type ConsentState struct {
	Epoch    uint64
	Doubt    string // why patients who have not objected are refused, or empty
	Instance [16]byte
	Vouched  bool
	Sets     []ConsentSet
	Staged   StagedSnapshot // zero if no part of a snapshot has arrived
	Journal  uint64         // number of the newest journal entry on disk
}

// ConsentSet is the flags of one authority.
type ConsentSet struct {
	Authority  care.Authority
	Source     string
	Filled     bool
	Sequence   uint64
	AsOf       time.Time
	Patients   uint64
	Directives uint64
	Digest     [32]byte
}

// StagedSnapshot is a snapshot of which a part has arrived.
type StagedSnapshot struct {
	Manifest   [32]byte // SHA-256 of its bytes
	Directives uint64   // on disk
}

// consentService is ConsentService.
type consentService struct {
	edgev1.UnimplementedConsentServiceServer
	consent Consent
}

func (s *consentService) state() *edgev1.ConsentState { return consentState(s.consent.State()) }

func consentState(c ConsentState) *edgev1.ConsentState {
	m := &edgev1.ConsentState{Epoch: c.Epoch, Doubt: c.Doubt, Instance: c.Instance[:], Vouched: c.Vouched, JournalSequence: c.Journal}
	for _, set := range c.Sets {
		out := &edgev1.ConsentSet{Authority: set.Authority.String(), Source: set.Source, Filled: set.Filled, Sequence: set.Sequence,
			Patients: set.Patients, Directives: set.Directives, Digest: set.Digest[:]}
		if !set.AsOf.IsZero() {
			out.AsOf = timestamppb.New(set.AsOf)
		}
		m.Sets = append(m.Sets, out)
	}
	if c.Staged != (StagedSnapshot{}) {
		m.Staged = &edgev1.StagedSnapshot{Manifest: c.Staged.Manifest[:], Directives: c.Staged.Directives}
	}
	return m
}
