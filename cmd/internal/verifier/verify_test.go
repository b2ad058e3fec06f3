//go:build e2e

package verifier

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
)

var (
	mutants = flag.Int("mutants", 2000, "damaged journals that the verifiers are compared on")
	seed    = flag.Uint64("seed", 1, "of the random choices")
)

// python is a running verify.py.
type python struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

// verdict is what verify.py says of a journal.
type verdict struct {
	Fine     bool    `json:"fine"`
	First    uint64  `json:"first"`
	Findings [][]any `json:"findings"`
}

func startPython(t *testing.T) *python {
	t.Helper()
	command := exec.Command("python3", "verify.py")
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &python{in, bufio.NewScanner(out)}
}

// ask sends a journal to verify.py; hear returns its answer.
func (p *python) ask(t *testing.T, folder string, heads [][]byte) {
	t.Helper()
	job := map[string]any{"folder": folder, "keys": journaltest.Keys(), "heads": []string{}}
	var texts []string
	for _, head := range heads {
		texts = append(texts, base64.StdEncoding.EncodeToString(head))
	}
	job["heads"] = texts
	line, err := json.Marshal(job)
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *python) hear(t *testing.T) verdict {
	t.Helper()
	var v verdict
	if !p.out.Scan() {
		t.Fatal("verify.py has ended")
	}
	if err := json.Unmarshal(p.out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// both has both verifiers look at a journal and fails where they disagree.
func (p *python) both(t *testing.T, name string, files map[string][]byte, heads [][]byte) verify.Report {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "journal")
	if err := journaltest.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	p.ask(t, folder, heads)
	r, err := verify.Check(context.Background(), verify.Options{Folder: folder, Keys: journaltest.Keys(), Heads: heads})
	v := p.hear(t)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if r.Fine() != v.Fine || r.FirstWrong() > 0 && v.First > 0 && r.FirstWrong() != v.First {
		var found []string
		for _, f := range r.Findings {
			found = append(found, fmt.Sprint(f.Code, " ", f.From, "-", f.To))
		}
		t.Errorf("%s: this verifier says %q, verify.py %v", name, found, v.Findings)
	}
	return r
}

// TestVerifiersAgree compares the two on good journals, of which neither may
// say anything, and on damaged ones.
func TestVerifiersAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 0))
	p := startPython(t)
	var good []*journaltest.Journal
	for i := range 60 {
		good = append(good, build(random))
		if r := p.both(t, fmt.Sprintf("good journal %d", i), good[i].Files(), nil); !r.Fine() {
			t.Errorf("good journal %d: %+v", i, r.Findings)
		}
	}
	seen := map[string]int{}
	for i := range *mutants {
		j := good[random.IntN(len(good))]
		m := mutations[i%len(mutations)]
		anchor := j.Notes["checkpoint"]
		files := j.Files()
		m.change(random, j, files)
		r := p.both(t, fmt.Sprintf("mutant %d (%s)", i, m.name), files, [][]byte{anchor})
		if !r.Fine() {
			seen[m.name]++
		} else if m.seen {
			t.Errorf("mutant %d: %s was not seen", i, m.name)
		}
	}
	t.Logf("seen: %v", seen)
}

// build makes a good journal at random: segments, gaps, countersigned heads,
// and segments that were deleted or moved away.
func build(random *rand.Rand) *journaltest.Journal {
	j := journaltest.New()
	parts := 1 + random.IntN(4)
	for part := range parts {
		j.Fill(5 + random.IntN(260/parts))
		if random.IntN(2) == 0 {
			j.Countersign()
		}
		switch {
		case part == parts-1:
		case random.IntN(4) == 0:
			j.Fail(1+random.IntN(5), random.IntN(2) == 0)
		default:
			j.Rotate()
		}
	}
	if len(j.Segments) > 1 && random.IntN(3) == 0 {
		last := j.Segments[len(j.Segments)-1]
		for j.Size() < last.First+300 {
			j.Fill(20)
		}
		j.Remove(1, []string{"JOURNAL_PRUNED", "JOURNAL_ARCHIVED"}[random.IntN(2)])
	}
	j.Checkpoint()
	j.Fill(random.IntN(5)) // written after the last head
	return j
}
