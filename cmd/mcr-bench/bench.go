package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// bench is one run.
type bench struct {
	folder    string
	only      string // the one step to measure; empty for all
	rounds    int
	work      time.Duration
	agent     *server
	bare      *server
	agentConn *grpc.ClientConn
	bareConn  *grpc.ClientConn
	want      []sum // by patient
	requests  int   // made of the agent
	rows      []row
}

// row is one line of the table.
type row struct {
	what, measure, mark string
	value               float64
	passed              bool
}

func (b *bench) close() {
	for _, conn := range []*grpc.ClientConn{b.agentConn, b.bareConn} {
		if conn != nil {
			_ = conn.Close()
		}
	}
	for _, s := range []*server{b.agent, b.bare} {
		if s != nil {
			_ = s.stop()
		}
	}
}

// side is one server in a comparison.
type side struct {
	server *server
	conn   *grpc.ClientConn
}

// run measures everything and prints the table.
func (b *bench) run(out io.Writer) error {
	agent, bare := side{b.agent, b.agentConn}, side{b.bare, b.bareConn}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"same", func() error { return b.sameAgainstSame(bare) }},
		{"2KB-8", func() error { return b.compare(agent, bare, 0, 8, "2 KB, 8 callers", nil) }},
		{"50KB-64", func() error {
			return b.compare(agent, bare, 1, 64, "50 KB, 64 callers", map[string]float64{"CPU per request": 1.5, "requests/s": -0.7})
		}},
		{"50KB-8", func() error { return b.compare(agent, bare, 1, 8, "50 KB, 8 callers", nil) }},
		{"1MB-8", func() error {
			return b.compare(agent, bare, 2, 8, "1 MB, 8 callers", map[string]float64{"CPU per request": 1.2})
		}},
		{"50KB-1", func() error { return b.oneCaller(agent, bare) }},
		{"documents", b.documents},
		{"count", b.counted},
		{"startup", b.startup},
		{"journal", b.journal},
		{"release", b.release},
	} {
		if b.only != "" && b.only != step.name {
			continue
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	return b.print(out)
}

// add adds a row. A mark above 0 is the most that passes, below 0 the least.
func (b *bench) add(what, measure string, value, mark float64, unit string) {
	r := row{what: what, measure: measure, value: value, passed: true}
	switch {
	case mark > 0:
		r.mark, r.passed = fmt.Sprintf("at most %g%s", mark, unit), value <= mark
	case mark < 0:
		r.mark, r.passed = fmt.Sprintf("at least %g%s", -mark, unit), value >= -mark
	}
	r.measure += unitOf(unit)
	b.rows = append(b.rows, r)
	fmt.Fprintf(os.Stderr, "%s, %s: %.2f\n", r.what, r.measure, r.value)
}

func unitOf(unit string) string {
	if unit == "x" {
		return " (ratio)"
	}
	return " (" + strings.TrimSpace(unit) + ")"
}

// pair is both sides' turn in one round.
type pair struct{ a, b turn }

// alternate lets two sides take turns, and changes who goes first each round.
func (b *bench) alternate(x, y side, patient, callers int) ([]pair, error) {
	requests, err := b.calibrate(y, patient, callers)
	if err != nil {
		return nil, err
	}
	pairs := make([]pair, b.rounds)
	for i := range pairs {
		p := &pairs[i]
		order := []struct {
			side side
			into *turn
		}{{x, &p.a}, {y, &p.b}}
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, o := range order {
			if *o.into, err = b.turn(o.side, patient, callers, requests); err != nil {
				return nil, err
			}
		}
	}
	return pairs, nil
}

// calibrate warms a side up and returns how many requests a turn has.
func (b *bench) calibrate(s side, patient, callers int) (int, error) {
	const warm = 200
	t, err := b.turn(s, patient, callers, warm)
	if err != nil {
		return 0, err
	}
	return max(int(t.perSecond()*b.work.Seconds()), 5*callers), nil
}

func (b *bench) turn(s side, patient, callers, requests int) (turn, error) {
	before, err := s.server.usage("stat")
	if err != nil {
		return turn{}, err
	}
	t, err := load(s.conn, patient, b.want[patient], callers, requests)
	if err != nil {
		return t, err
	}
	after, err := s.server.usage("stat")
	t.cpu = after.CPU - before.CPU
	if s.server == b.agent {
		b.requests += requests
	}
	return t, err
}

// sameAgainstSame measures bare grpc-go against itself: what is not 1 is noise.
func (b *bench) sameAgainstSame(bare side) error {
	pairs, err := b.alternate(bare, bare, 1, 8)
	if err != nil {
		return err
	}
	cpu, rate := ratios(pairs)
	b.add("bare grpc-go against itself", "CPU per request", cpu, 0, "x")
	b.add("bare grpc-go against itself", "requests/s", rate, 0, "x")
	if cpu < 0.9 || cpu > 1.1 {
		fmt.Fprintln(os.Stderr, "The machine is too noisy to judge CPU.")
	}
	return nil
}

// ratios compares CPU by the least of all rounds, and requests a second by the
// median of the rounds.
func ratios(pairs []pair) (cpu, rate float64) {
	var a, b, rates []float64
	for i := range pairs {
		p := &pairs[i]
		a, b = append(a, p.a.cpuPerCall()), append(b, p.b.cpuPerCall())
		rates = append(rates, p.a.perSecond()/p.b.perSecond())
	}
	return slices.Min(a) / slices.Min(b), median(rates)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// compare measures the agent against bare grpc-go.
func (b *bench) compare(agent, bare side, patient, callers int, what string, marks map[string]float64) error {
	pairs, err := b.alternate(agent, bare, patient, callers)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	cpu, rate := ratios(pairs)
	fmt.Fprintf(os.Stderr, "%s: CPU per request %.1f µs and %.1f µs in the first round\n", what, pairs[0].a.cpuPerCall()/1e3, pairs[0].b.cpuPerCall()/1e3)
	b.add(what, "CPU per request", cpu, marks["CPU per request"], "x")
	b.add(what, "requests/s", rate, marks["requests/s"], "x")
	var p50, p99 []float64
	for i := range pairs {
		p50 = append(p50, pairs[i].a.quantile(0.5)/pairs[i].b.quantile(0.5))
		p99 = append(p99, pairs[i].a.quantile(0.99)/pairs[i].b.quantile(0.99))
	}
	b.add(what, "p50", median(p50), 0, "x")
	if pairs[0].a.requests >= 1000 {
		b.add(what, "p99", median(p99), 0, "x")
	}
	return nil
}

// oneCaller measures what being journalled adds to a lone request, in units of
// one fdatasync in the same folder and the same rounds.
func (b *bench) oneCaller(agent, bare side) error {
	requests, err := b.calibrate(agent, 1, 1)
	if err != nil {
		return err
	}
	floor, err := newFloor(b.folder)
	if err != nil {
		return err
	}
	defer floor.close()
	var added, floors []float64
	for range b.rounds {
		with, err := b.turn(agent, 1, 1, requests)
		if err != nil {
			return err
		}
		sync, err := floor.median(200)
		if err != nil {
			return err
		}
		without, err := b.turn(bare, 1, 1, requests)
		if err != nil {
			return err
		}
		floors = append(floors, float64(sync.Microseconds()))
		added = append(added, (with.quantile(0.5)-without.quantile(0.5))/float64(sync))
	}
	b.add("one fdatasync in this folder", "p50", median(floors), 0, " µs")
	b.add("50 KB, 1 caller", "p50 added", median(added), 2.5, " fdatasync")
	return nil
}

// documents measures what large documents do to the agent's memory.
func (b *bench) documents() error {
	const patient, callers = 3, 8
	before, err := b.agent.usage("reset")
	if err != nil {
		return err
	}
	results := make(chan error, callers)
	for range callers {
		go func() {
			size, err := askDocument(b.agentConn, patient, documentID)
			if err == nil && size != sizedPatients[patient].document {
				err = fmt.Errorf("a document has %d bytes", size)
			}
			results <- err
		}()
	}
	var failed error
	for range callers {
		failed = errors.Join(failed, <-results)
	}
	if failed != nil {
		return fmt.Errorf("documents: %w", failed)
	}
	b.requests += callers
	after, err := b.agent.usage("stat")
	b.add("50 MB document, 8 callers", "resident memory added", float64(after.Peak-before.RSS)/(1<<20), 24, " MiB")
	return err
}

// counted checks that every request is in the journal twice: what was decided,
// and how it ended.
func (b *bench) counted() error {
	requests := b.requests + len(sizedPatients) // and those captured
	journal := filepath.Join(b.folder, "state", "journal")
	decided, ended := 0, 0
	for range 100 {
		decided, ended = 0, 0
		for line, err := range audit.Scan(journal, 1, 0) {
			if err != nil {
				return err
			}
			switch line.Kind {
			case care.ReleaseDecided:
				decided++
			case care.ReleaseEnded:
				ended++
			}
		}
		if decided == requests && ended == requests {
			fmt.Fprintf(os.Stderr, "%d requests, all answered right, each in the journal\n", requests)
			return nil
		}
		time.Sleep(20 * time.Millisecond) // the last outcomes are on their way to the disk
	}
	return fmt.Errorf("%d requests, but %d decisions and %d ends in the journal", requests, decided, ended)
}

// print prints the table in Markdown.
func (b *bench) print(out io.Writer) error {
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(out, "%s, %s/%s, %d processors, load average %s, %d rounds; `go run ./cmd/mcr-bench -rounds %d`\n\n",
		time.Now().Format("2 January 2006"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), strings.TrimSpace(firstWords(string(load), 3)), b.rounds, b.rounds)
	fmt.Fprintln(out, "| what | measure | value | mark | |\n|---|---|---|---|---|")
	missed := 0
	for _, r := range b.rows {
		verdict := ""
		if r.mark != "" {
			verdict = "met"
			if !r.passed {
				verdict = "**missed**"
				missed++
			}
		}
		fmt.Fprintf(out, "| %s | %s | %.2f | %s | %s |\n", r.what, r.measure, r.value, r.mark, verdict)
	}
	if missed > 0 {
		return fmt.Errorf("%d marks were missed", missed)
	}
	return nil
}

func firstWords(s string, n int) string {
	fields := strings.Fields(s)
	return strings.Join(fields[:min(n, len(fields))], " ")
}

// buildAgent builds the program as it is released.
func (b *bench) buildAgent() (string, error) {
	path := filepath.Join(b.folder, "mcr-agent")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "grpcnotrace", "-o", path, "github.com/mycarerecord/edge-agent/cmd/mcr-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building mcr-agent: %s", text)
	}
	return path, nil
}
