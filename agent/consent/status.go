package consent

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Status is how the store stands. It names no patient.
type Status struct {
	Filled   bool          // a snapshot of the region was loaded at some time
	AsOf     time.Time     // when the region last vouched for its directives; zero if never
	Age      time.Duration // time since AsOf; 0 if never filled
	Sequence uint64        // of the region's last snapshot or delta
	Epoch    uint64
	Doubt    string                       // why patients without a flag are refused now: a Reason, or empty
	Sets     map[care.Authority]SetStatus // by authority; nil if the store has failed
	Err      error                        // why the store refuses everything, or nil
}

// SetStatus is how the directives of one authority stand.
type SetStatus struct {
	Filled     bool
	AsOf       time.Time
	Sequence   uint64
	Patients   uint64
	Directives map[care.DirectiveKind]uint64
}

// Status returns how the store stands. It does no input or output.
func (s *Store) Status() Status {
	now, snap := s.now(), s.current.Load()
	ages := snap.ages(now, s.maxAge)
	if snap.err != nil {
		return Status{Epoch: snap.Epoch, Doubt: ages.Failure, Err: snap.err}
	}
	st := Status{Epoch: snap.Epoch, Sets: make(map[care.Authority]SetStatus, authorities)}
	for i := range snap.Sets {
		st.Sets[care.Authority(i+1)] = snap.Sets[i].status()
	}
	region := st.Sets[care.Region]
	st.Filled, st.AsOf, st.Sequence, st.Doubt = region.Filled, region.AsOf, region.Sequence, ReasonNeverFilled
	if st.Filled {
		st.Age, st.Doubt = now.Sub(st.AsOf), ages.doubt()
	}
	return st
}

func (s *set) status() SetStatus {
	st := SetStatus{Filled: s.Filled, Sequence: s.Sequence, Patients: s.Patients,
		Directives: make(map[care.DirectiveKind]uint64, kinds)}
	if s.Filled {
		st.AsOf = time.Unix(0, s.AsOf).UTC()
	}
	for i, n := range s.Kinds {
		st.Directives[care.DirectiveKind(i+1)] = n
	}
	return st
}
