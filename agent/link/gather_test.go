package link

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func noise(n int) []byte {
	data := make([]byte, n)
	source := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range data {
		data[i] = byte(source.Uint32())
	}
	return data
}

func TestRecordsLeaveInOneWrite(t *testing.T) {
	e := newEnds(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, small := range []bool{true, false} { // records of the first 128 KiB
			e.server.MaxVersion, e.server.DynamicRecordSizingDisabled = version, !small
			raw, dialled := loopback(t)
			counted := &wire{Conn: raw, writes: new(atomic.Int64)}
			server, client := secured(t, e, counted, dialled)
			got := drain(client)
			var want []byte
			for _, size := range []int{1, 16 << 10, 50 << 10, writeBuffer, 3} {
				before, data := counted.writes.Load(), noise(size)
				if n, err := server.Write(data); n != size || err != nil {
					t.Fatalf("Write of %d: %d, %v", size, n, err)
				}
				if writes := counted.writes.Load() - before; writes != 1 {
					t.Errorf("%s, small records %v: %d bytes took %d writes, want 1", tls.VersionName(version), small, size, writes)
				}
				if server.under.buf != nil {
					t.Error("an idle connection holds a buffer")
				}
				want = append(want, data...)
			}
			server.Close()
			if !bytes.Equal(<-got, want) {
				t.Error("the client read something else")
			}
		}
	}
}

// TestLargeWritesKeepTheBufferSmall writes more than one buffer holds.
func TestLargeWritesKeepTheBufferSmall(t *testing.T) {
	raw, dialled := loopback(t)
	counted := &wire{Conn: raw, writes: new(atomic.Int64)}
	server, client := secured(t, newEnds(t), counted, dialled)
	got, want, before := drain(client), noise(1<<20), counted.writes.Load()
	if n, err := server.Write(want); n != len(want) || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
	if writes := counted.writes.Load() - before; writes < 1<<20/gatherBytes || writes > 1<<20/(writeBuffer-16<<10)+1 {
		t.Errorf("%d writes for 1 MiB, want full buffers", writes)
	}
	server.Close()
	if !bytes.Equal(<-got, want) {
		t.Error("the client read something else")
	}
}

// TestConnectionsShareBuffersSafely has many connections write through one
// pool at once, each its own bytes.
func TestConnectionsShareBuffersSafely(t *testing.T) {
	pool := newBuffers()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			a, b := net.Pipe()
			got := drain(b)
			g := newGather(a, pool, time.Minute)
			record, want := bytes.Repeat([]byte{byte(i)}, 9000), []byte(nil)
			for range 50 {
				g.hold()
				for range 5 {
					if _, err := g.Write(record); err != nil {
						t.Error(err)
					}
					want = append(want, record...)
				}
				if err := g.release(); err != nil {
					t.Error(err)
				}
			}
			a.Close()
			if !bytes.Equal(<-got, want) {
				t.Errorf("connection %d carried others' bytes", i)
			}
		})
	}
	all.Wait()
}

// faulty is a transport whose writes end as told.
type faulty struct {
	net.Conn
	writes int
	write  func(p []byte) (int, error)
}

func (f *faulty) Write(p []byte) (int, error) {
	f.writes++
	return f.write(p)
}

func TestAFailedWriteIsTheLast(t *testing.T) {
	broken := errors.New("cable out")
	for name, test := range map[string]struct {
		write func(p []byte) (int, error)
		want  error
	}{
		"nothing left":          {func([]byte) (int, error) { return 0, broken }, broken},
		"part left":             {func(p []byte) (int, error) { return len(p) / 2, broken }, broken},
		"part left, no mention": {func(p []byte) (int, error) { return len(p) - 1, nil }, io.ErrShortWrite},
	} {
		t.Run(name, func(t *testing.T) {
			raw, dialled := loopback(t)
			transport := &faulty{Conn: raw, write: raw.Write}
			server, _ := secured(t, newEnds(t), transport, dialled)
			transport.write, transport.writes = test.write, 0
			for range 3 {
				if n, err := server.Write(noise(50 << 10)); n != 0 || !errors.Is(err, test.want) {
					t.Errorf("Write: %d, %v, want 0, %v", n, err, test.want)
				}
			}
			server.Close() // would send an alert
			if transport.writes != 1 {
				t.Errorf("%d writes, want none after the failed one", transport.writes)
			}
			if server.under.buf != nil {
				t.Error("the buffer was not given back")
			}
		})
	}
}

