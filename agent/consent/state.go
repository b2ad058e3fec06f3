package consent

import (
	"encoding/binary"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// The sets of the vault. Those from firstSource on belong to sources; the state
// says which.
const (
	regionSet = iota
	siteSet
	linkSet
	firstSource
)

// stateVersion is the first byte of the sealed state.
const stateVersion = 1

// state is what the vault seals together with its directory. It is never
// changed, only replaced. Times are milliseconds since 1970 UTC.
type state struct {
	floor  int64    // latest time seen
	told   uint64   // epoch of the last change made while the region vouched
	push   [32]byte // feed.ID of the region's last push
	region string   // its name
	sets   [vault.Sets]set
}

// set is what the state says of one set.
type set struct {
	name       string // of a source; empty for other sets and free slots
	filled     bool   // a snapshot was loaded, or the source read
	lost       bool   // statements are missing, and have to be brought back
	sequence   uint64 // of the region's last push
	asOf       int64  // when the authority knew its statements to be right
	directives uint64 // statements in force
	digest     feed.Digest
}

// Bits of the flags of a set.
const (
	filledBit = 1 << iota
	lostBit
)

// AppendBinary appends the lasting form: version; floor and told as eight bytes
// each, push, the region's name counted by a byte; then for each of the sets,
// whatever it is for, flags, the name counted by a byte, sequence, asOf and
// directives as eight bytes each, and the digest. All numbers are big-endian.
func (st *state) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, stateVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(st.floor))
	b = binary.BigEndian.AppendUint64(b, st.told)
	b = append(b, st.push[:]...)
	b = appendText(b, st.region)
	for i := range st.sets {
		b = st.sets[i].append(b)
	}
	return b, nil
}

func (s *set) append(b []byte) []byte {
	var flags byte
	if s.filled {
		flags |= filledBit
	}
	if s.lost {
		flags |= lostBit
	}
	b = appendText(append(b, flags), s.name)
	b = binary.BigEndian.AppendUint64(b, s.sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(s.asOf))
	b = binary.BigEndian.AppendUint64(b, s.directives)
	return append(b, s.digest[:]...)
}

func appendText(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }

// parseState reads what AppendBinary wrote, and nothing else.
func parseState(src []byte) (vault.State, error) {
	r := stateReader{src: src}
	if version := r.take(1); version[0] != stateVersion {
		return nil, errState
	}
	st := &state{floor: int64(r.number()), told: r.number(), push: [32]byte(r.take(32)), region: r.text()}
	for i := range st.sets {
		flags := r.take(1)[0]
		if flags&^(filledBit|lostBit) != 0 {
			return nil, errState
		}
		st.sets[i] = set{filled: flags&filledBit != 0, lost: flags&lostBit != 0, name: r.text(), sequence: r.number(),
			asOf: int64(r.number()), directives: r.number(), digest: feed.Digest(r.take(32))}
	}
	if r.short || len(r.src) > 0 {
		return nil, errState
	}
	return st, nil
}

var errState = failure(care.ConsentUnavailable, vault.ReasonDamaged, "the state of the consent store is of another version or makes no sense", nil)

// stateReader takes fields off a text. Beyond its end everything is zero and
// short is set.
type stateReader struct {
	src   []byte
	short bool
}

func (r *stateReader) take(n int) []byte {
	if n > len(r.src) {
		r.short, r.src = true, nil
		return make([]byte, n)
	}
	field := r.src[:n]
	r.src = r.src[n:]
	return field
}

func (r *stateReader) number() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

func (r *stateReader) text() string { return string(r.take(int(r.take(1)[0]))) }

// lost reports whether a set that is in use has to be brought back.
func (st *state) lost(slots []int) bool {
	for _, i := range slots {
		if st.sets[i].lost {
			return true
		}
	}
	return st.sets[regionSet].lost || st.sets[siteSet].lost
}

// lose marks everything as lost. Readings of sources are forgotten; the region's
// sequence and time stay, below which it cannot go back.
func (st *state) lose() {
	for i := range st.sets {
		set := &st.sets[i]
		if i >= firstSource && set.name == "" {
			continue
		}
		if set.lost, set.filled = true, false; i >= firstSource {
			set.asOf = 0
		}
	}
}
