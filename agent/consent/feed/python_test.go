//go:build e2e

package feed

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestAgainstPython compares manifests with those of an implementation in
// another language, for the golden list and for random ones. It needs python3.
func TestAgainstPython(t *testing.T) {
	file, err := os.ReadFile("testdata/flags.csv")
	check(t, err)
	agreeWithPython(t, "golden", file)
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		var b bytes.Buffer
		err := WriteFile(&b, func(yield func(care.Directive, error) bool) {
			for range 200 {
				if !yield(random(r), nil) {
					return
				}
			}
		})
		check(t, err)
		agreeWithPython(t, fmt.Sprint("seed ", seed), b.Bytes())
	}
}

func agreeWithPython(t *testing.T, name string, file []byte) {
	t.Helper()
	l := NewLedger("x", 1, asOf)
	check(t, l.AdmitAll(ParseFile(bytes.NewReader(file))))
	m, err := l.Snapshot()
	check(t, err)
	python := exec.Command("python3", "testdata/check.py", fmt.Sprint(asOf.UnixMilli()))
	python.Stdin, python.Stderr = bytes.NewReader(file), os.Stderr
	got, err := python.Output()
	check(t, err)
	if _, want, _ := bytes.Cut(m.Unsigned(), []byte("Z\n")); !bytes.Equal(got, want) {
		t.Errorf("%s: python has\n%s\nthis package\n%s", name, got, want)
	}
}
