package ukcore

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestEscapedAtEveryPlace puts every byte at every place of a text, because
// eight bytes are looked at together.
func TestEscapedAtEveryPlace(t *testing.T) {
	for c := range 256 {
		for place := range 19 {
			text := strings.Repeat("a", place) + string([]byte{byte(c)}) + strings.Repeat("b", 18-place)
			checkText(t, text)
		}
	}
	for _, text := range []string{"\u00e9\u2028\U0001F600 and more than eight", "\"\"\"\"\"\"\"\"\\\\\\\\\\\\\\\\", "12345678", "1234567\u00e9", "1234567\xc3", "\xed\xa0\x80 surrogate"} {
		checkText(t, text)
	}
}

// checkText checks that a text comes out as it went in, or is refused when it
// is not UTF-8.
func checkText(t *testing.T, text string) {
	t.Helper()
	var w writer
	w.text("", text)
	if !utf8.ValidString(text) {
		if w.fault != "" {
			return
		}
		t.Fatalf("%q is not UTF-8 and was not refused", text)
	}
	var got string
	if err := json.Unmarshal(w.buf[:len(w.buf)-1], &got); err != nil || got != text || w.fault != "" {
		t.Fatalf("%q came out as %s (%v, %s)", text, w.buf, err, w.fault)
	}
}
