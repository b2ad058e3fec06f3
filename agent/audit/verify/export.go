package verify

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
)

// The files of an export, in their order in the ZIP file.
const (
	ExportReadme  = "README.txt"
	ExportHead    = "checkpoint"
	ExportEntries = "entries.jsonl"
	ExportProofs  = "proofs.jsonl"
)

// The limits of an export.
const (
	MaxExported  = 10_000_000 // numbers
	maxExport    = 16 << 30   // bytes of the ZIP file, and of each file in it
	maxProofLine = 8 << 10
	maxReadme    = 64 << 10
)

// exportLimits are the files that an export has, and their bytes at most.
var exportLimits = []struct {
	name  string
	bytes uint64
}{{ExportReadme, maxReadme}, {ExportHead, maxNote}, {ExportEntries, maxExport}, {ExportProofs, maxExport}}

// CheckExport verifies exported entries: packaging/doc/journal-format.md,
// section 10. It needs no journal and no secret. What is wrong is in the
// Report; the error is about reading the file, or about the keys. In the Report,
// Entries is the number of the last entry.
func CheckExport(ctx context.Context, file io.ReaderAt, size int64, keys []string) (Report, error) {
	var r Report
	h, err := newHeads(keys)
	if err != nil {
		return r, err
	}
	parts, why := exportParts(file, size)
	if why != "" {
		return r.invalid(why), nil
	}
	note, err := readPart(parts[1])
	if err != nil {
		return r.invalid(ExportHead + " cannot be read"), nil
	}
	h.add(note, Head{Source: ExportHead}, &r)
	if len(h.list) == 0 {
		r.finish()
		return r, nil
	}
	x := exported{report: &r, head: h.list[0]}
	why, err = x.check(ctx, parts[2], parts[3])
	if err != nil {
		return r, err
	}
	if why != "" {
		return r.invalid(why), nil
	}
	x.conclude(h)
	return r, nil
}

// invalid adds the finding that the file is no export.
func (r *Report) invalid(why string) Report {
	r.fault(ExportInvalid, 0, 0, why)
	r.finish()
	return *r
}

// exportParts returns the files in an export, or what is wrong with it.
func exportParts(file io.ReaderAt, size int64) ([]*zip.File, string) {
	if size > maxExport {
		return nil, "the file is larger than an export can be"
	}
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, "the file is no ZIP file, or was cut off"
	}
	if len(archive.File) != len(exportLimits) {
		return nil, fmt.Sprintf("the ZIP file has %d files, not the %d of an export", len(archive.File), len(exportLimits))
	}
	for i, limit := range exportLimits {
		part := archive.File[i]
		if part.Name != limit.name || part.UncompressedSize64 > limit.bytes || !part.Mode().IsRegular() {
			return nil, fmt.Sprintf("file %d of the ZIP file is not %s, or is too large", i+1, limit.name)
		}
	}
	return archive.File, ""
}

func readPart(part *zip.File) ([]byte, error) {
	in, err := part.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // only read from
	return io.ReadAll(io.LimitReader(in, maxNote+1))
}

// exported goes through exported entries and their proofs side by side.
type exported struct {
	report *Report
	head   *Head
	first  uint64
	next   uint64 // 0 before the first
	prev   tree.Hash
	linked bool // prev is the hash of the entry before
}

// check reads both files. It returns what is wrong with their form.
func (x *exported) check(ctx context.Context, entries, proofs *zip.File) (string, error) {
	const unreadable = " cannot be read to its end; the file was damaged"
	lines, err := entries.Open()
	if err != nil {
		return ExportEntries + unreadable, nil
	}
	defer func() { _ = lines.Close() }() // only read from
	shown, err := proofs.Open()
	if err != nil {
		return ExportProofs + unreadable, nil
	}
	defer func() { _ = shown.Close() }() // only read from
	in, proof := bufio.NewReaderSize(lines, maxLine+1), bufio.NewReaderSize(shown, maxProofLine)
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return "", ctx.Err()
		}
		raw, err := proof.ReadSlice('\n')
		if err == io.EOF && len(raw) == 0 {
			break
		}
		if err != nil {
			return ExportProofs + unreadable, nil
		}
		p, ok := parseProof(raw[:len(raw)-1])
		if !ok || n == MaxExported {
			return fmt.Sprintf("line %d of %s is no proof", n+1, ExportProofs), nil
		}
		if !x.take(&p, in) {
			return ExportEntries + unreadable, nil
		}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return ExportEntries + " has more lines than there are proofs", nil
	}
	return "", nil
}