// TestAFullBufferThatFailsEndsTheWrite fails within a Write, not at its end.
func TestAFullBufferThatFailsEndsTheWrite(t *testing.T) {
	raw, dialled := loopback(t)
	broken := errors.New("cable out")
	transport := &faulty{Conn: raw, write: raw.Write}
	server, _ := secured(t, newEnds(t), transport, dialled)
	transport.write = func([]byte) (int, error) { return 0, broken }
	if n, err := server.Write(noise(1 << 20)); n >= 1<<20 || !errors.Is(err, broken) {
		t.Errorf("Write: %d, %v", n, err)
	}
}

// stuck returns a connection whose peer has stopped reading. It is to be used
// in a synctest bubble.
func stuck(t *testing.T, e ends) *conn {
	a, b := net.Pipe()
	now := func() time.Time { return e.region.Root().NotBefore.AddDate(0, 0, 1) }
	e.server.Time, e.client.Time = now, now // the bubble's clock starts in the year 2000
	server, _ := secured(t, e, a, b)
	return server
}

func TestWriteKeepsItsDeadline(t *testing.T) {
	e := newEnds(t)
	synctest.Test(t, func(t *testing.T) {
		server, start := stuck(t, e), time.Now()
		if err := server.SetWriteDeadline(start.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Write(noise(50 << 10)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v, want the deadline after 1s", time.Since(start), err)
		}
		if err := server.SetWriteDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Write([]byte{1}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("then: %v, want the stream to stay broken", err)
		}
		server.under.Close()
	})
}

func TestAPeerThatDoesNotReadIsCut(t *testing.T) {
	e := newEnds(t)
	synctest.Test(t, func(t *testing.T) {
		server, start := stuck(t, e), time.Now()
		if _, err := server.Write(noise(50 << 10)); err == nil || time.Since(start) != stallLimit {
			t.Errorf("after %v: %v, want an error after %v", time.Since(start), err, stallLimit)
		}
		if _, err := server.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is still open")
		}
	})
}

// TestReadingPeersAreNotCut writes for longer than the limit, piece by piece.
func TestReadingPeersAreNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		g := newGather(a, newBuffers(), stallLimit)
		for range 5 {
			go func() {
				time.Sleep(stallLimit - time.Second)
				_, _ = io.ReadFull(b, make([]byte, 100))
			}()
			if _, err := g.Write(noise(100)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * stallLimit) // an idle connection is nobody's fault
		}
		a.Close()
	})
}

func TestCloseBreaksOffAWrite(t *testing.T) {
	e := newEnds(t)
	synctest.Test(t, func(t *testing.T) {
		server := stuck(t, e)
		written := make(chan error, 1)
		go func() {
			_, err := server.Write(noise(50 << 10))
			written <- err
		}()
		synctest.Wait()
		start := time.Now()
		if err := server.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-written; err == nil || time.Since(start) != 0 {
			t.Errorf("Write ended with %v after %v, want an error at once", err, time.Since(start))
		}
	})
}

func TestCloseSaysGoodbye(t *testing.T) {
	raw, dialled := loopback(t)
	server, client := secured(t, newEnds(t), raw, dialled)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	// Without TLS's own goodbye this would be io.ErrUnexpectedEOF.
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the client sees %v, want io.EOF", err)
	}
	if _, err := server.Write([]byte{1}); err == nil {
		t.Error("a closed connection still writes")
	}
}

func TestAPeerMayCloseItsHalf(t *testing.T) {
	raw, dialled := loopback(t)
	server, client := secured(t, newEnds(t), raw, dialled)
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("Read: %v, want io.EOF", err)
	}
	got, want := drain(client), noise(50<<10)
	if _, err := server.Write(want); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if !bytes.Equal(<-got, want) {
		t.Error("the client read something else")
	}
}

// TestNothingOvertakes checks that the gather stays locked while it writes: a
// record of the reading side then waits its turn.
func TestNothingOvertakes(t *testing.T) {
	raw := new(faulty)
	g := newGather(raw, newBuffers(), time.Minute)
	raw.write = func(p []byte) (int, error) {
		if g.mu.TryLock() {
			g.mu.Unlock()
			t.Error("another record could be written now")
		}
		return len(p), nil
	}
	g.hold()
	for range 10 { // fills the buffer once, leaves a rest
		if _, err := g.Write(noise(10 << 10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.release(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Write([]byte{1}); err != nil || raw.writes != 3 {
		t.Errorf("%d writes, %v, want 3", raw.writes, err)
	}
}
