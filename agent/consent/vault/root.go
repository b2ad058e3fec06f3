package vault

import (
	"encoding/binary"
	"math/bits"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// State is what the application keeps with the entries: it changes in the same
// step as they do. A State must not change once it was given to a vault. At
// most MaxState bytes.
type State interface {
	AppendBinary(b []byte) ([]byte, error)
}

// Root is one consistent state of a vault. It never changes.
type Root struct {
	Epoch uint64 // moves with each change of entries, never back
	State State
	sets  [Sets]*table
}

// Entries returns how many entries a set has; 0 for a set that does not exist.
func (r *Root) Entries(set int) uint64 {
	if !inRange(set) {
		return 0
	}
	return r.sets[set].entries
}

func inRange(set int) bool { return set >= 0 && set < Sets }

// setSize is the fixed part of a set in the root's lasting form: generation,
// entries, bytes and a bit for each group that has pages.
const setSize = 8 + 8 + 8 + groupsPerSet/8

// rootPlace is where the root belongs.
var rootPlace = place{kind: rootKind}

// append returns the lasting form: of each set the fixed part and the tags of
// its groups, then the state.
func (r *Root) append(dst []byte) ([]byte, error) {
	for _, t := range r.sets {
		dst = t.append(dst)
	}
	before := len(dst)
	dst, err := r.State.AppendBinary(dst)
	if err != nil {
		return nil, failure(care.Internal, "STATE", "the state cannot be encoded", err)
	}
	if len(dst)-before > MaxState {
		return nil, failure(care.LimitExceeded, "STATE", "the state is larger than 64 KiB", nil)
	}
	return dst, nil
}

// append appends a set's part of the root.
func (t *table) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, t.generation)
	dst = binary.BigEndian.AppendUint64(dst, t.entries)
	dst = binary.BigEndian.AppendUint64(dst, t.bytes)
	var present [groupsPerSet / 8]byte
	for i, tag := range t.tags {
		if tag != 0 {
			present[i/8] |= 1 << (i % 8)
		}
	}
	dst = append(dst, present[:]...)
	for _, tag := range t.tags {
		if tag != 0 {
			dst = binary.BigEndian.AppendUint64(dst, tag)
		}
	}
	return dst
}

// parseRoot reads what append wrote. The groups are still to be loaded, and
// the state to be parsed.
func parseRoot(b []byte) (sets [Sets]*table, state []byte, ok bool) {
	for i := range sets {
		if sets[i], b, ok = parseTable(b); !ok {
			return sets, nil, false
		}
	}
	return sets, b, len(b) <= MaxState
}

func parseTable(b []byte) (t *table, rest []byte, ok bool) {
	if len(b) < setSize {
		return nil, nil, false
	}
	t = &table{generation: binary.BigEndian.Uint64(b), entries: binary.BigEndian.Uint64(b[8:]), bytes: binary.BigEndian.Uint64(b[16:])}
	present, rest := b[24:setSize], b[setSize:]
	groups := 0
	for _, mask := range present {
		groups += bits.OnesCount8(mask)
	}
	if len(rest) < 8*groups {
		return nil, nil, false
	}
	for i := range t.tags {
		if present[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		if t.tags[i] = binary.BigEndian.Uint64(rest); t.tags[i] == 0 {
			return nil, nil, false
		}
		rest = rest[8:]
	}
	return t, rest, true
}
