package consent

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// Status returns how the store stands. It does no input or output.
func (s *Store) Status() Status {
	root := s.vault.Root()
	st := root.State.(*state)
	ages := s.ages(st, false)
	ages.Failure = s.failure()
	status := Status{Epoch: st.told, Doubt: ages.Doubt(), Instance: s.instance, Vouched: ages.Vouched,
		Lost: ages.Lost, Region: st.region, Staged: s.staged.Load()}
	if ages.Failure != "" {
		status.Err = s.vault.Err()
		return status
	}
	for v := range int(firstVoice) + len(s.slots) {
		set := s.setStatus(v, root, &ages)
		status.Late = status.Late || set.Late
		status.Sets = append(status.Sets, set)
	}
	return status
}

func (s *Store) setStatus(voice int, root *vault.Root, ages *rule.Ages) SetStatus {
	slot := s.setOf(voice)
	set, heard := &root.State.(*state).sets[slot], &ages.Sets[voice]
	status := SetStatus{Authority: authorityOf(voice), Source: s.sourceOf(voice), Filled: set.filled, Lost: set.lost,
		Sequence: set.sequence, MaxAge: heard.MaxAge, Patients: root.Entries(slot), Directives: set.directives, Digest: set.digest}
	if set.filled {
		status.AsOf = time.UnixMilli(set.asOf).UTC()
		status.Age = ages.Age(rule.Voice(voice))
		status.Late = status.Age > status.MaxAge/2
	}
	return status
}
