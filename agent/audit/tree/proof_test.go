package tree

import (
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestOutOfRange(t *testing.T) {
	tr := grown(t, t.TempDir(), 10)
	_, inclusion := tr.Inclusion(10, 10)
	_, size := tr.Inclusion(1, 11)
	_, consistency := tr.Consistency(3, 11)
	_, old := tr.Consistency(6, 5)
	_, root := tr.RootAt(11)
	_, at := tr.Leaf(10)
	_, open := Open(t.TempDir(), maxSize+1, pruned)
	for name, err := range map[string]error{
		"index": inclusion, "size": size, "consistency": consistency, "old": old, "root": root, "leaf": at, "open": open,
		"check index":    CheckInclusion(5, 5, Hash{}, Hash{}, nil),
		"check size":     CheckInclusion(5, maxSize+1, Hash{}, Hash{}, nil),
		"check old":      CheckConsistency(5, 4, Hash{}, Hash{}, nil),
		"check new size": CheckConsistency(5, maxSize+1, Hash{}, Hash{}, nil),
	} {
		t.Run(name, func(t *testing.T) { refused(t, err, care.BadRequest, ReasonRange) })
	}
}

func TestEmptyTree(t *testing.T) {
	tr := grown(t, t.TempDir(), 3)
	if root, err := tr.RootAt(0); err != nil || root != emptyRoot {
		t.Errorf("RootAt(0) = %x, %v", root, err)
	}
	proof, err := tr.Consistency(0, 3)
	if err != nil || len(proof) > 0 {
		t.Errorf("Consistency(0, 3) = %x, %v, want none", proof, err)
	}
	if err := CheckConsistency(0, 3, emptyRoot, tr.Root(), proof); err != nil {
		t.Error(err)
	}
	refused(t, CheckConsistency(0, 3, Hash{1}, tr.Root(), nil), care.Conflict, ReasonProof)
	refused(t, CheckConsistency(0, 3, emptyRoot, tr.Root(), []Hash{{}}), care.Conflict, ReasonProof)
	refused(t, CheckConsistency(0, 0, emptyRoot, Hash{1}, nil), care.Conflict, ReasonProof)
}

func TestFalseProofs(t *testing.T) {
	const old, size, index = 300, 777, 123
	tr := grown(t, t.TempDir(), size)
	before, err := tr.RootAt(old)
	if err != nil {
		t.Fatal(err)
	}
	root := tr.Root()
	inclusion, err := tr.Inclusion(index, size)
	if err != nil {
		t.Fatal(err)
	}
	consistency, err := tr.Consistency(old, size)
	if err != nil {
		t.Fatal(err)
	}
	bad := func(name string, err error) {
		t.Run(name, func(t *testing.T) { refused(t, err, care.Conflict, ReasonProof) })
	}
	bad("other leaf", CheckInclusion(index, size, leaf(index+1), root, inclusion))
	bad("other index", CheckInclusion(index+1, size, leaf(index), root, inclusion))
	bad("other size", CheckInclusion(index, size+300, leaf(index), root, inclusion))
	bad("other root", CheckInclusion(index, size, leaf(index), before, inclusion))
	bad("longer", CheckInclusion(index, size, leaf(index), root, append(slices.Clone(inclusion), Hash{})))
	bad("shorter", CheckInclusion(index, size, leaf(index), root, inclusion[1:]))
	bad("other old root", CheckConsistency(old, size, Hash{}, root, consistency))
	bad("other new root", CheckConsistency(old, size, before, Hash{}, consistency))
	bad("roots swapped", CheckConsistency(old, size, root, before, consistency))
	bad("other old size", CheckConsistency(old+1, size, before, root, consistency))
	for i := range inclusion {
		changed := slices.Clone(inclusion)
		changed[i][0] ^= 1
		bad("inclusion", CheckInclusion(index, size, leaf(index), root, changed))
	}
	for i := range consistency {
		changed := slices.Clone(consistency)
		changed[i][31] ^= 0x80
		bad("consistency", CheckConsistency(old, size, before, root, changed))
	}
}
