package consent

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Vouching shows that the region speaks to this very process, and what it
// remembers of the site.
type Vouching struct {
	Instance   []byte // Status.Instance, as this process gave it
	KnownEpoch uint64 // highest Status.Epoch that the region was ever told; 0 if none
}

// LinkKind is what was found about two NHS numbers.
type LinkKind uint8

// What can be found about two NHS numbers.
const (
	SamePerson    LinkKind = iota + 1 // one person has both, by a merge or a supersession on PDS
	NotSamePerson                     // they were linked in error
	NeverLink                         // the former number of the person must never be known, as after adoption
)

// Link is what was found about two NHS numbers, when and by whom.
type Link struct {
	Old, New care.NHSNumber // for NeverLink, New alone
	What     LinkKind
	At       time.Time
	By       string
}

// Restored is one thing that the journal has kept of what the site said: either
// a directive or a link.
type Restored struct {
	Directive *care.Directive
	Link      *Link
	New       bool // the directive is not from the journal but said now, see Store.Set
}

// Held is all that is kept of one patient.
type Held struct {
	Directives []care.Directive // the statements in force: region, site, then the sources; those of linked numbers too
	Linked     int              // how many other NHS numbers are known to be this person's
}

// FillReport is what a whole reading of a source has brought.
type FillReport struct {
	Patients    uint64           // patients of whom the source says something
	Directives  uint64           // statements in force
	Changed     []care.Directive // statements that are new since the reading before; at most 10,000
	MoreChanged int              // how many more are new
	Gone        uint64           // statements that the source no longer makes
	Ahead       uint64           // consents and liftings dated ahead, which do not hold yet and were left out
}

// Status is how the store stands. It names no patient.
type Status struct {
	Epoch    uint64      // what to tell the region: the epoch of the last change made while it vouched
	Doubt    string      // why patients who have not objected are refused now: a reason of package rule, or empty
	Late     bool        // half of a maximum age has gone by for the region or a source
	Instance [16]byte    // random, and new for every Open
	Vouched  bool        // the region has vouched for this process
	Lost     bool        // what was said is not all here and has to be brought back
	Region   string      // name of the region; empty before the first snapshot
	Sets     []SetStatus // region, site, then the configured sources; nil if the store has failed
	Staged   *Staged     // a snapshot of which a part has arrived, or nil
	Err      error       // why the store refuses everything, or nil
}

// SetStatus is how the directives of one authority stand.
type SetStatus struct {
	Authority  care.Authority
	Source     string // for SourceFlag, its name
	Filled     bool   // a snapshot was loaded, or the source read
	Lost       bool   // the set has to be brought back
	Late       bool   // half of MaxAge has gone by
	Sequence   uint64 // of the region's last push
	AsOf       time.Time
	Age        time.Duration // by the wall clock or the time since it was heard, whichever is more
	MaxAge     time.Duration // 0 for the site, whose word does not age
	Patients   uint64
	Directives uint64
	Digest     [32]byte // see package feed
}

// Staged is a snapshot of which a part has arrived.
type Staged struct {
	Manifest   [32]byte // feed.ID of its manifest
	Directives uint64   // how many directives are on disk
}
