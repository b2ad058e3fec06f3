package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Code says what is wrong. Codes are stable.
type Code string

// The codes of findings.
const (
	Unreadable    Code = "UNREADABLE"     // what stands in the place of entries is no line of the format
	Edited        Code = "EDITED"         // an entry is not the one that was written
	Missing       Code = "MISSING"        // entries are not there, and nothing says why
	Duplicated    Code = "DUPLICATED"     // an entry stands there again
	Reordered     Code = "REORDERED"      // an entry stands in the wrong place
	Inserted      Code = "INSERTED"       // a line stands there that is no entry of this journal
	Misnamed      Code = "MISNAMED"       // a segment's name is not the number of its first entry
	BatchWrong    Code = "BATCH_WRONG"    // an entry names a batch that it cannot be of
	ClockBack     Code = "CLOCK_BACK"     // an entry is older than the one before, and no entry says that the clock was set
	Truncated     Code = "TRUNCATED"      // a signed head covers entries at the end that are not there
	Rewritten     Code = "REWRITTEN"      // somewhere in a range entries are not those that were signed
	Recreated     Code = "RECREATED"      // the journal's key has signed another history too
	TileWrong     Code = "TILE_WRONG"     // a file of the hash tree is not what the entries give
	HashesMissing Code = "HASHES_MISSING" // neither entries that were moved away nor their hashes are there
	HeadInvalid   Code = "HEAD_INVALID"   // a head is not signed as it should be
	HeadMissing   Code = "HEAD_MISSING"   // a head is not there that must be
	ExportInvalid Code = "EXPORT_INVALID" // an exported file is not of the form that it should have
	ProofInvalid  Code = "PROOF_INVALID"  // an exported entry is not in the journal that has the head
)

// Codes returns all codes.
func Codes() []Code { return slices.Sorted(maps.Keys(sentences)) }

// Finding is one thing that is wrong.
type Finding struct {
	Code Code   `json:"code"`
	From uint64 `json:"from,omitempty"` // first entry concerned; 0 where that cannot be said
	To   uint64 `json:"to,omitempty"`   // last
	Text string `json:"text"`           // in plain words, a sentence
	why  string
}

// Span is a range of entries, both ends included.
type Span struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// maxFindings bounds how many findings, and heads that do not fit, a Report
// lists. Neighbours of one kind are one finding.
const maxFindings = 1000

// Report is what Check found.
type Report struct {
	Origin   string    `json:"origin,omitempty"`   // name of the journal, from its heads
	Entries  uint64    `json:"entries"`            // number of the last entry
	Read     uint64    `json:"read"`               // entries that were read
	Unused   uint64    `json:"unused"`             // numbers that entries state as never written
	Archived []Span    `json:"archived,omitempty"` // entries elsewhere, not read
	Pruned   []Span    `json:"pruned,omitempty"`   // entries deleted by the rules
	Signed   uint64    `json:"signed"`             // entries up to the newest head that fits
	Anchored uint64    `json:"anchored"`           // entries up to the newest head that fits and that a witness countersigned or that was given
	Heads    []Head    `json:"heads,omitempty"`
	Torn     int64     `json:"torn,omitempty"` // bytes at the end that are no whole line
	Tiles    uint64    `json:"tiles"`          // files of the hash tree that were compared
	Findings []Finding `json:"findings,omitempty"`
	More     int       `json:"more,omitempty"` // findings that are not listed
	Unknown  []string  `json:"unknown"`        // what cannot be known, in sentences
}

// Fine reports whether nothing is wrong.
func (r *Report) Fine() bool { return len(r.Findings) == 0 }

// FirstWrong returns the lowest number that a finding names, or 0.
func (r *Report) FirstWrong() uint64 {
	first := uint64(0)
	for _, f := range r.Findings {
		if f.From > 0 && (first == 0 || f.From < first) {
			first = f.From
		}
	}
	return first
}

