package verify

import "bytes"

// Readable reports whether a line is one of the format.
func Readable(line []byte) bool { _, ok := parseLine(line); return ok }

// Rewrite reads a proof and writes it again. One that says of a leaf that it is
// missing, though it is not that of the empty line, is written as it was.
func Rewrite(line []byte) ([]byte, bool) {
	p, ok := parseProof(line)
	again := bytes.TrimSuffix(AppendProof(nil, p.seq, p.leaf, p.hashes), []byte("\n"))
	if bytes.HasSuffix(line, []byte(`,"missing":true}`)) != bytes.HasSuffix(again, []byte(`,"missing":true}`)) {
		again = line
	}
	return again, ok
}
