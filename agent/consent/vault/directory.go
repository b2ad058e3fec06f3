package vault

import "encoding/binary"

const (
	groupsPerSet  = 256
	pagesPerGroup = pagesPerSet / groupsPerSet
	groupSize     = pagesPerGroup * 8 // bytes of a group's tags
)

// group holds the tags of 256 pages in a row; 0 is a page without entries.
type group [pagesPerGroup]uint64

// append returns the lasting form: the tags in order, big-endian.
func (g *group) append(dst []byte) []byte {
	for _, tag := range g {
		dst = binary.BigEndian.AppendUint64(dst, tag)
	}
	return dst
}

// parseGroup reads what append wrote.
func parseGroup(b []byte) (*group, bool) {
	if len(b) != groupSize {
		return nil, false
	}
	g := new(group)
	for i := range g {
		g[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return g, true
}

// empty reports whether no page of the group has entries.
func (g *group) empty() bool { return *g == group{} }

// table says what a set is: which pages it has, and that they are the ones
// last written. It is never changed once a root holds it; a change makes a copy
// that shares the groups it does not touch.
type table struct {
	generation uint64 // names the bucket of the set
	entries    uint64
	bytes      uint64 // of all entries, as they stand in their pages
	tags       [groupsPerSet]uint64
	groups     [groupsPerSet]*group // nil: no page of the group has entries
}

// tag returns that of a page; 0 proves that the page has no entries.
func (t *table) tag(page uint16) uint64 {
	if g := t.groups[page>>8]; g != nil {
		return g[page&0xFF]
	}
	return 0
}

// place returns where a page of the set belongs.
func (t *table) place(set int, page uint16) place {
	return place{pageKind, uint8(set), t.generation, page}
}

// groupPlace returns where a group of the set belongs.
func (t *table) groupPlace(set, number int) place {
	return place{groupKind, uint8(set), t.generation, uint16(number)}
}

// Names in the file. The root's bucket comes before those of the sets.
var (
	rootBucket = []byte("r")
	rootKey    = []byte("1")
)

// setPrefix and bucketNameSize make the name of a set's bucket.
const (
	setPrefix      = 's'
	bucketNameSize = 10
)

// bucketName returns the name of the bucket of one generation of a set.
func bucketName(set int, generation uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{setPrefix, byte(set)}, generation)
}

// parseBucketName reads what bucketName wrote.
func parseBucketName(name []byte) (set int, generation uint64, ok bool) {
	if len(name) != bucketNameSize || name[0] != setPrefix || !inRange(int(name[1])) {
		return 0, 0, false
	}
	return int(name[1]), binary.BigEndian.Uint64(name[2:]), true
}

// pageKey and groupKey are keys in such a bucket; a group stands right before
// its pages.
func pageKey(page uint16) [2]byte { return [2]byte{byte(page >> 8), byte(page)} }
func groupKey(number int) [1]byte { return [1]byte{byte(number)} }
