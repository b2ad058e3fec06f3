//go:build e2e

package hostile

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What the order check can show: for every release it looks at, the system call
// that wrote the decision's entry had returned, then an fdatasync of the same
// file began and returned 0, and only then a system call began that handed more
// to the caller's connection than the small frames by which HTTP/2 manages a
// connection. strace reports the calls of all threads in one order, and a call
// that is interrupted by another twice: where it began and where it returned.
//
// What it cannot show: that the disk keeps what fdatasync promised; what
// happens on other paths than those taken here; which bytes are a record's,
// because they are encrypted. A record of a few bytes within a small frame would
// not be seen (the shortest resource is longer than all of them together).

// controlBytes is the most that may go to a caller between its request and the
// durable decision: a window update, a ping's answer and the acknowledgement of
// settings, each in a TLS record of its own.
const controlBytes = 200

// systemCall is one call as strace saw it.
type systemCall struct {
	name     string
	file     string // path, or "local->remote" of a TCP connection
	bytes    int64  // returned, or -1
	offset   int64  // of a pwrite64
	length   int64  // asked for
	began    int    // number of the line
	returned int    // number of the line; 0 when it never did
}

var (
	// Such as: 4711 pwrite64(9</a/journal-1.jsonl>, ""..., 812, 0) = 812
	callLine = regexp.MustCompile(`^(\d+) +(\w+)\((\d+)<(.*?)>(?:, (.*?))?(?:\) += (-?\d+|\?).*| <unfinished \.\.\.>)$`)
	// Such as: 4711 <... fdatasync resumed>) = 0
	resumedLine = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>.*\) += (-?\d+|\?)`)
	// Such as: TCP:[127.0.0.1:40001->127.0.0.1:50002]
	connection = regexp.MustCompile(`^TCP:\[(.*)\]$`)
	// The end of the arguments of pwrite64 and write: length and offset.
	lengthAndOffset = regexp.MustCompile(`, (\d+), (\d+)$`)
)

// parseTrace reads the output of strace -f -yy -s 0.
func parseTrace(r io.Reader) ([]*systemCall, error) {
	var calls []*systemCall
	open := map[string]*systemCall{} // by thread: the call that has not returned
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if m := resumedLine.FindStringSubmatch(line); m != nil {
			c := open[m[1]]
			if c == nil || c.name != m[2] {
				return nil, fmt.Errorf("line %d resumes what was not begun", n)
			}
			c.returned, c.bytes = n, number64(m[3])
			delete(open, m[1])
			continue
		}
		m := callLine.FindStringSubmatch(line)
		if m == nil {
			continue // signals, ends of threads
		}
		c := &systemCall{name: m[2], file: m[4], bytes: -1, began: n}
		if at := lengthAndOffset.FindStringSubmatch(m[5]); at != nil {
			c.length, c.offset = number64(at[1]), number64(at[2])
		}
		calls = append(calls, c)
		if m[6] == "" {
			open[m[1]] = c
		} else {
			c.returned, c.bytes = n, number64(m[6])
		}
	}
	return calls, lines.Err()
}

func number64(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1 // "?": the process ended first
	}
	return n
}

// peer returns the remote address of a call to a TCP connection.
func (c *systemCall) peer() string {
	m := connection.FindStringSubmatch(c.file)
	if m == nil {
		return ""
	}
	_, remote, _ := strings.Cut(m[1], "->")
	return remote
}

// checkOrder returns what is wrong with the order of the calls of the releases.
func checkOrder(calls []*systemCall, released []release) (faults []string) {
	byPeer, byFile := map[string][]*systemCall{}, map[string][]*systemCall{}
	for _, c := range calls {
		if peer := c.peer(); peer != "" {
			byPeer[peer] = append(byPeer[peer], c)
		}
		byFile[c.file] = append(byFile[c.file], c)
	}
	for _, r := range released {
		durable := durableAt(byFile[r.file], r)
		if durable == 0 {
			faults = append(faults, fmt.Sprintf("decision %d was never written and synced", r.sequence))
			continue
		}
		early, total := sentBefore(byPeer[r.peer], durable)
		switch {
		case total < r.received:
			faults = append(faults, fmt.Sprintf("the trace shows %d of the %d bytes that the caller of decision %d received", total, r.received, r.sequence))
		case early > r.before+controlBytes:
			faults = append(faults, fmt.Sprintf("%d bytes had left for the caller before decision %d was on disk, of which %d before the request", early, r.sequence, r.before))
		}
	}
	return faults
}

// durableAt returns the line at which the first fdatasync returned that began
// after the entry's write had returned, or 0.
func durableAt(calls []*systemCall, r release) int {
	written := 0
	for _, c := range calls {
		switch {
		case c.name == "pwrite64" && written == 0 && c.offset <= r.begin && c.offset+c.bytes >= r.end:
			written = c.returned
		case (c.name == "fdatasync" || c.name == "fsync") && written > 0 && c.began > written && c.bytes == 0 && c.returned > 0:
			return c.returned
		}
	}
	return 0
}

// sentBefore returns how many bytes were being handed to a connection before a
// line, and how many in all. What began before counts whole, or as much as was
// taken.
func sentBefore(calls []*systemCall, line int) (early, total int64) {
	for _, c := range calls {
		if c.bytes <= 0 {
			continue
		}
		total += c.bytes
		if c.began < line {
			early += c.bytes
		}
	}
	return early, total
}

// TestOrderCheckCatches gives the check traces in which the order is wrong: a
// check that passes everything would pass the agent as well.
func TestOrderCheckCatches(t *testing.T) {
	r := release{peer: "127.0.0.1:50002", before: 2000, received: 40000, sequence: 7, file: "/j/journal-1.jsonl", begin: 800, end: 1500}
	const (
		hello  = `10 write(12<TCP:[127.0.0.1:40001->127.0.0.1:50002]>, ""..., 2000) = 2000`
		window = `10 write(12<TCP:[127.0.0.1:40001->127.0.0.1:50002]>, ""..., 35) = 35`
		entry  = `11 pwrite64(9</j/journal-1.jsonl>, ""..., 1500, 0) = 1500`
		sync   = `11 fdatasync(9</j/journal-1.jsonl>) = 0`
		answer = `12 write(12<TCP:[127.0.0.1:40001->127.0.0.1:50002]>, ""..., 38000) = 38000`
	)
	for _, c := range []struct {
		name  string
		lines []string
		want  string // part of the fault, or empty
	}{
		{"in order", []string{hello, window, entry, sync, answer}, ""},
		{"in order, with calls that overlap", []string{hello,
			`11 pwrite64(9</j/journal-1.jsonl>, ""..., 1500, 0 <unfinished ...>`, window, `11 <... pwrite64 resumed>) = 1500`,
			`11 fdatasync(9</j/journal-1.jsonl> <unfinished ...>`, `13 write(2</log>, ""..., 50) = 50`, `11 <... fdatasync resumed>) = 0`, answer}, ""},
		{"another connection is no concern", []string{hello, strings.ReplaceAll(answer, "50002", "50003"), entry, sync, answer}, ""},
		{"answer before the sync", []string{hello, entry, answer, sync}, "had left"},
		{"answer before the entry", []string{hello, answer, entry, sync}, "had left"},
		{"answer while the sync runs", []string{hello, entry, `11 fdatasync(9</j/journal-1.jsonl> <unfinished ...>`, answer, `11 <... fdatasync resumed>) = 0`}, "had left"},
		{"answer begun while the sync runs", []string{hello, entry, `11 fdatasync(9</j/journal-1.jsonl> <unfinished ...>`,
			`12 write(12<TCP:[127.0.0.1:40001->127.0.0.1:50002]>, ""..., 38000 <unfinished ...>`, `11 <... fdatasync resumed>) = 0`, `12 <... write resumed>) = 38000`}, "had left"},
		{"a first small part before the sync", []string{hello, strings.ReplaceAll(answer, "38000", "300"), entry, sync, answer}, "had left"},
		{"sync before the entry", []string{hello, sync, entry, answer}, "never written and synced"},
		{"sync begun before the entry was written", []string{hello, `14 fdatasync(9</j/journal-1.jsonl> <unfinished ...>`, entry, `14 <... fdatasync resumed>) = 0`, answer}, "never written and synced"},
		{"sync that failed", []string{hello, entry, `11 fdatasync(9</j/journal-1.jsonl>) = -1 EIO (Input/output error)`, answer}, "never written and synced"},
		{"sync of another file", []string{hello, entry, `11 fdatasync(9</j/consent.db>) = 0`, answer}, "never written and synced"},
		{"half the entry", []string{hello, `11 pwrite64(9</j/journal-1.jsonl>, ""..., 1500, 0) = 1000`, sync, answer}, "never written and synced"},
		{"an answer that the trace did not see", []string{hello, entry, sync}, "the trace shows 2000"},
	} {
		calls, err := parseTrace(strings.NewReader(strings.Join(c.lines, "\n")))
		must(t, err)
		faults := strings.Join(checkOrder(calls, []release{r}), "; ")
		if (faults == "") != (c.want == "") || !strings.Contains(faults, c.want) {
			t.Errorf("%s: found %q, want %q", c.name, faults, c.want)
		}
	}
}
