package link

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// crypto/tls writes every record of 16 KiB with a write of its own, so that a
// reply of 64 KiB is four system calls. A gather sits beneath a tls.Conn and
// makes one of them: a conn above holds it, lets TLS write its records into
// the gather's buffer, and releases it.

// gatherBytes is the size of a buffer: gRPC writes 64 KiB at a time, which TLS
// makes 88 bytes longer, or 1 KiB while it still uses small records. What does
// not fit is written when the buffer is full.
const gatherBytes = writeBuffer + 4<<10

// gather is the transport of a tls.Conn. Records leave in the order they come,
// whoever writes them: besides the writer there are the side that reads, which
// answers key updates and sends alerts, and Close.
type gather struct {
	net.Conn             // the transport; all but Write goes straight to it
	pool     *sync.Pool  // of *[]byte; idle connections hold none
	stall    *time.Timer // cuts the connection when one write takes too long

	limit time.Duration
	mu    sync.Mutex // held while writing, so that nothing overtakes
	held  bool       // records are kept in buf
	buf   *[]byte    // nil when there is nothing in it
	err   error      // the first failure; TLS records were lost, none may follow
}

func newGather(raw net.Conn, pool *sync.Pool, limit time.Duration) *gather {
	stall := time.AfterFunc(limit, func() { _ = raw.Close() })
	stall.Stop()
	return &gather{Conn: raw, pool: pool, stall: stall, limit: limit}
}

// newBuffers returns a pool of buffers for gathers.
func newBuffers() *sync.Pool {
	return &sync.Pool{New: func() any {
		b := make([]byte, 0, gatherBytes)
		return &b
	}}
}

// Write writes a record, or keeps it while the gather is held.
func (g *gather) Write(record []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	if !g.held {
		return g.send(record)
	}
	if g.buf != nil && len(*g.buf)+len(record) > cap(*g.buf) {
		if err := g.empty(); err != nil {
			return 0, err
		}
	}
	if len(record) > gatherBytes {
		return g.send(record)
	}
	if g.buf == nil {
		g.buf = g.pool.Get().(*[]byte)
	}
	*g.buf = append(*g.buf, record...)
	return len(record), nil
}

// hold keeps what is written from now on.
func (g *gather) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = true
}

// release writes what was kept in one go and ends the holding. It fails when
// this, or anything before, could not be written.
func (g *gather) release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	if err := g.empty(); err != nil {
		return err
	}
	return g.err
}

// empty writes the buffer and gives it back. The caller holds mu.
func (g *gather) empty() error {
	if g.buf == nil {
		return nil
	}
	var err error
	if g.err == nil {
		_, err = g.send(*g.buf)
	}
	*g.buf = (*g.buf)[:0]
	g.pool.Put(g.buf)
	g.buf = nil
	return err
}

// send writes to the transport and remembers a failure. A peer that does not
// take what is sent within the limit loses its connection; deadlines stay what
// others have set. The caller holds mu.
func (g *gather) send(p []byte) (int, error) {
	g.stall.Reset(g.limit)
	n, err := g.Conn.Write(p)
	g.stall.Stop()
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	g.err = err
	return n, err
}

// conn is a TLS connection that writes through a gather. It is what gRPC gets.
type conn struct {
	net.Conn // the tls.Conn; it is not named, so that nobody closes only half of it
	under    *gather
	writers  atomic.Int32 // Write calls under way
	ended    func()       // told once when the connection is closed; may be nil
	once     sync.Once
}

// Write writes p as TLS records and hands all of them to the transport at
// once. After a failure part of p may have left, and nothing follows it.
func (c *conn) Write(p []byte) (int, error) {
	c.writers.Add(1)
	defer c.writers.Add(-1)
	c.under.hold()
	n, err := c.Conn.Write(p)
	if failed := c.under.release(); failed != nil && err == nil {
		return 0, failed // how many bytes of p the records that left hold is not known
	}
	return n, err
}

// Close ends the connection. When a Write is under way it is broken off and TLS
// says no goodbye, as with crypto/tls alone: Close would otherwise wait for a
// peer that does not read.
func (c *conn) Close() error {
	if c.ended != nil {
		c.once.Do(c.ended)
	}
	if c.writers.Load() > 0 {
		return c.under.Close()
	}
	return c.Conn.Close()
}
