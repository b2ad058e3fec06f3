//go:build e2e

package verifier

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
)

// mutation damages a journal. Where seen is set it must never go unseen,
// because the newest head was kept elsewhere.
type mutation struct {
	name   string
	seen   bool
	change func(random *rand.Rand, j *journaltest.Journal, files map[string][]byte)
}

var mutations = []mutation{
	{"bit flipped in a line", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, _, end := covered(r, j, f)
		f[name][r.IntN(end)] ^= 1 << r.IntN(8)
	}},
	{"bit flipped anywhere", false, func(r *rand.Rand, _ *journaltest.Journal, f map[string][]byte) {
		data := f[pick(r, f, "")]
		data[r.IntN(len(data))] ^= 1 << r.IntN(8)
	}},
	{"bits flipped", false, func(r *rand.Rand, _ *journaltest.Journal, f map[string][]byte) {
		for range 2 + r.IntN(5) {
			data := f[pick(r, f, "journal-")]
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
	}},
	{"line edited, links made anew", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) { relink(r, j, f, false) }},
	{"line edited, links, tiles and checkpoint made anew", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) { relink(r, j, f, true) }},
	{"lines removed", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, lines, end := covered(r, j, f)
		at := r.IntN(bytes.Count(f[name][:end], []byte("\n")))
		set(f, name, slices.Delete(lines, at, at+1+r.IntN(min(5, len(lines)-at))))
	}},
	{"lines swapped", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, lines, end := covered(r, j, f)
		n := bytes.Count(f[name][:end], []byte("\n"))
		if n < 2 {
			delete(f, name)
			return
		}
		a := r.IntN(n - 1)
		b := a + 1 + r.IntN(n-1-a)
		lines[a], lines[b] = lines[b], lines[a]
		set(f, name, lines)
	}},
	{"line moved", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, lines, end := covered(r, j, f)
		n := bytes.Count(f[name][:end], []byte("\n"))
		if n < 4 {
			delete(f, name)
			return
		}
		a := r.IntN(n - 3)
		moved := lines[a]
		set(f, name, slices.Insert(slices.Delete(lines, a, a+1), a+2, moved))
	}},
	{"line twice", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, lines, _ := covered(r, j, f)
		at := r.IntN(len(lines))
		set(f, name, slices.Insert(lines, r.IntN(len(lines)+1), lines[at]))
	}},
	{"segment cut", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, _, end := covered(r, j, f)
		f[name] = f[name][:r.IntN(end)]
	}},
	{"stretch made NUL", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, _, end := covered(r, j, f)
		at := r.IntN(end)
		clear(f[name][at:min(len(f[name]), at+1+r.IntN(600))])
	}},
	{"bytes inserted", false, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, _, end := covered(r, j, f)
		f[name] = slices.Insert(f[name], r.IntN(end), []byte([]string{"\n", "x", "\x00", "}\n{", "\xff"}[r.IntN(5)])...)
	}},
	{"made anew with another key", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) { anew(r, j, f, true) }},
	{"made anew with the site's key", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) { anew(r, j, f, false) }},
	{"tile edited", false, func(r *rand.Rand, _ *journaltest.Journal, f map[string][]byte) {
		if name := pick(r, f, "tile/"); name != "" {
			f[name][r.IntN(len(f[name]))] ^= 1
		}
	}},
	{"tile cut or removed", false, func(r *rand.Rand, _ *journaltest.Journal, f map[string][]byte) {
		name := pick(r, f, "tile/")
		if name == "" || r.IntN(2) == 0 {
			delete(f, name)
			return
		}
		f[name] = f[name][:r.IntN(len(f[name]))]
	}},
	{"tile and line edited", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		if tile := pick(r, f, "tile/"); tile != "" {
			f[tile][r.IntN(len(f[tile]))] ^= 1
		}
		name, _, end := covered(r, j, f)
		f[name][r.IntN(end)] ^= 1
	}},
	{"head edited", false, func(r *rand.Rand, _ *journaltest.Journal, f map[string][]byte) {
		name := pick(r, f, "heads/")
		if name == "" {
			name = "checkpoint"
		}
		f[name][r.IntN(len(f[name]))] ^= 1 << r.IntN(8)
	}},
	{"heads removed", false, func(r *rand.Rand, _ *journaltest.Journal, f map[string][]byte) {
		delete(f, pick(r, f, "heads/"))
		if r.IntN(2) == 0 {
			delete(f, "checkpoint")
		}
	}},
	{"head in the place of another", false, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name := pick(r, f, "heads/")
		if name == "" {
			name = "checkpoint"
		}
		f[name] = j.Head(uint64(r.IntN(int(j.Size()))))
	}},
	{"segments removed", true, func(r *rand.Rand, _ *journaltest.Journal, f map[string][]byte) {
		for range 1 + r.IntN(2) {
			delete(f, pick(r, f, "journal-"))
		}
	}},
	{"segment renamed or copied", false, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name := pick(r, f, "journal-")
		data := f[name]
		if r.IntN(2) == 0 {
			delete(f, name)
		}
		f[fmt.Sprintf("journal-%020d.jsonl", 1+r.IntN(int(j.Size())+10))] = bytes.Clone(data)
	}},
	{"number edited", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		name, lines, end := covered(r, j, f)
		at := r.IntN(bytes.Count(f[name][:end], []byte("\n")))
		before, after, _ := bytes.Cut(lines[at], []byte(`,"batch":`))
		digits := bytes.LastIndexByte(before, ':') + 1
		lines[at] = fmt.Appendf(nil, `%s%d,"batch":%s`, before[:digits], 1+r.IntN(int(j.Size())+100), after)
		set(f, name, lines)
	}},
	{"old copy put back", true, func(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) {
		size := uint64(r.IntN(int(j.Size())-5)) + 1
		f["checkpoint"] = j.Head(size)
		for name := range f {
			var first uint64
			if n, _ := fmt.Sscanf(name, "journal-%d.jsonl", &first); n == 1 && first > size {
				delete(f, name)
			} else if n == 1 {
				lines := bytes.SplitAfter(bytes.TrimRight(f[name], "\x00"), []byte("\n"))
				f[name] = bytes.Join(lines[:min(uint64(len(lines)), size-first+1)], nil)
			}
		}
	}},
}

