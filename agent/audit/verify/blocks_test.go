package verify

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// growing is a file that somebody writes to between two reads.
type growing struct{ before, after string }

func (g *growing) ReadAt(p []byte, at int64) (int, error) {
	n, err := strings.NewReader(g.before).ReadAt(p, at)
	g.before = g.after
	return n, err
}

// A later line that is seen before an earlier one was still being written, and
// is no damage: the file is read again from the live end.
func TestTheLiveEndIsReadAgain(t *testing.T) {
	line := func(n int) string {
		return fmt.Sprintf(`{"v":1,"seq":%d,"batch":%d,"prev":"%064d","time":"2026-11-22T14:03:07.000001Z","kind":"X"}`+"\n", n, n, 0)
	}
	all := line(1) + line(2) + line(3)
	hole := line(1) + strings.Repeat("\x00", len(line(2))) + line(3)
	for name, after := range map[string]string{all: all, hole: line(1)} {
		c := cutter{file: &growing{hole, name}, size: int64(len(all)), live: true}
		got := ""
		for {
			data, _, err := c.next(make([]byte, 0, blockSize))
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got += string(data)
		}
		if got != after {
			t.Errorf("read %q; want %q", got, after)
		}
	}
}
