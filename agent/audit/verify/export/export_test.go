package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/export"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
	"github.com/mycarerecord/edge-agent/agent/care"
)

var made = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

// sample is a journal of 400 entries, of which 101 to 103 were never written
// and the first 300 are covered by a countersigned head.
func sample() *journaltest.Journal {
	j := journaltest.New()
	j.Fill(100)
	j.Fail(3, true)
	j.Fill(195)
	j.Countersign()
	j.Rotate()
	j.Fill(99)
	j.Checkpoint()
	return j
}

func options(t *testing.T, files map[string][]byte) export.Options {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "journal")
	if err := journaltest.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	return export.Options{Folder: folder, Keys: journaltest.Keys()}
}

func exported(t *testing.T, o export.Options) ([]byte, *export.Export) {
	t.Helper()
	x, err := export.Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := x.Write(context.Background(), &out, made); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), x
}

func check(t *testing.T, file []byte) verify.Report {
	t.Helper()
	r, err := verify.CheckExport(context.Background(), bytes.NewReader(file), int64(len(file)), journaltest.Keys())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func found(r verify.Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s %d-%d", f.Code, f.From, f.To))
	}
	return strings.Join(list, ", ")
}

func TestExportsAreFine(t *testing.T) {
	for _, c := range []struct {
		from, to             uint64
		read, unused, signed uint64
		witnessed            bool
	}{
		{0, 0, 396, 3, 399, false},
		{90, 110, 18, 3, 299, true},
		{299, 299, 1, 0, 299, true},
		{290, 301, 12, 0, 399, false},
		{102, 102, 0, 1, 299, true},
	} {
		t.Run(fmt.Sprint(c.from, "-", c.to), func(t *testing.T) {
			o := options(t, sample().Files())
			o.From, o.To = c.from, c.to
			file, x := exported(t, o)
			r := check(t, file)
			if !r.Fine() || r.Read != c.read || r.Unused != c.unused || r.Signed != c.signed || r.Entries != x.To || (r.Anchored > 0) != c.witnessed {
				t.Errorf("found %q, %+v", found(r), r)
			}
			if (len(r.Unknown) == 1) != c.witnessed {
				t.Errorf("unknown: %q", r.Unknown)
			}
		})
	}
}

func TestAnExportOfTheArchive(t *testing.T) {
	j := sample()
	gone := j.Remove(1, "JOURNAL_ARCHIVED")
	j.Checkpoint()
	o := options(t, j.Files())
	o.From, o.To = 50, 60
	x, err := export.Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Write(context.Background(), io.Discard, made); care.ReasonOf(err) != "ARCHIVED" {
		t.Errorf("without the archive: %v", err)
	}
	archive := map[string][]byte{}
	for _, s := range gone {
		name, data := s.File()
		archive[name] = data
	}
	o.Archive = filepath.Join(t.TempDir(), "archive")
	if err := journaltest.Write(o.Archive, archive); err != nil {
		t.Fatal(err)
	}
	file, _ := exported(t, o)
	if r := check(t, file); !r.Fine() || r.Read != 11 {
		t.Errorf("with the archive: found %q, %+v", found(r), r)
	}
}

// A journal whose links were wrong when it was signed is not fine.
func TestASignedLinkThatIsWrong(t *testing.T) {
	j := journaltest.New()
	j.Fill(3)
	lines := j.Segments[0].Lines
	lines[2] = bytes.Replace(lines[2], fmt.Appendf(nil, "%x", j.Leaves[1]), fmt.Appendf(nil, "%x", j.Leaves[0]), 1)
	j.Leaves[2] = tree.LeafHash(lines[2])
	j.Checkpoint()
	file, _ := exported(t, options(t, j.Files()))
	if r := check(t, file); found(r) != "EDITED 3-3" {
		t.Errorf("found %q", found(r))
	}
}

func TestWhatIsNotExported(t *testing.T) {
	edited := func(segment, id string) map[string][]byte {
		files := sample().Files()
		name := fmt.Sprintf("journal-%020s.jsonl", segment)
		if !bytes.Contains(files[name], []byte(id)) {
			t.Fatalf("%s has no %s", name, id)
		}
		files[name] = bytes.Replace(files[name], []byte(id), []byte("q"+id[1:]), 1)
		return files
	}
	for name, c := range map[string]struct {
		files    map[string][]byte
		from, to uint64
		reason   string
	}{
		"beyond the heads":    {sample().Files(), 390, 450, "NOT_SIGNED"},
		"backwards":           {sample().Files(), 20, 10, "NOT_SIGNED"},
		"too many":            {sample().Files(), 1, 1 << 40, "NOT_SIGNED"},
		"an empty journal":    {nil, 0, 0, "NOT_SIGNED"},
		"an entry was edited": {edited("1", "r-50"), 40, 60, "DAMAGED"},
		"another one was":     {edited("301", "r-390"), 310, 320, "DAMAGED"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, c.files)
			o.From, o.To = c.from, c.to
			x, err := export.Prepare(o)
			if err == nil {
				err = x.Write(context.Background(), io.Discard, made)
			}
			if care.ReasonOf(err) != c.reason {
				t.Errorf("got %v; want %s", err, c.reason)
			}
		})
	}
}

