package index

import (
	"os"
	"slices"
	"testing"
	"time"
)

// ruinEntries overwrites lines.
func (m *model) ruinEntries(wanted ...uint64) {
	for i, n := range m.numbers() {
		if slices.Contains(wanted, n) {
			m.ruin(i)
		}
	}
}

// twoSegments returns a journal that is in no index, and the number of its
// first entry: ten entries in one segment and ten in the next.
func twoSegments(t *testing.T) (*model, uint64) {
	m := newModel(t)
	first := m.next
	m.grow(10, 0)
	m.rotateTo(m.next)
	m.grow(10, 4)
	return m, first
}

func TestDamagedLinesAreGaps(t *testing.T) {
	for name, test := range map[string]struct {
		ruined []uint64 // counted from the first entry
		want   []span
	}{
		"within a closed segment":                     {[]uint64{3, 4}, []span{{3, 4}}},
		"at the end of a closed segment":              {[]uint64{8, 9}, []span{{8, 9}}},
		"within the newest segment":                   {[]uint64{12, 14}, []span{{12, 12}, {14, 14}}},
		"at the end of all":                           {[]uint64{19}, []span{{19, 19}}},
		"of several at the end, of which one is told": {[]uint64{18, 19}, []span{{18, 18}}},
	} {
		m, first := twoSegments(t)
		want := []Gap{gapOf(span{1, first - 1}, GapMissing)}
		for _, s := range test.want {
			want = append(want, gapOf(span{first + s.from, first + s.to}, GapDamaged))
		}
		all := m.numbers()
		for i := range test.ruined {
			test.ruined[i] += first
		}
		m.ruinEntries(test.ruined...)
		for range 2 {
			got, gaps := mustSearch(t, m.index(false), Query{})
			readable := slices.DeleteFunc(slices.Clone(all), func(n uint64) bool { return slices.Contains(test.ruined, n) })
			if !slices.Equal(got, readable) || !slices.Equal(gaps, want) {
				t.Errorf("%s: found %v with gaps %v, want %v and %v", name, got, gaps, readable, want)
			}
			mustUpdate(t, m.index(false))
		}
	}
}

// An entry that stands where another stood is shown once.
func TestALineInThePlaceOfAnother(t *testing.T) {
	for _, updated := range []bool{true, false} {
		m := newModel(t)
		first := m.next
		for range 5 {
			at := len(m.text)
			m.add(sampleBodies()[4])
			m.note(at)
		}
		m.save()
		if updated {
			mustUpdate(t, m.index(false))
		}
		copy(m.text[m.entries[first+1].at:], m.entries[first+2].line.Raw)
		if err := os.WriteFile(m.path(first), m.text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, gaps := mustSearch(t, m.index(false), Query{FirstEntry: first})
		want := []uint64{first, first + 2, first + 3, first + 4}
		if !slices.Equal(got, want) || !slices.Equal(gaps, []Gap{{first + 1, first + 1, 1, GapDamaged}}) {
			t.Errorf("updated %v: found %v with gaps %v, want %v", updated, got, gaps, want)
		}
	}
}

// Entries that come after a hole in a closed segment are found.
func TestHoleInAClosedSegment(t *testing.T) {
	m, first := twoSegments(t)
	path := m.path(first)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(text[m.entries[first+4].at:m.entries[first+6].at])
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	got, gaps := mustSearch(t, m.index(false), Query{FirstEntry: first})
	if len(got) != 18 || !slices.Equal(gaps, []Gap{{first + 4, first + 5, 2, GapDamaged}}) {
		t.Errorf("found %v with gaps %v", got, gaps)
	}
}

func TestNewestOfManyLines(t *testing.T) {
	m, _ := twoSegments(t)
	all := m.numbers()
	slices.Reverse(all)
	for _, limit := range []int{1, 3, 12} {
		if got, _ := mustSearch(t, m.index(false), Query{Newest: true, Limit: limit}); !slices.Equal(got, all[:limit]) {
			t.Errorf("the newest %d are %v, want %v", limit, got, all[:limit])
		}
	}
}

// Numbers that never were entries are no gap, though the segment before them is
// gone.
func TestNumbersStatedAsMissingAreNoGap(t *testing.T) {
	m := newModel(t)
	m.grow(5, 0)
	failed := m.next
	m.failFar(2, 2)
	m.grow(5, 0)
	m.deleteOldest()
	if _, gaps := mustSearch(t, m.index(false), Query{}); !slices.Equal(gaps, []Gap{gapOf(span{1, failed - 1}, GapMissing)}) {
		t.Errorf("gaps are %v", gaps)
	}
}

// A gap is left out if what comes after it is older than what is wanted, by more
// than clocks are set.
func TestGapsOfOtherTimes(t *testing.T) {
	m, first := twoSegments(t)
	for from, want := range map[time.Duration]int{0: 1, clockSlack - time.Minute: 1, clockSlack + time.Minute: 0} {
		if _, gaps := mustSearch(t, m.index(false), Query{From: epoch.Add(from), LastEntry: first + 3}); len(gaps) != want {
			t.Errorf("from %v on, gaps are %v", from, gaps)
		}
	}
}
