package care

import (
	"strings"
	"testing"
)

// published are identifiers of concepts of the International Edition and of the
// UK Edition (long format).
var published = []string{
	"138875005", "404684003", "716186003", "91936005", "75367002", "22298006", "195967001", "219006", "24700007",
	"196461000000101", "1149501000000101", "886921000000105", "999002271000000101", "325851000000107",
}

func TestValidSNOMED(t *testing.T) {
	for _, code := range published {
		if !ValidSNOMED(code) {
			t.Errorf("%s is refused", code)
		}
	}
	// All but those that say otherwise have the right check digit.
	for name, code := range map[string]string{
		"nothing":                         "",
		"too short":                       "10003",
		"too long":                        "1234567890123456003",
		"wrong check digit":               "138875006",
		"two digits changed places":       "138857005",
		"leading zero":                    "01388750004",
		"a space":                         "138875005 ",
		"a letter":                        "13887500S",
		"a Read code":                     "H33..",
		"digits of another script":        "１３８８７５００５",
		"description":                     "754786014",
		"relationship":                    "100022",
		"description of the long format":  "1411000000118",
		"long format without a namespace": "1000000107",
		"a sign":                          "-138875005",
	} {
		if ValidSNOMED(code) {
			t.Errorf("%s: %q is taken for a concept", name, code)
		}
	}
}

// TestValidSNOMEDFindsEveryMistype holds what the check digit is for: a digit
// that is wrong, and two neighbours that changed places.
func TestValidSNOMEDFindsEveryMistype(t *testing.T) {
	for _, code := range published {
		for i := range len(code) {
			for d := byte('0'); d <= '9'; d++ {
				if wrong := code[:i] + string(d) + code[i+1:]; wrong != code && ValidSNOMED(wrong) {
					t.Errorf("%s for %s", wrong, code)
				}
			}
			if i > 0 && code[i] != code[i-1] {
				if wrong := code[:i-1] + code[i:i+1] + code[i-1:i] + code[i+1:]; ValidSNOMED(wrong) {
					t.Errorf("%s for %s", wrong, code)
				}
			}
		}
	}
}

// TestOneCheckDigitFits holds that of the ten identifiers that differ in their
// last digit exactly one is valid.
func TestOneCheckDigitFits(t *testing.T) {
	for _, stem := range []string{"12300", "99999900", "1000000010", "12345678901234510"} {
		valid := 0
		for d := byte('0'); d <= '9'; d++ {
			if ValidSNOMED(stem + string(d)) {
				valid++
			}
		}
		if valid != 1 {
			t.Errorf("%s with each digit: %d are valid", stem, valid)
		}
	}
}

func FuzzValidSNOMED(f *testing.F) {
	for _, code := range published {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		if !ValidSNOMED(code) {
			return
		}
		if len(code) < 6 || len(code) > 18 || strings.Trim(code, "0123456789") != "" {
			t.Errorf("%q is taken for a concept", code)
		}
	})
}