// pick returns the name of a file at random, or "" if there is none.
func pick(r *rand.Rand, f map[string][]byte, prefix string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if strings.HasPrefix(name, prefix) && len(f[name]) > 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return names[r.IntN(len(names))]
}

// covered returns a segment at random, its lines, and where those end that the
// newest head covers and that are entries.
func covered(r *rand.Rand, j *journaltest.Journal, f map[string][]byte) (name string, lines [][]byte, end int) {
	var size uint64
	_, _ = fmt.Sscanf(string(bytes.SplitN(j.Notes["checkpoint"], []byte("\n"), 3)[1]), "%d", &size)
	at := r.IntN(len(j.Segments))
	name = fmt.Sprintf("journal-%020d.jsonl", j.Segments[at].First)
	if at+1 < len(j.Segments) {
		size = min(size, j.Segments[at+1].First-1) // not the lines that a gap left
	}
	lines = bytes.SplitAfter(bytes.TrimRight(f[name], "\x00"), []byte("\n"))
	lines = lines[:len(lines)-1]
	for i, line := range lines {
		if j.Segments[at].First+uint64(i) > size || j.Unused(j.Segments[at].First+uint64(i)) {
			break
		}
		end += len(line)
	}
	return name, lines, end
}

// set puts lines into a segment.
func set(f map[string][]byte, name string, lines [][]byte) { f[name] = bytes.Join(lines, nil) }

// relink edits a line and gives all lines after it new links; if whole is set
// also tiles and checkpoint are made anew, as who holds the key can.
func relink(r *rand.Rand, j *journaltest.Journal, f map[string][]byte, whole bool) {
	changed := j.Relink(r.IntN(len(j.Segments)), r.IntN)
	if whole {
		changed.Checkpoint()
	}
	for name, data := range changed.Files() {
		if whole || strings.HasPrefix(name, "journal-") {
			f[name] = data
		}
	}
}

// anew replaces the journal by another one.
func anew(r *rand.Rand, j *journaltest.Journal, f map[string][]byte, stranger bool) {
	other := journaltest.New()
	if stranger {
		other.Signer = journaltest.Stranger
	}
	other.Add("AGENT_STARTED", `,"actor":"somebody else"`)
	other.Fill(r.IntN(2 * int(j.Size())))
	other.Checkpoint()
	clear(f)
	maps.Copy(f, other.Files())
}
