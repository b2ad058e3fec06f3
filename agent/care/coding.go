package care

// The sizes of a SNOMED CT identifier (SNOMED CT Release File Specifications,
// SCTID): 6 to 18 digits, of which the last is the check digit and the two
// before it the partition. In the long format a namespace of seven digits
// stands before the partition.
const (
	minSCTID     = 6
	maxSCTID     = 18
	minLongSCTID = 11
)

// ValidSNOMED reports whether code has the form of an identifier of a SNOMED CT
// concept: 6 to 18 digits of which the first is not 0, the partition of
// concepts (00, or 10 in the long format) and the right check digit. Whether
// there is such a concept it does not know.
//
// Identifiers of descriptions and relationships are refused: a record carries
// the concept, so nothing would ever match them.
func ValidSNOMED(code string) bool {
	if len(code) < minSCTID || len(code) > maxSCTID || code[0] == '0' {
		return false
	}
	check := 0
	for i := range len(code) {
		c := code[len(code)-1-i]
		if c < '0' || c > '9' {
			return false
		}
		check = dihedral(check, permuted(c-'0', i))
	}
	switch code[len(code)-3 : len(code)-1] {
	case "00":
		return check == 0
	case "10":
		return check == 0 && len(code) >= minLongSCTID
	}
	return false
}

// dihedral multiplies in the dihedral group of the pentagon: 0 to 4 are turns,
// 5 to 9 are flips (J. Verhoeff, Error Detecting Decimal Codes, 1969).
func dihedral(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return 5 + (a+b)%5
	case b < 5:
		return 5 + (a-b)%5
	}
	return (a - b + 5) % 5
}

// permuted returns a digit after as many of Verhoeff's permutations as its
// place from the right says. The permutation repeats after eight places.
func permuted(digit byte, place int) int {
	d := int(digit)
	for range place % 8 {
		d = verhoeff[d]
	}
	return d
}

// verhoeff is the permutation of digits that finds most transpositions.
var verhoeff = [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
