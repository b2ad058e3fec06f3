package consent

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a state with something in every field.
func sample() *state {
	st := &state{floor: start.UnixMilli(), told: 77, push: [32]byte{1, 2, 3}, region: "north"}
	st.sets[regionSet] = set{filled: true, sequence: 9, asOf: start.UnixMilli() - 5, directives: 12, digest: [32]byte{4, 5}}
	st.sets[siteSet] = set{lost: true, directives: 3, digest: [32]byte{31: 6}}
	st.sets[firstSource] = set{name: "gp", filled: true, lost: true, asOf: -1, directives: 1}
	st.sets[vault.Sets-1] = set{name: "last"}
	return st
}

// TestFormat holds the lasting forms: a patient's key, the state, links, a row
// of a spool.
func TestFormat(t *testing.T) {
	var b bytes.Buffer
	key := newKeyer(testKey(t).Derive(keyPurpose)).key(number(1))
	line := func(name string, value []byte) { b.WriteString(name + " " + hex.EncodeToString(value) + "\n") }
	line("key", key[:])
	value, err := sample().AppendBinary(nil)
	check(t, err)
	line("state", value)
	line("links", (&links{edges: []edge{{key, start.UnixMilli()}, {vault.Key{0xFF}, 0}}}).append(nil))
	line("never", (&links{never: true}).append(nil))
	said, err := explode(new(said(0, 1, 1, 9)), 1, start)
	check(t, err)
	row, err := appendRow(nil, number(1), said[0])
	check(t, err)
	line("row", row)
	const file = "testdata/format.golden"
	if *update {
		check(t, os.WriteFile(file, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	check(t, err)
	if !bytes.Equal(want, b.Bytes()) {
		t.Errorf("the form has changed:\n%swas:\n%s", b.Bytes(), want)
	}
}

func FuzzState(f *testing.F) {
	value, err := sample().AppendBinary(nil)
	check(f, err)
	f.Add(value)
	f.Add(value[:len(value)-1])
	f.Add(append(bytes.Clone(value), 0))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, src []byte) {
		st, err := parseState(src)
		if err != nil {
			return
		}
		again, err := st.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, src) {
			t.Errorf("%x is read and written as %x, %v", src, again, err)
		}
	})
}

func TestStateRoundTrip(t *testing.T) {
	value, err := sample().AppendBinary(nil)
	check(t, err)
	st, err := parseState(value)
	check(t, err)
	if *st.(*state) != *sample() {
		t.Errorf("got %+v", st)
	}
	for i := range value {
		if _, err := parseState(value[:i]); err == nil {
			t.Errorf("the first %d bytes are taken for a state", i)
		}
	}
	if _, err := parseState(append(value, 0)); err == nil {
		t.Error("more than a state is taken for one")
	}
	value[0]++
	if _, err := parseState(value); err == nil {
		t.Error("another version is taken for this one")
	}
}

func FuzzLinks(f *testing.F) {
	f.Add((&links{edges: []edge{{vault.Key{1}, 5}}}).append(nil))
	f.Add([]byte{1, 1})
	f.Fuzz(func(t *testing.T, src []byte) {
		l := links{never: len(src) > 1 && src[1] == 1}
		ok := eachEdge(src, func(to *vault.Key, at int64) bool { l.edges = append(l.edges, edge{*to, at}); return true })
		if ok && len(src) > 0 && !bytes.Equal(l.append(nil), src) {
			t.Errorf("%x is read and written as %x", src, l.append(nil))
		}
	})
}
