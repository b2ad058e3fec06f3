package verify_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
)

const plainLine = `{"v":1,"seq":12,"batch":12,"prev":"00000000000000000000000000000000000000000000000000000000000000ab","time":"2026-11-22T14:03:07.000001Z","kind":"AGENT_STARTED","detail":"x"}`

func TestLinesHaveOneSpelling(t *testing.T) {
	for _, c := range []struct {
		old, replacement string
		readable         bool
	}{
		{"", "", true},
		{`"batch":12`, `"batch":11`, true}, {`"batch":12`, `"batch":13`, false}, {`"batch":12`, `"batch":0`, false}, {`"batch":12`, `"batch":012`, false},
		{`"seq":12`, `"seq":9007199254740992`, true}, {`"seq":12`, `"seq":9007199254740993`, false}, {`"seq":12`, `"seq":-12`, false},
		{"ab\"", "AB\"", false}, {"ab\"", "ag\"", false}, {"ab\"", "a\"", false},
		{"11-22", "02-28", true}, {"11-22", "02-29", false}, {"11-22", "02-30", false}, {"11-22", "13-01", false}, {"2026", "0000", false},
		{"2026-11-22", "2024-02-29", true}, {"14:03", "24:03", false}, {"03:07", "03:60", false}, {"07.0", "07,0", false},
		{`"kind"`, `"occurred":"2026-11-22T14:03:07.000001Z","kind"`, true}, {`"kind"`, `"occurred":"2026-11-22","kind"`, false},
		{`"detail"`, `"kind"`, false}, {`"detail"`, `"seq"`, false}, {`"detail"`, `"Detail"`, false}, {`"detail"`, `"9"`, false}, {`"detail"`, `""`, false},
		{`:"x"`, `:1`, true}, {`:"x"`, `:-1`, true}, {`:"x"`, `:0`, true}, {`:"x"`, `:-0`, false}, {`:"x"`, `:01`, false}, {`:"x"`, `:1.5`, false}, {`:"x"`, `:1e3`, false},
		{`:"x"`, `:true`, true}, {`:"x"`, `:false`, false}, {`:"x"`, `:null`, false}, {`:"x"`, `:12345678901234567890`, false},
		{`:"x"`, `:[]`, true}, {`:"x"`, `:{}`, false}, {`:"x"`, `:[1,"a",{"b":[]}]`, true}, {`:"x"`, `:[1,]`, false}, {`:"x"`, `:{"a":1,"a":2}`, false}, {`:"x"`, `: "x"`, false},
		{`:"x"`, ":" + strings.Repeat("[", 7) + strings.Repeat("]", 7), true}, {`:"x"`, ":" + strings.Repeat("[", 8) + strings.Repeat("]", 8), false},
		{`"x"`, `"\n\t\"\\"`, true}, {`"x"`, `"\u001b\u007f\u0085\u2028"`, true}, {`"x"`, `"£漢𝔸"`, true},
		{`"x"`, `"\u0041"`, false}, {`"x"`, `"\u000a"`, false}, {`"x"`, `"\u0009"`, false}, {`"x"`, `"\u001B"`, false}, {`"x"`, `"\u00e9"`, false}, {`"x"`, `"\r"`, false}, {`"x"`, `"\/"`, false},
		{`"x"`, "\"\x1b\"", false}, {`"x"`, "\"\x7f\"", false}, {`"x"`, "\"\u0085\"", false}, {`"x"`, "\"\u2028\"", false}, {`"x"`, "\"\xff\"", false}, {`"x"`, "\"\xed\xa0\x80\"", false},
		{`"x"`, `"` + strings.Repeat("x", 1<<20) + `"`, false},
		{`"AGENT_STARTED"`, `"JOURNAL_PRUNED","from":1,"to":2`, true}, {`"AGENT_STARTED"`, `"JOURNAL_PRUNED","from":"1"`, false}, {`"AGENT_STARTED"`, `"JOURNAL_PRUNED","from":-1`, false}, {`"AGENT_STARTED"`, `"X","from":-1`, true},
	} {
		line := strings.Replace(plainLine, c.old, c.replacement, 1)
		if verify.Readable([]byte(line)) != c.readable {
			t.Errorf("%.60q instead of %q: readable %v", c.replacement, c.old, !c.readable)
		}
	}
	fields := ""
	for n := range 58 { // six have been
		fields += fmt.Sprintf(`,"f%d":1`, n)
	}
	line := strings.Replace(plainLine, `,"detail":"x"`, fields, 1)
	if !verify.Readable([]byte(line)) || verify.Readable([]byte(strings.Replace(line, "}", `,"g":1}`, 1))) {
		t.Error("the limit is not 64 fields")
	}
}

