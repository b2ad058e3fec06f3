package vault

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/v1.vault anew")

const goldenEntries = 3

// TestGolden opens a vault that an earlier version has written.
func TestGolden(t *testing.T) {
	golden := filepath.Join("testdata", "v1.vault")
	s := newShelf(t)
	want := content{0: {keyNumber(1): "one", keyNumber(2): "two"}, 15: {keyNumber(1): "fifteen"}}
	if *update {
		v := s.open(t)
		build(t, v, 15, want.sorted(15))
		put(t, v, 0, keyNumber(1), "one")
		put(t, v, 0, keyNumber(2), "two")
		check(t, v.Close())
		image, err := os.ReadFile(s.path)
		check(t, err)
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(golden, image, 0o644))
	}
	image, err := os.ReadFile(golden)
	check(t, err)
	check(t, os.WriteFile(s.path, image, 0o600))
	v := s.open(t)
	holds(t, v, want)
	if v.Root().Epoch != 4 || v.Root().State != State(text("new")) {
		t.Errorf("epoch %d, state %q", v.Root().Epoch, v.Root().State)
	}
}

// TestEncodings compares with what doc.go specifies, byte by byte.
func TestEncodings(t *testing.T) {
	data := place{pageKind, 5, 0x0102030405060708, 0xABCD}.bind(9)
	tb := &table{generation: 1, entries: 2, bytes: 3}
	tb.tags[1], tb.tags[255] = 0xAA, 0xBB
	root := tb.append(nil)
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"additional data": {data[:], "01030501020304050607" + "08abcd0000000000000009"},
		"bucket":          {bucketName(5, 258), "73050000000000000102"},
		"entry":           {appendEntry(nil, 0x0102, []byte("ab")), "0000000000000102026162"},
		"set, numbers":    {root[:24], "000000000000000100000000000000020000000000000003"},
		"set, groups":     {root[24:56], "02" + zeros(30) + "80"},
		"set, tags":       {root[56:], "00000000000000aa00000000000000bb"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	k := Key{0xAB, 0xCD, 0, 0, 0, 0, 0, 0, 0, 7}
	if k.page() != 0xABCD || k.remainder() != 7 || keyOf(0xABCD, 7) != k {
		t.Error("keys are split in another way")
	}
}

func zeros(n int) string { return hex.EncodeToString(make([]byte, n)) }