// parts are the files of an export.
type part struct{ name, data string }

func unpack(t *testing.T, file []byte) []part {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var parts []part
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{f.Name, string(data)})
	}
	return parts
}

func pack(t *testing.T, parts []part) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, p := range parts {
		f, err := w.Create(p.name)
		if err == nil {
			_, err = io.WriteString(f, p.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDamagedExports(t *testing.T) {
	o := options(t, sample().Files())
	o.From, o.To = 95, 110
	good, _ := exported(t, o)
	const readme, head, entries, proofs = 0, 1, 2, 3
	swap := func(at int, old, replacement string) func([]part) []part {
		return func(p []part) []part {
			if !strings.Contains(p[at].data, old) {
				t.Fatalf("%s has no %q", p[at].name, old)
			}
			p[at].data = strings.Replace(p[at].data, old, replacement, 1)
			return p
		}
	}
	line := func(at, n int, change func(string) string) func([]part) []part {
		return func(p []part) []part {
			lines := strings.SplitAfter(p[at].data, "\n")
			lines[n] = change(lines[n])
			p[at].data = strings.Join(lines, "")
			return p
		}
	}
	drop := func(string) string { return "" }
	both := func(a, b func([]part) []part) func([]part) []part { return func(p []part) []part { return b(a(p)) } }
	for name, c := range map[string]struct {
		change func([]part) []part
		want   string
	}{
		"nothing":                  {func(p []part) []part { return p }, ""},
		"another readme":           {swap(readme, "ENTRIES", "SECRETS"), ""},
		"an entry edited":          {swap(entries, "r-97", "r-98"), "EDITED 97-97"},
		"an entry unreadable":      {swap(entries, `{"v":1,"seq":97`, `{"v":3,"seq":97`), "UNREADABLE 97-97"},
		"an entry removed":         {line(entries, 2, drop), "EDITED 97-109, EXPORT_INVALID"},
		"an entry and its proof":   {both(line(entries, 2, drop), line(proofs, 2, drop)), "MISSING 97-97"},
		"an entry twice":           {line(entries, 2, func(s string) string { return s + s }), "EXPORT_INVALID 0-0, EDITED 98-100, EDITED 104-110"},
		"a proof's hash":           {line(proofs, 2, func(s string) string { return strings.Replace(s, `"proof":["`, `"proof":["0000`, 1) }), "EXPORT_INVALID 0-0"},
		"a proof cut":              {line(proofs, 2, func(s string) string { return s[:strings.LastIndex(s, `,"`)] + "]}\n" }), "PROOF_INVALID 97-97"},
		"a proof of another entry": {line(proofs, 2, func(s string) string { return strings.Replace(s, `"seq":97`, `"seq":96`, 1) }), ""},
		"missing said of one":      {both(line(entries, 2, drop), line(proofs, 2, func(s string) string { return strings.Replace(s, "]}", `],"missing":true}`, 1) })), "MISSING 97-97"},
		"a changed head":           {swap(head, "299", "298"), "HEAD_INVALID 0-0"},
		"a file too many":          {func(p []part) []part { return append(p, part{"x", ""}) }, "EXPORT_INVALID 0-0"},
		"a file too few":           {func(p []part) []part { return p[:3] }, "EXPORT_INVALID 0-0"},
		"a path":                   {func(p []part) []part { p[2].name = "../entries.jsonl"; return p }, "EXPORT_INVALID 0-0"},
		"a file twice":             {func(p []part) []part { p[3] = p[2]; return p }, "EXPORT_INVALID 0-0"},
		"no entries":               {func(p []part) []part { p[2].data, p[3].data = "", ""; return p }, "EXPORT_INVALID 0-0"},
		"a long head":              {func(p []part) []part { p[1].data = strings.Repeat("x", 17<<10); return p }, "EXPORT_INVALID 0-0"},
		"a long line":              {func(p []part) []part { p[2].data = strings.Repeat("x", 2<<20); return p }, "EXPORT_INVALID 0-0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := check(t, pack(t, c.change(unpack(t, good))))
			switch got := found(r); name {
			case "an entry removed", "a proof of another entry":
				if r.Fine() {
					t.Error("nothing was found")
				}
			default:
				if got != c.want {
					t.Errorf("found %q; want %q", got, c.want)
				}
			}
		})
	}
	for n := range len(good) / 50 {
		if r := check(t, good[:n*50]); r.Fine() {
			t.Fatalf("cut after %d bytes, it is fine", n*50)
		}
	}
}
