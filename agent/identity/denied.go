package identity

import (
	"bytes"
	"crypto/x509"
	"strings"
)

// A line of a deny list has the length of one of two things.
const (
	fingerprintDigits = 64 // SHA-256
	maxSerialDigits   = 40 // 20 octets (RFC 5280 section 4.1.2.2)
)

// denyList holds serial numbers, without leading zeros, and fingerprints. Their
// lengths keep them apart. All is in lower-case hexadecimal.
type denyList map[string]bool

// parseDenied reads a deny list: one entry per line, colons between digits
// allowed, "#" starts a comment, case does not matter. When a line is neither
// it returns nil and the number of that line: half a list would let in what
// the other half was meant to keep out.
func parseDenied(data []byte) (denyList, int) {
	list, number := denyList{}, 0
	for line := range bytes.Lines(data) {
		number++
		text, _, _ := bytes.Cut(line, []byte("#"))
		entry := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(string(text)), ":", ""))
		if entry == "" && len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if entry == "" || strings.Trim(entry, "0123456789abcdef") != "" {
			return nil, number
		}
		if len(entry) != fingerprintDigits {
			if len(entry) > maxSerialDigits {
				return nil, number
			}
			entry = withoutZeros(entry)
		}
		list[entry] = true
	}
	return list, 0
}

// withoutZeros strips leading zeros as big.Int prints a number.
func withoutZeros(serial string) string {
	if stripped := strings.TrimLeft(serial, "0"); stripped != "" {
		return stripped
	}
	return "0"
}

// holdsLeaf reports whether a caller's certificate is denied by its serial
// number or fingerprint.
func (d denyList) holdsLeaf(leaf *x509.Certificate) bool {
	return len(d) > 0 && (d[leaf.SerialNumber.Text(16)] || d[Fingerprint(leaf)])
}

// holdsAny reports whether a fingerprint of any certificate in the chains is
// denied. Serial numbers of authorities are not looked at: they are unique to
// an issuer only, and small ones repeat.
func (d denyList) holdsAny(chains [][]*x509.Certificate) bool {
	if len(d) == 0 {
		return false
	}
	for _, chain := range chains {
		for _, c := range chain {
			if d[Fingerprint(c)] {
				return true
			}
		}
	}
	return false
}
