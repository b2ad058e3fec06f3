package verify

import (
	"bytes"
	"context"
	"io"
	"os"
	"runtime"
	"sync"
)

// blockSize is how much of a segment is parsed at a time. A line is at most
// half of it.
const blockSize = 2 << 20

// item is what one stretch of a segment is.
type item struct {
	entry
	line  bool   // a line of the format; otherwise something that is none
	first uint64 // set for the first stretch of a segment: the number in its name
	rest  *rest  // what is after the live end; the last item of all
}

// rest is what stands behind the end of the newest segment.
type rest struct {
	bytes int64
	batch uint64 // the highest batch of a whole line in it
	lines int
}

// block is a part of a segment.
type block struct {
	data  []byte // whole lines, but where there are none
	name  uint64 // of the segment, in its first block
	items []item
	rest  *rest
	end   int64 // bytes read so far
	done  chan struct{}
}

// pipeline reads segments and parses them on all processors.
type pipeline struct {
	work  chan *block // to be parsed
	order chan *block // in the order of the journal
	free  sync.Pool
	err   error // of reading; set before order is closed
	ended sync.WaitGroup
}

// startPipeline begins to read. The caller takes all blocks of order, or ends
// ctx, and then waits for ended.
func startPipeline(ctx context.Context, segments []segment) *pipeline {
	workers := runtime.GOMAXPROCS(0)
	size := int64(1)
	for _, s := range segments {
		size = min(max(size, s.size), blockSize)
	}
	p := &pipeline{
		work: make(chan *block, 2*workers), order: make(chan *block, 2*workers),
		free: sync.Pool{New: func() any { return &block{data: make([]byte, 0, size)} }},
	}
	for range workers {
		p.ended.Go(func() {
			for b := range p.work {
				b.parse()
				close(b.done)
			}
		})
	}
	p.ended.Go(func() {
		defer close(p.order)
		defer close(p.work)
		p.err = p.read(ctx, segments)
	})
	return p
}

// read sends the blocks of all segments.
func (p *pipeline) read(ctx context.Context, segments []segment) error {
	at := int64(0)
	for i := range segments {
		s := &segments[i]
		f, err := os.Open(s.path)
		if err != nil {
			return failed(err)
		}
		c := cutter{file: f, size: s.size, live: s.live}
		name := s.first
		for err == nil {
			b := p.free.Get().(*block)
			*b = block{data: b.data[:0], items: b.items[:0], name: name, done: make(chan struct{})}
			if b.data, b.rest, err = c.next(b.data); err == nil {
				b.end = at + c.read
				err = p.send(ctx, b)
			}
			name = 0
		}
		_ = f.Close() // only read from
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != io.EOF {
			return failed(err)
		}
		at += s.size
	}
	return nil
}

func (p *pipeline) send(ctx context.Context, b *block) error {
	for _, queue := range []chan *block{p.work, p.order} {
		select {
		case queue <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// all yields the items of the journal in order, and calls progress with the
// bytes read.
func (p *pipeline) all(progress func(int64)) func(yield func(*item) bool) {
	return func(yield func(*item) bool) {
		for b := range p.order {
			<-b.done
			for i := range b.items {
				if !yield(&b.items[i]) {
					return
				}
			}
			if b.rest != nil && !yield(&item{rest: b.rest}) {
				return
			}
			progress(b.end)
			p.free.Put(b)
		}
	}
}

// parse reads the lines of a block.
func (b *block) parse() {
	for data := b.data; len(data) > 0; {
		line, n, ok := cut(data)
		data = data[n:]
		var it item
		if ok {
			it.entry, it.line = parseLine(line)
		}
		it.first, b.name = b.name, 0
		b.items = append(b.items, it)
	}
}

// cut returns the first stretch of data, its length, and whether it is a line:
// it ends with a line feed and has no NUL. NULs are a stretch of their own.
func cut(data []byte) (line []byte, n int, ok bool) {
	if data[0] == 0 {
		return nil, len(data) - len(bytes.TrimLeft(data, "\x00")), false
	}
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		end = len(data) - 1
	}
	if nul := bytes.IndexByte(data[:end+1], 0); nul >= 0 {
		return nil, nul, false
	}
	return data[:end], end + 1, data[end] == '\n'
}

// cutter divides a segment into blocks.
type cutter struct {
	file io.ReaderAt
	size int64
	live bool
	read int64 // bytes given out
}

// next fills buf with whole lines, or with what there is where there are none.
// It returns io.EOF at the end. The last block of a live segment may be empty
// and comes with what stands behind its end.
func (c *cutter) next(buf []byte) ([]byte, *rest, error) {
	if c.read >= c.size {
		return nil, nil, io.EOF
	}
	buf = buf[:min(int64(cap(buf)), c.size-c.read)]
	n, err := c.file.ReadAt(buf, c.read)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	buf = buf[:n]
	last := c.read+int64(n) >= c.size || n == 0 // or the file became shorter
	if c.live {
		if nul := bytes.IndexByte(buf, 0); nul >= 0 {
			buf, last = buf[:nul], true
		}
	}
	lines := bytes.LastIndexByte(buf, '\n') + 1
	switch {
	case last && c.live:
		return c.finish(buf[:lines])
	case !last && lines > 0:
		buf = buf[:lines]
	}
	c.read += int64(len(buf))
	if n == 0 {
		c.read = c.size
	}
	return buf, nil, nil
}

// finish ends a live segment after its last whole line. If whole lines stand
// behind that it looks once more whether they have been written meanwhile.
func (c *cutter) finish(buf []byte) ([]byte, *rest, error) {
	end := c.read + int64(len(buf))
	r, err := c.behind(end)
	if err != nil {
		return nil, nil, err
	}
	if r.lines > 0 && c.grew(end) {
		c.read = end
		return buf, nil, nil
	}
	c.read = c.size
	if r.bytes == 0 {
		r = nil
	}
	return buf, r, nil
}

// grew reports whether a whole line stands at an offset now.
func (c *cutter) grew(at int64) bool {
	buf := make([]byte, min(maxLine+1, c.size-at))
	n, _ := c.file.ReadAt(buf, at)
	if n == 0 {
		return false
	}
	_, _, ok := cut(buf[:n])
	return ok
}

// behind looks at what stands behind the live end.
func (c *cutter) behind(end int64) (*rest, error) {
	r := &rest{}
	closed := cutter{file: c.file, size: c.size, read: end}
	buf := make([]byte, 0, min(blockSize, max(0, c.size-end)))
	for {
		data, _, err := closed.next(buf)
		if err == io.EOF {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
		for len(data) > 0 {
			line, n, ok := cut(data)
			if data[0] != 0 {
				r.bytes += int64(n)
			}
			data = data[n:]
			if !ok {
				continue
			}
			if e, ok := parseLine(line); ok {
				r.lines++
				r.batch = max(r.batch, e.batch)
			}
		}
	}
}
