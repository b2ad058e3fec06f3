package vault

import "encoding/binary"

// Sets is how many sets of entries a vault has.
const Sets = 16

// pagesPerSet is how many pages the entries of a set are spread over: one for
// each value of a key's first two bytes.
const pagesPerSet = 1 << 16

// Limits of what is taken and read.
const (
	MaxValue = 128 << 10 // bytes of one value
	MaxState = 64 << 10  // bytes of the application's state
	maxPage  = 4 << 20   // bytes of the entries of one page
)

// Key names an entry. It must look random, as the first ten bytes of an HMAC
// do: the entries are spread over the pages by its first two.
type Key [10]byte

// remainderSize is how many bytes of a key its page keeps.
const remainderSize = 8

// page returns the number of the key's page.
func (k *Key) page() uint16 { return binary.BigEndian.Uint16(k[:]) }

// remainder returns what the page does not say of the key.
func (k *Key) remainder() uint64 { return binary.BigEndian.Uint64(k[2:]) }

// keyOf returns the key of an entry of a page.
func keyOf(page uint16, remainder uint64) (k Key) {
	binary.BigEndian.PutUint16(k[:], page)
	binary.BigEndian.PutUint64(k[2:], remainder)
	return k
}