// fault adds a finding, or makes the last one longer.
func (r *Report) fault(code Code, from, to uint64, why string) {
	f := Finding{Code: code, From: from, To: to, why: why}
	n := len(r.Findings)
	switch {
	case n > 0 && r.Findings[n-1].join(&f):
	case n == maxFindings:
		r.More++
	default:
		r.Findings = append(r.Findings, f)
	}
}

// join makes a finding one with another of the same kind that begins in it or
// right after it, and reports whether it could.
func (f *Finding) join(next *Finding) bool {
	if f.Code != next.Code || f.why != next.why || f.From == 0 && next.From > 0 || next.From < f.From || next.From > f.To+1 {
		return false
	}
	f.To = max(f.To, next.To)
	return true
}

// finish puts the findings in order and into words.
func (r *Report) finish() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Code, b.Code))
	})
	joined := r.Findings[:0]
	for _, f := range r.Findings {
		if n := len(joined); n == 0 || !joined[n-1].join(&f) {
			joined = append(joined, f)
		}
	}
	r.Findings = joined
	for i := range r.Findings {
		r.Findings[i].say()
	}
}

// say puts the finding into words.
func (f *Finding) say() {
	text := sentences[f.Code]
	if f.From == 0 {
		f.Text = sentence(f.why)
		return
	}
	one, many := text[0], text[1]
	if f.From == f.To {
		f.Text = fmt.Sprintf("Entry %d %s.", f.From, one)
	} else {
		f.Text = fmt.Sprintf("Entries %d to %d (%d) %s.", f.From, f.To, f.To-f.From+1, many)
	}
	if f.why != "" {
		f.Text += " " + sentence(f.why)
	}
}

// sentences say of an entry, and of entries, what a code means.
var sentences = map[Code][2]string{
	Unreadable:    {"cannot be read: what stands there is no line of a journal", "cannot be read: what stands there is no line of a journal"},
	Edited:        {"is not the one that was written", "are not those that were written"},
	Missing:       {"is missing", "are missing"},
	Duplicated:    {"stands in the journal again, in another place", "stand in the journal again, in another place"},
	Reordered:     {"stands in the wrong place", "stand in the wrong place"},
	Inserted:      {"is no entry of this journal", "are no entries of this journal"},
	Misnamed:      {"is the first of a file whose name says otherwise", "are the first of files whose names say otherwise"},
	BatchWrong:    {"names a batch that it cannot be part of", "name batches that they cannot be part of"},
	ClockBack:     {"is older than the entry before it, and no entry says that the clock was set", "are older than the entries before them, and no entry says that the clock was set"},
	Truncated:     {"was there when a head was signed, and is missing at the end", "were there when a head was signed, and are missing at the end"},
	Rewritten:     {"is not the one that was signed", "are not all those that were signed: at least one of them was changed, removed, added or made anew, and which cannot be told from what is here"},
	Recreated:     {"is not the one that was signed first: whoever holds the journal's key has signed two histories", "are not those that were signed first: whoever holds the journal's key has signed two histories"},
	TileWrong:     {"does not give the hash that the file says", "do not give the hashes that the file says"},
	HashesMissing: {"was moved away or deleted, and its hash is not there either", "were moved away or deleted, and their hashes are not there either"},
	HeadInvalid:   {"is covered by a head that cannot be used", "are covered by a head that cannot be used"},
	HeadMissing:   {"was covered by a countersigned head that is not there", "were covered by a countersigned head that is not there"},
	ExportInvalid: {"is not of the form that an export has", "are not of the form that an export has"},
	ProofInvalid:  {"is not shown to be in the journal", "are not shown to be in the journal"},
}

// sentence makes a sentence of words.
func sentence(words string) string {
	if words == "" {
		return ""
	}
	first := words[0]
	if 'a' <= first && first <= 'z' {
		first -= 'a' - 'A'
	}
	return string(first) + words[1:] + "."
}
