package feed

import (
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The key of the golden manifest. It signs nothing else.
const (
	testSecret = "PRIVATE+KEY+region.example/consent+1308ce67+Ac850+AT0KUzSzcgtsRQivpDhxm4g0U9pyAc0dkuKl4c"
	testPublic = "region.example/consent+1308ce67+AVVuCpaupsqFn8Qg7hvfFBdIVCvadmV0pgRQgD2DqXhG"
)

var asOf = time.Date(2026, time.March, 1, 2, 0, 0, 0, time.UTC)

func testSigner(t testing.TB) note.Signer {
	t.Helper()
	s, err := note.NewSigner(testSecret)
	check(t, err)
	return s
}

// number returns the i-th NHS number of the range for tests that has a check
// digit (NHS Data Dictionary, NHS NUMBER).
func number(i int) care.NHSNumber {
	for nine := 999_000_000 + i*2; ; nine++ { // of two neighbours at most one has none
		sum := 0
		for d, rest := 2, nine; rest > 0; d, rest = d+1, rest/10 {
			sum += rest % 10 * d
		}
		if n, err := care.ParseNHSNumber(fmt.Sprint(nine, (11-sum%11)%11)); err == nil {
			return n
		}
	}
}

func dissent(i int) care.Directive {
	return care.Directive{NHSNumber: number(i), Kind: care.Dissent, By: "region", Effective: asOf.Add(-time.Hour), Authority: care.Region}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t testing.TB, err error, kind care.Kind, reason string) {
	t.Helper()
	if care.KindOf(err) != kind || care.ReasonOf(err) != reason {
		t.Errorf("err %v, want %s (%s)", err, kind, reason)
	}
}

// golden compares with a golden file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		check(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	check(t, err)
	if string(got) != string(want) {
		t.Errorf("%s differs; got\n%s", path, got)
	}
}

func listed(all ...care.Directive) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// goldenLedger is the ledger of the golden list.
func goldenLedger(t testing.TB) *Ledger {
	t.Helper()
	f, err := os.Open("testdata/flags.csv")
	check(t, err)
	defer f.Close()
	l := NewLedger("hweiics", 812, asOf)
	check(t, l.AdmitAll(ParseFile(f)))
	return l
}