// take compares a proof with the entry that it is for. It reports whether the
// entry's line could be read.
func (x *exported) take(p *proofLine, in *bufio.Reader) bool {
	switch {
	case x.next == 0:
		x.first = p.seq
	case p.seq > x.next:
		x.report.fault(Missing, x.next, p.seq-1, "")
		x.linked = false
	case p.seq < x.next:
		x.report.fault(Reordered, p.seq, p.seq, "")
		x.linked = false
	}
	x.next = p.seq + 1
	if tree.CheckInclusion(p.seq-1, x.head.Size, p.leaf, x.head.root, p.hashes) != nil {
		x.report.fault(ProofInvalid, p.seq, p.seq, "")
	}
	if p.missing {
		x.report.Unused++
		if p.leaf != tree.MissingLeaf {
			x.report.fault(Missing, p.seq, p.seq, "")
			x.linked = false
		}
		return true
	}
	raw, err := in.ReadSlice('\n')
	if err != nil {
		return false
	}
	x.compare(p, raw[:len(raw)-1])
	return true
}

// compare compares an entry with its proof and with the entry before.
func (x *exported) compare(p *proofLine, line []byte) {
	x.report.Read++
	e, ok := parseLine(line)
	switch {
	case !ok:
		x.report.fault(Unreadable, p.seq, p.seq, "")
	case e.seq != p.seq || e.leaf != p.leaf || x.linked && e.prev != x.prev:
		x.report.fault(Edited, p.seq, p.seq, "")
	}
	x.prev, x.linked = p.leaf, true
}

// conclude says what the export shows.
func (x *exported) conclude(h *heads) {
	r := x.report
	if x.next == 0 {
		r.fault(ExportInvalid, 0, 0, "the export has no entries")
	}
	r.Origin, r.Entries = h.origin, max(x.next, 1)-1
	x.head.Fits = r.Fine()
	r.Heads = []Head{*x.head}
	r.Signed, r.Anchored = h.newest(func(*Head) bool { return true }), h.newest((*Head).anchors)
	r.finish()
	r.Unknown = append(r.Unknown, fmt.Sprintf("This is about entries %d to %d only. What came before or after them is not shown.", x.first, r.Entries))
	if !x.head.anchors() {
		r.Unknown = append(r.Unknown, "No known witness countersigned the head. That the journal was not made anew by someone who holds the site's key cannot be shown.")
	}
}

// proofLine is one line of proofs.jsonl.
type proofLine struct {
	seq     uint64
	leaf    tree.Hash
	hashes  []tree.Hash
	missing bool
}

// parseProof reads a line of proofs.jsonl in its only spelling.
func parseProof(raw []byte) (proofLine, bool) {
	var p proofLine
	c := cursor{rest: raw}
	c.literal(`{"seq":`)
	p.seq = c.number()
	c.literal(`,"leaf":"`)
	c.hash(&p.leaf)
	c.literal(`","proof":[`)
	for !c.bad && bytes.HasPrefix(c.rest, []byte(`"`)) && len(p.hashes) < maxHeight {
		var h tree.Hash
		c.literal(`"`)
		c.hash(&h)
		c.literal(`"`)
		p.hashes = append(p.hashes, h)
		if !bytes.HasPrefix(c.rest, []byte(`,"`)) {
			break
		}
		c.literal(`,`)
	}
	c.literal(`]`)
	if !c.bad && bytes.HasPrefix(c.rest, []byte(",")) {
		c.literal(`,"missing":true`)
		p.missing = true
	}
	c.literal(`}`)
	return p, !c.bad && len(c.rest) == 0 && p.seq <= maxSequence
}

// AppendProof appends the line of proofs.jsonl for an entry, with its line feed.
func AppendProof(dst []byte, seq uint64, leaf tree.Hash, proof []tree.Hash) []byte {
	dst = fmt.Appendf(dst, `{"seq":%d,"leaf":"%x","proof":[`, seq, leaf)
	for i, h := range proof {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fmt.Appendf(dst, `"%x"`, h)
	}
	dst = append(dst, ']')
	if leaf == tree.MissingLeaf {
		dst = append(dst, `,"missing":true`...)
	}
	return append(dst, "}\n"...)
}