// What the agent's writer writes is readable.
func TestTheWritersLinesAreReadable(t *testing.T) {
	golden, err := os.ReadFile("../testdata/v1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(golden) {
		if !verify.Readable(bytes.TrimSuffix(line, []byte("\n"))) {
			t.Errorf("not readable: %s", line)
		}
	}
}

func TestHostileStatements(t *testing.T) {
	for name, c := range map[string]struct {
		kind, fields string
		want         string
	}{
		"a head that is yet to come": {"JOURNAL_WITNESSED", `,"to":9007199254740992`, ""},
		"segments yet to come":       {"JOURNAL_PRUNED", `,"from":1,"to":9007199254740992`, ""},
		"a gap that is none":         {"JOURNAL_REPAIRED", `,"missing_from":1,"missing_to":9007199254740992`, ""},
		"a gap before the start":     {"JOURNAL_REPAIRED", `,"missing_from":1,"missing_to":2`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			j := journaltest.New()
			j.Fill(9)
			j.Rotate()
			j.Add(c.kind, c.fields)
			j.Fill(3)
			j.Checkpoint()
			if r := check(t, j.Files()); found(r) != c.want {
				t.Errorf("found %s; want %s", found(r), c.want)
			}
		})
	}
}

// Where numbers are stated as never written, torn lines are no damage.
func TestTornLinesInAGap(t *testing.T) {
	j := journaltest.New()
	j.Fill(9)
	j.Fail(3, true)
	j.Checkpoint()
	files := j.Files()
	files[segment(1)] = append(files[segment(1)][:len(files[segment(1)])-200], "\x00\x00{torn\n"...)
	if r := check(t, files); !r.Fine() || r.Unused != 3 {
		t.Errorf("found %s", found(r))
	}
}

// A head of another journal does not pass, though its key is known.
func TestAHeadOfAnotherJournal(t *testing.T) {
	other, err := tree.NewSigner("example.org/another", &[32]byte{5})
	if err != nil {
		t.Fatal(err)
	}
	j := journaltest.New()
	j.Fill(9)
	j.Checkpoint()
	files := j.Files()
	j.Signer = other
	r := check(t, files, func(o *verify.Options) {
		o.Keys, o.Heads = append(o.Keys, other.VerifierKey()), [][]byte{j.Head(9)}
	})
	if found(r) != "HEAD_INVALID 0-0" {
		t.Errorf("found %s", found(r))
	}
}

// An entry that was never written, as a later one says, states nothing.
func TestAStatementThatWasNeverWritten(t *testing.T) {
	j := journaltest.New()
	j.Fill(9)
	j.Fail(2, false) // 10 and 11; 12 says so
	j.Checkpoint()
	files := j.Files()
	files[segment(11)] = fmt.Appendf(nil, `{"v":1,"seq":11,"batch":11,"prev":"%064d","time":"2026-11-22T14:03:07.000001Z","kind":"JOURNAL_REPAIRED","missing_from":1,"missing_to":10}`+"\n", 0)
	if r := check(t, files); !r.Fine() || r.Read != 10 {
		t.Errorf("found %s, read %d", found(r), r.Read)
	}
}

func TestAHeadOfNoEntries(t *testing.T) {
	j := sample()
	r := check(t, j.Files(), func(o *verify.Options) { o.Heads = [][]byte{j.Head(0)} })
	if !r.Fine() || !r.Heads[0].Fits || r.Heads[0].Size != 0 {
		t.Errorf("found %s, %+v", found(r), r.Heads)
	}
}

// Tiles of the second level are full from 65,536 entries on.
func TestUpperTiles(t *testing.T) {
	j := journaltest.New()
	for range 1<<16 + 10 {
		j.Add("AGENT_STARTED", "")
	}
	j.Checkpoint()
	files := j.Files()
	if r := check(t, files); !r.Fine() || r.Tiles != 257 {
		t.Errorf("found %s, %d tiles", found(r), r.Tiles)
	}
	files["tile/1/000"][5000] ^= 1
	if r := check(t, files); found(r) != "TILE_WRONG 0-0" {
		t.Errorf("found %s", found(r))
	}
}
