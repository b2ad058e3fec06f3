package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// doubts are the reasons for which the flags cannot be relied on.
var doubts = []string{"DAMAGED", "POISONED", "CLOSED", "LOST", "NEVER_FILLED", "UNVOUCHED", "STALE", "SOURCE_NOT_READ", "SOURCE_STALE", "CLOCK", "CLOCK_JUMPED"}

// Every reason is explained, by the command and in the document.
func TestEveryDoubtIsExplained(t *testing.T) {
	doc, err := os.ReadFile("../../packaging/doc/consent.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(advice) != len(doubts) {
		t.Errorf("there is advice on %d reasons, want %d", len(advice), len(doubts))
	}
	for _, doubt := range doubts {
		if advice[doubt] == "" {
			t.Errorf("no advice on %s", doubt)
		}
		if !bytes.Contains(doc, []byte("\n| `"+doubt+"` |")) {
			t.Errorf("consent.md does not explain %s", doubt)
		}
	}
	if adviceOn("NEW") == "" {
		t.Error("no advice on a reason that is not known")
	}
}

func TestShowState(t *testing.T) {
	now := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	state := &edgev1.ConsentState{Epoch: 12, Vouched: true, JournalSequence: 34, Staged: &edgev1.StagedSnapshot{Directives: 56},
		Sets: []*edgev1.ConsentSet{{Authority: "REGION", Filled: true, Sequence: 7, AsOf: timestamppb.New(now.Add(-90 * time.Second)), Patients: 2, Directives: 3, Digest: bytes.Repeat([]byte{0xab}, 32)},
			{Authority: "SOURCE", Source: "clinical"}}}
	var out bytes.Buffer
	if err := showState(&out, state, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"can be relied on", "1m30s", "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n", "SOURCE clinical  0         0           never   ", "region has vouched", "Version of the store 12", "entry 34", "56 statements so far"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, out.String())
		}
	}
	state.Doubt, state.Vouched = "STALE", false
	out.Reset()
	if err := showState(&out, state, now); err != nil || strings.Contains(out.String(), "can be relied on") || !strings.Contains(out.String(), "STALE") || !strings.Contains(out.String(), "has not vouched") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

// No message is larger than what the agent takes, and nothing is left out.
func TestBatchesOf(t *testing.T) {
	number, err := care.ParseNHSNumber("9990000018")
	if err != nil {
		t.Fatal(err)
	}
	small := care.Directive{NHSNumber: number, Kind: care.Dissent, Effective: time.Now()}
	large := small
	for range 64 {
		large.Scope.Organisations = append(large.Scope.Organisations, "ABCDEFGHIJ")
	}
	for _, c := range []struct {
		d       care.Directive
		n       int
		largest int
	}{{small, 0, 0}, {small, 1, 1}, {small, 1000, 1000}, {small, 2001, 1000}, {large, 1000, 300}} {
		all := make([]care.Directive, c.n)
		for i := range all {
			all[i] = c.d
		}
		total := 0
		for batch := range batchesOf(all) {
			m := &edgev1.RecordDirectivesRequest{Directives: batch, File: strings.Repeat("f", 256)}
			if size := proto.Size(m); len(batch) == 0 || len(batch) > c.largest || size > 256<<10 {
				t.Errorf("%d of %d statements: %d bytes", len(batch), c.n, size)
			}
			total += len(batch)
		}
		if total != c.n {
			t.Errorf("%d of %d statements", total, c.n)
		}
	}
}

// TestCheckThatEndsSo is run by TestVerdictOf in another process.
func TestCheckThatEndsSo(t *testing.T) {
	switch how := os.Getenv("MCR_TEST_END"); how {
	case "":
	case "panic":
		panic("in the check")
	case "kill":
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Kill()
		select {}
	default:
		var code int
		_, _ = fmt.Sscan(how, &code)
		fmt.Println(os.Getenv("MCR_TEST_SAY"))
		os.Exit(code)
	}
}

// What another process says, or how it ended, is told apart: only damage may
// take the store out of use.
func TestVerdictOf(t *testing.T) {
	for _, c := range []struct{ end, say, want string }{
		{"0", `{"sound":true}`, ""},
		{"10", `{"sound":false,"reason":"DAMAGED","detail":"d"}`, "DAMAGED"},
		{"11", `{"sound":false,"reason":"LOCKED","detail":"d"}`, "LOCKED"},
		{"12", `{"sound":false,"reason":"NO_KEY","detail":"d"}`, "NO_KEY"},
		{"1", `{"sound":false,"reason":"IO_ERROR","detail":"d"}`, "IO_ERROR"},
		{"1", "", "CHILD"},
		{"2", "", "CHILD"},
		{"3", "mcr-agent: agent.yaml", "CHILD"},
		{"10", "", "CHILD"},
		{"panic", "", "DAMAGED"},
		{"kill", "", "CHILD"},
	} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCheckThatEndsSo$")
		child.Env = append(os.Environ(), "MCR_TEST_END="+c.end, "MCR_TEST_SAY="+c.say)
		var out, complaint bytes.Buffer
		child.Stdout, child.Stderr = &out, &complaint
		err := child.Run()
		verdict := verdictOf(child.ProcessState, err, out.Bytes(), complaint.Bytes())
		if care.ReasonOf(verdict) != c.want || (verdict == nil) != (c.want == "") {
			t.Errorf("ended by %s, said %q: %v", c.end, c.say, verdict)
		}
	}
	if verdict := verdictOf(nil, errors.New("no such file"), nil, nil); care.ReasonOf(verdict) != "CHILD" {
		t.Errorf("one that did not begin: %v", verdict)
	}
}

// Who types a number or a passphrase ends it with Enter: nothing waits for the
// end of standard input.
func TestOneLineIsEnough(t *testing.T) {
	const line = "9990000018\n"
	for name, read := range map[string]func(*streams) (string, error){
		"a number": func(s *streams) (string, error) {
			number, err := numberFlag{NHSNumberFile: "-"}.read(s)
			return number.Reveal(), err
		},
		"a passphrase": func(s *streams) (string, error) { return readPassphrase(s, "-") },
	} {
		in, keyboard := io.Pipe()
		go func() { _, _ = io.WriteString(keyboard, line) }() // and is not closed
		var asked bytes.Buffer
		if got, err := read(&streams{in: in, err: &asked}); got+"\n" != line || err != nil || asked.Len() == 0 {
			t.Errorf("%s: read %q, %v; asked %q", name, got, err, &asked)
		}
	}
}

func TestLimited(t *testing.T) {
	var out bytes.Buffer
	l := &limited{&out, 5}
	for _, text := range []string{"abc", "def", "ghi"} {
		if n, err := l.Write([]byte(text)); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if out.String() != "abcde" {
		t.Errorf("kept %q", out.String())
	}
}
