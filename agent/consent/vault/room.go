package vault

import (
	"errors"
	"syscall"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

// ReasonNoSpace says that the volume or quota is full. The change was not made,
// nothing has failed, and it can be made again once there is room.
const ReasonNoSpace = "NO_SPACE"

// slack is how much more room is taken than a change needs, in bytes: on a full
// disk, choices go on being taken for a while.
const slack = 1 << 20

// room takes the room that a transaction may need at most on the disk, before it
// writes: a write that finds none fails the commit, after which nobody knows
// what is on disk. bytes are those of the values that were put; the pages of the
// file that they stand in are copied, and the rest is for the list of free pages
// and the root. Where the system cannot take room ahead, a full disk poisons the
// vault.
func (v *Vault) room(tx *bbolt.Tx, bytes int) error {
	high := tx.Size() // what comes before was written
	need := 2*int64(bytes) + high/256 + 256<<10
	if v.roomy = max(v.roomy, allocated(v.file)); v.roomy-high >= need {
		return nil
	}
	took := need + v.slack
	err := allocate(v.file, high, took)
	if isFull(err) {
		took = need
		err = allocate(v.file, high, took)
	}
	if err == nil {
		v.roomy = high + took
	}
	if isFull(err) {
		return failure(care.ConsentUnavailable, ReasonNoSpace,
			"there is no room on the disk for the change, so it was not made; free some space, and make it again", err)
	}
	return nil // whatever else is wrong with the file, writing to it will tell
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
