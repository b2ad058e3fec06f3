package consent

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample is an entry with both matters spoken of.
func sample() entry {
	e := entry{epoch: 7}
	e.said[sharing] = statement{care.Dissent, start.UnixNano(), start.UnixNano() + 1, "R. Eception"}
	e.said[findability] = statement{care.Unrestricted, start.UnixNano() - 5, start.UnixNano(), "region"}
	return e
}

// TestFormat freezes what is in the file: stores written today are read for
// years.
func TestFormat(t *testing.T) {
	keys := deriveSubkeys(testKey(t))
	z, e := newSealer(keys), sample()
	key := z.key(number(1))
	sealed := z.sealEntry(nil, care.Site, &key, &e)
	st := state{Epoch: 7, Floor: start.UnixNano()}
	*st.of(care.Site) = set{Generation: 3, Filled: true, Sequence: 9, AsOf: start.UnixNano()}
	st.of(care.Site).enter(&e, &z.sum)
	sealedState, err := z.sealState(&st)
	check(t, err)

	got := strings.Join([]string{"bucket " + string(st.of(care.Site).bucket(care.Site)), "key " + hex.EncodeToString(key[:]),
		"entry " + hex.EncodeToString(sealed), "state " + hex.EncodeToString(sealedState), ""}, "\n")
	golden := filepath.Join("testdata", "format.golden")
	if *update {
		check(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	check(t, err)
	if got != string(want) {
		t.Errorf("the format has changed:\n%s", got)
	}
	if back, ok := z.openEntry(care.Site, &key, sealed); !ok || back != e {
		t.Errorf("entry read back: %+v, %v", back, ok)
	}
	if back, ok := z.openState(sealedState); !ok || back != st {
		t.Errorf("state read back: %+v, %v", back, ok)
	}
}

// TestSealBinds proves that a value passes only as what it was written as.
func TestSealBinds(t *testing.T) {
	keys := deriveSubkeys(testKey(t))
	z, e := newSealer(keys), sample()
	mine, other := z.key(number(1)), z.key(number(2))
	sealed := z.sealEntry(nil, care.Site, &mine, &e)
	if _, ok := z.openEntry(care.Site, &other, sealed); ok {
		t.Error("an entry passes as another patient's")
	}
	if _, ok := z.openEntry(care.Region, &mine, sealed); ok {
		t.Error("an entry passes as another authority's")
	}
	for i := range sealed {
		for bit := range 8 {
			sealed[i] ^= 1 << bit
			if _, ok := z.openEntry(care.Site, &mine, sealed); ok {
				t.Errorf("byte %d, bit %d can be flipped", i, bit)
			}
			sealed[i] ^= 1 << bit
		}
	}
	for n := range sealed {
		if _, ok := z.openEntry(care.Site, &mine, sealed[:n]); ok {
			t.Errorf("the first %d bytes pass", n)
		}
	}
	value, err := z.sealState(&state{Epoch: 1})
	check(t, err)
	for i := range value {
		value[i] ^= 1
		if _, ok := z.openState(value); ok {
			t.Errorf("byte %d of the state can be flipped", i)
		}
		value[i] ^= 1
	}
}

func TestDigestDoesNotDependOnOrder(t *testing.T) {
	sums := [3][32]byte{{0xFF, 1}, {0x80, 31: 0xFF}, {31: 0xFF}}
	for i := range sums {
		for j := 8; j < 16; j++ {
			sums[i][j] = 0xFF // carries run over the limbs
		}
	}
	var forward, backward, without, only digest
	for i := range sums {
		forward.add(&sums[i])
		backward.add(&sums[len(sums)-1-i])
	}
	if forward != backward {
		t.Errorf("%x and %x", forward, backward)
	}
	without = forward
	without.sub(&sums[0])
	without.sub(&sums[2])
	if only.add(&sums[1]); without != only {
		t.Errorf("taking out: %x, want %x", without, only)
	}
}

func TestSupersedes(t *testing.T) {
	at := func(k care.DirectiveKind, effective, recorded int64) statement {
		return statement{kind: k, effective: effective, recorded: recorded}
	}
	for _, c := range []struct {
		name     string
		new, old statement
		want     bool
	}{
		{"first", at(care.ConsentGiven, 1, 1), statement{}, true},
		{"later effective", at(care.ConsentGiven, 2, 1), at(care.Dissent, 1, 9), true},
		{"earlier effective, recorded later", at(care.ConsentGiven, 1, 9), at(care.Dissent, 2, 2), false},
		{"earlier dissent", at(care.Dissent, 1, 9), at(care.ConsentGiven, 2, 2), false},
		{"same time, recorded later", at(care.ConsentGiven, 1, 2), at(care.Dissent, 1, 1), true},
		{"same time, recorded earlier", at(care.Dissent, 1, 1), at(care.ConsentGiven, 1, 2), false},
		{"all the same, stricter", at(care.Dissent, 1, 1), at(care.ConsentGiven, 1, 1), true},
		{"all the same, laxer", at(care.ConsentGiven, 1, 1), at(care.Dissent, 1, 1), false},
		{"all the same, restriction", at(care.Restriction, 1, 1), at(care.Unrestricted, 1, 1), true},
		{"all the same, lifting", at(care.Unrestricted, 1, 1), at(care.Restriction, 1, 1), false},
		{"repeated", at(care.Dissent, 1, 1), at(care.Dissent, 1, 1), false},
	} {
		if got := c.new.supersedes(c.old); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	e := sample()
	f.Add(e.append(nil))
	e.said[sharing] = statement{}
	f.Add(e.append(nil))
	f.Add([]byte{entryVersion})
	f.Fuzz(func(t *testing.T, src []byte) {
		if e, ok := parseEntry(src); ok && !bytes.Equal(e.append(nil), src) {
			t.Errorf("%x is read as %+v", src, e)
		}
	})
}
