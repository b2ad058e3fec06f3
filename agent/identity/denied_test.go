package identity

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseDenied(t *testing.T) {
	print64 := strings.Repeat("ab", 32)
	for name, test := range map[string]struct {
		text string
		want []string
		line int
	}{
		"empty":              {"", nil, 0},
		"comments and blank": {"# list\n\n  \t\r\n", nil, 0},
		"serial":             {"0A1b\n", []string{"a1b"}, 0},
		"serial with colons": {"00:0a:1B # stolen\r\n", []string{"a1b"}, 0},
		"serial zero":        {"000", []string{"0"}, 0},
		"longest serial":     {strings.Repeat("7f", 20), []string{strings.Repeat("7f", 20)}, 0},
		"fingerprint":        {strings.ToUpper(print64), []string{print64}, 0},
		"both":               {"1\n" + print64, []string{"1", print64}, 0},
		"not hex":            {"1\n\nxyz\n", nil, 3},
		"between the sizes":  {strings.Repeat("a", 41), nil, 1},
		"too long":           {print64 + "a", nil, 1},
		"two on a line":      {"1 2", nil, 1},
		"only colons":        {"::", nil, 1},
		"decimal sign":       {"-1", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			list, line := parseDenied([]byte(test.text))
			if line != test.line {
				t.Fatalf("line %d, want %d", line, test.line)
			}
			if got := slices.Sorted(maps.Keys(list)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzParseDenied checks that a list is refused as a whole or holds entries
// that certificates are compared with, and one for each line that has digits.
func FuzzParseDenied(f *testing.F) {
	f.Add("01:0A # x\n\n" + strings.Repeat("AB", 32))
	f.Add("\xff\r\n::")
	f.Fuzz(func(t *testing.T, text string) {
		list, line := parseDenied([]byte(text))
		if (list == nil) != (line > 0) {
			t.Fatalf("list %v with faulty line %d", list, line)
		}
		for entry := range list {
			if len(entry) != fingerprintDigits && (len(entry) > maxSerialDigits || withoutZeros(entry) != entry) {
				t.Errorf("entry %q is neither a fingerprint nor a plain serial", entry)
			}
			if again, line := parseDenied([]byte(entry)); line != 0 || !again[entry] || len(again) != 1 {
				t.Errorf("entry %q does not mean itself", entry)
			}
		}
	})
}
