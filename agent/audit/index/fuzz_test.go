package index

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Lists come back as they were, and nothing else is taken for a list.
func TestListsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lists := postings{}
		for range rapid.IntRange(1, 40).Draw(t, "terms") {
			hash := rapid.Uint64().Draw(t, "hash")
			entries := rapid.SliceOfNDistinct(rapid.Uint16Range(0, blockEntries-1), 1, 50, rapid.ID).Draw(t, "entries")
			slices.Sort(entries)
			for _, e := range entries {
				lists.add(hash, e)
				lists.add(hash, e) // a term may come twice
			}
			if !slices.Equal(lists[hash], entries) {
				delete(lists, hash) // drawn twice
			}
		}
		back := postings{}
		parts := lists.shards()
		for _, p := range parts {
			if err := back.addShard(p); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(lists, back) {
			t.Fatalf("%v became %v", lists, back)
		}
		for hash, want := range lists {
			if got, err := find(parts[shardOf(hash)], hash); err != nil || !slices.Equal(got, want) {
				t.Fatalf("found %v, %v; want %v", got, err, want)
			}
		}
		other := rapid.Uint64().Draw(t, "other")
		if got, err := find(parts[shardOf(other)], other); err != nil || lists[other] == nil && got != nil {
			t.Fatalf("found %v, %v for a term that is not there", got, err)
		}
	})
}

func FuzzShard(f *testing.F) {
	lists := postings{}
	for i := range uint64(50) {
		lists.add(i*0x0123456789abcdef, uint16(i*100))
	}
	for _, p := range lists.shards() {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		lists := postings{}
		if lists.addShard(b) != nil {
			return
		}
		for hash, list := range lists {
			if len(list) == 0 || !slices.IsSorted(list) || list[len(list)-1] >= blockEntries {
				t.Fatalf("the list %v is taken", list)
			}
			if got, err := find(b, hash); err != nil || !slices.Equal(got, list) {
				t.Fatalf("found %v, %v; want %v", got, err, list)
			}
		}
	})
}

func FuzzHeader(f *testing.F) {
	h := header{number: 3, runs: []run{{span{bounds(3).from, bounds(3).from + 9}, 17, 0, 900}}, missing: []span{{bounds(3).from + 10, bounds(3).to}},
		first: epoch, last: epoch, leaf: [32]byte{1}}
	f.Add(h.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		if h.entries() > blockEntries {
			t.Fatalf("a block of %d entries is taken", h.entries())
		}
		if next := h.next(); next.entry < bounds(h.number).from || next.entry > bounds(h.number).to+1 {
			t.Fatalf("after block %d comes entry %d", h.number, next.entry)
		}
		again, err := parseHeader(h.append(nil))
		if err != nil || !reflect.DeepEqual(h, again) {
			t.Fatalf("%+v became %+v, %v", h, again, err)
		}
	})
}

func TestSplit(t *testing.T) {
	gone := []Gap{{10, 14, 0, GapPruned}, {10, 19, 0, GapArchived}, {20, 29, 0, GapArchived}}
	for _, test := range []struct {
		gap  Gap
		want []Gap
	}{
		{Gap{1, 5, 5, GapMissing}, []Gap{{1, 5, 5, GapMissing}}},
		{Gap{20, 25, 6, GapMissing}, []Gap{{20, 25, 6, GapArchived}}},
		{Gap{8, 31, 24, GapMissing}, []Gap{{8, 9, 2, GapMissing}, {10, 14, 5, GapPruned}, {15, 29, 15, GapArchived}, {30, 31, 2, GapMissing}}},
	} {
		if got := merge(split(test.gap, gone)); !slices.Equal(got, test.want) {
			t.Errorf("%v is split to %v, want %v", test.gap, got, test.want)
		}
	}
}

func TestMerge(t *testing.T) {
	got := merge([]Gap{{9, 9, 1, GapSealed}, {4, 5, 2, GapMissing}, {1, 3, 3, GapMissing}, {2, 2, 1, GapSealed}, {7, 8, 2, GapMissing}})
	want := []Gap{{1, 5, 5, GapMissing}, {2, 9, 2, GapSealed}, {7, 8, 2, GapMissing}}
	if !slices.Equal(got, want) {
		t.Errorf("merged to %v, want %v", got, want)
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	from := bounds(3).from
	for name, change := range map[string]func(h *header){
		"a run before the block":   func(h *header) { h.runs[0].from = from - 1 },
		"a run after the block":    func(h *header) { h.runs[1].to, h.missing = bounds(3).to+1, nil },
		"a run that ends first":    func(h *header) { h.runs[1].to = h.runs[1].from - 1 },
		"runs that overlap":        func(h *header) { h.runs[0].to = h.runs[1].from },
		"runs out of order":        func(h *header) { h.runs[0], h.runs[1] = h.runs[1], h.runs[0] },
		"a missing number in runs": func(h *header) { h.missing[0].from = from },
		"a negative offset":        func(h *header) { h.runs[0].offset = -1 },
		"a negative size":          func(h *header) { h.runs[0].size = -1 },
		"an end past all files":    func(h *header) { h.runs[0].offset, h.runs[0].size = 1<<62, 1<<62 },
		"a huge part":              func(h *header) { h.sizes[2] = maxPart + 1 },
		"a huge number":            func(h *header) { *h = header{number: 1 << 50} },
	} {
		h := header{number: 3, runs: []run{{span{from, from + 1}, 17, 0, 90}, {span{from + 2, from + 4}, 18, 0, 90}}, missing: []span{{from + 5, from + 6}}}
		if _, err := parseHeader(h.append(nil)); err != nil {
			t.Fatal(err)
		}
		change(&h)
		if _, err := parseHeader(h.append(nil)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// One value of two dimensions has two lists.
func TestHashesOfTerms(t *testing.T) {
	h := newHasher(&testKey)
	other := newHasher(&[32]byte{1})
	a, b := h.of(newTerm(byUser, "east")), h.of(newTerm(byBroker, "east"))
	if a == b || a == other.of(newTerm(byUser, "east")) {
		t.Error("terms share a list")
	}
	if a != h.of(newTerm(byUser, "EAST")) {
		t.Error("the case of letters matters")
	}
}
