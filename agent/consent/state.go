package consent

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const stateVersion = 1

// Numbers of authorities and kinds, for arrays indexed by either less one.
const (
	authorities = int(care.SourceFlag)
	kinds       = int(care.Unrestricted)
)

// state is the one sealed record that says what the rest of the file must be.
// Its fields are exported and of fixed size for encoding/binary; their order is
// part of the file's format.
type state struct {
	Epoch uint64
	Floor int64 // latest time the store was written, nanoseconds since 1970
	Sets  [authorities]set
}

// set is the directives of one authority.
type set struct {
	Generation uint64 // names the bucket; a new snapshot fills the next one
	Filled     bool   // a snapshot was loaded
	Sequence   uint64 // of the last snapshot or delta
	AsOf       int64  // when the authority vouched for it, nanoseconds since 1970
	Patients   uint64 // entries in the bucket
	Kinds      [kinds]uint64
	Digest     digest
}

// of returns the set of an authority.
func (st *state) of(a care.Authority) *set { return &st.Sets[a-1] }

// bucket names the bucket of an authority's set.
func (s *set) bucket(a care.Authority) []byte {
	return fmt.Appendf(nil, "%s %d", a, s.Generation)
}

// names reports whether a bucket of that name belongs to the state.
func (st *state) names(bucket []byte) bool {
	for i := range st.Sets {
		if bytes.Equal(bucket, st.Sets[i].bucket(care.Authority(i+1))) {
			return true
		}
	}
	return false
}

// enter counts an entry into the set. sum is the entry's full keyed hash.
func (s *set) enter(e *entry, sum *[sha256.Size]byte) {
	s.Patients++
	s.Digest.add(sum)
	for _, said := range e.said {
		if said.kind != 0 {
			s.Kinds[said.kind-1]++
		}
	}
}

// leave takes out an entry that enter counted in.
func (s *set) leave(e *entry, sum *[sha256.Size]byte) {
	s.Patients--
	s.Digest.sub(sum)
	for _, said := range e.said {
		if said.kind != 0 {
			s.Kinds[said.kind-1]--
		}
	}
}

// holdsSame reports whether both sets hold the same entries.
func (s *set) holdsSame(o *set) bool {
	return s.Patients == o.Patients && s.Kinds == o.Kinds && s.Digest == o.Digest
}

// snapshot is what readers work with: the committed state, or why there is
// none. It is replaced whole and never changed.
type snapshot struct {
	state
	buckets [authorities][]byte
	err     *care.Error // why the store refuses; nil while it works
}

// failedEpoch is the epoch of a store that refuses, so that whoever watches
// the epoch notices.
const failedEpoch = math.MaxUint64

func newSnapshot(st state) *snapshot {
	snap := &snapshot{state: st}
	for i := range st.Sets {
		snap.buckets[i] = st.Sets[i].bucket(care.Authority(i + 1))
	}
	return snap
}

func failedSnapshot(err *care.Error) *snapshot {
	return &snapshot{state: state{Epoch: failedEpoch}, err: err}
}

// ages says how far the snapshot can be relied on at a time.
func (snap *snapshot) ages(now time.Time, maxAge time.Duration) Ages {
	if snap.err != nil {
		return Ages{Failure: snap.err.Reason}
	}
	region := snap.of(care.Region)
	return Ages{Filled: region.Filled, Now: now, AsOf: time.Unix(0, region.AsOf),
		Floor: time.Unix(0, snap.Floor), MaxAge: maxAge}
}

// failure makes the package's errors.
func failure(kind care.Kind, reason, detail string, cause error) *care.Error {
	return &care.Error{Kind: kind, Op: "consent", Reason: reason, Detail: detail, Err: cause}
}

// damage is the error for a file that is not what it must be.
func damage(detail string, cause error) *care.Error {
	return failure(care.ConsentUnavailable, ReasonDamaged, detail+
		"; nothing is released until the store has been restored: keep the file, see the operator's guide", cause)
}
