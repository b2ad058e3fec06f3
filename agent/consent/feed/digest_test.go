package feed

import (
	"crypto/sha256"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestDigest compares with big numbers, for sets that grow and shrink.
func TestDigest(t *testing.T) {
	modulus := new(big.Int).Lsh(big.NewInt(1), 256)
	sum := new(big.Int)
	r := rand.New(rand.NewPCG(3, 4))
	var d Digest
	var held [][]byte
	for i := range 2000 {
		row := make([]byte, r.IntN(700))
		for j := range row {
			row[j] = byte(r.Uint32())
		}
		remove := len(held) > 0 && r.IntN(3) == 0
		if remove {
			at := r.IntN(len(held))
			row, held[at] = held[at], held[len(held)-1]
			held = held[:len(held)-1]
			d.Remove(row)
		} else {
			held = append(held, row)
			d.Add(row)
		}
		hash := sha256.Sum256(append([]byte("mycarerecord/consent/row/v1\n"), row...))
		if n := new(big.Int).SetBytes(hash[:]); remove {
			sum.Sub(sum, n)
		} else {
			sum.Add(sum, n)
		}
		sum.Mod(sum, modulus)
		if [32]byte(d) != [32]byte(sum.FillBytes(make([]byte, 32))) {
			t.Fatalf("after %d rows the digest is %x, want %x", i+1, d, sum)
		}
	}
	for _, row := range held {
		d.Remove(row)
	}
	if d != (Digest{}) {
		t.Errorf("the digest of nothing is %x", d)
	}
}

// TestContentGoesOn checks that a hash that was saved after every directive
// ends like one that ran through.
func TestContentGoesOn(t *testing.T) {
	var through, saved Content
	var rows []byte
	if through.Sum() != sha256.Sum256(nil) {
		t.Error("the hash of nothing is not that of nothing")
	}
	for i := range 50 {
		d := dissent(i)
		if i%7 == 0 {
			d.Scope.Organisations = []care.ODSCode{"RWH", "RAJ"}
		}
		rows = AppendRows(rows, &d)
		through.Add(&d)
		saved.Add(&d)
		state, err := saved.MarshalBinary()
		check(t, err)
		saved = Content{}
		check(t, saved.UnmarshalBinary(state))
	}
	if through.Sum() != saved.Sum() || through.Sum() != sha256.Sum256(rows) {
		t.Error("the hashes differ")
	}
	before := saved.Sum()
	fails(t, saved.UnmarshalBinary([]byte("damaged")), care.BadRequest, "CONTENT")
	if saved.Sum() != before {
		t.Error("a damaged state was taken")
	}
}
