package forward

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestEntriesArriveInOrderWhileTheyAreWritten(t *testing.T) {
	j, got := newJournal(t), newCollected()
	s := serve(t, nil, got.handle)
	r := run(t, j.settings(s.receiver(Syslog)))
	r.expect(t, told{opened: true})
	j.add(t, 300)
	got.expect(t, 1, 300)
	j.add(t, 5)
	got.expect(t, 301, 305)
	status := r.until(t, "delivered", func(s Status) bool { return s.Position == 305 && s.Behind == 0 })
	if !status.Connected || status.Name != "region" || status.LastError != nil || status.Since.IsZero() || status.Dropped.Count > 0 {
		t.Errorf("%+v", status)
	}
	r.stop()
	r.expect(t, told{})
	if r.Status()[0].Connected {
		t.Error("still connected")
	}
}

// Nothing is sent that the journal's signed head does not cover: it may not be
// on disk.
func TestOnlyWhatIsOnDiskForCertain(t *testing.T) {
	j, got := newJournal(t), newCollected()
	j.add(t, 10)
	j.close(t)
	head := filepath.Join(j.folder, "checkpoint")
	whole := must(os.ReadFile(head))
	lines := strings.SplitN(string(whole), "\n", 3)
	if err := os.WriteFile(head, []byte(lines[0]+"\n4\n"+lines[2]), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, j.settings(serve(t, nil, got.handle).receiver(Syslog)))
	got.expect(t, 1, 4)
	r.until(t, "delivered", func(s Status) bool { return s.Position == 4 })
	if err := errors.Join(os.WriteFile(head+".new", whole, 0o600), os.Rename(head+".new", head)); err != nil {
		t.Fatal(err)
	}
	if n := got.sequence(t); n != 5 {
		t.Errorf("entry %d comes after the head moved", n)
	}
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	j, got := newJournal(t), newCollected()
	j.add(t, MaxBatch+20) // two batches: the second is saved only because the agent stops
	j.close(t)
	s := serve(t, nil, got.handle)
	first := run(t, j.settings(s.receiver(Syslog)))
	got.expect(t, 1, MaxBatch+20)
	first.until(t, "delivered", func(s Status) bool { return s.Position == MaxBatch+20 })
	first.stop()
	j.open(t)
	j.add(t, 3)
	j.close(t)
	run(t, j.settings(s.receiver(Syslog)))
	got.expect(t, MaxBatch+21, MaxBatch+23)
	if info := must(os.Stat(filepath.Join(j.state, "forward-region"))); info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the state has mode %v", info.Mode())
	}
}

// A receiver that breaks off gets the last batch once more, and nothing twice
// apart from that.
func TestALostConnectionRepeatsOneBatch(t *testing.T) {
	j, got := newJournal(t), newCollected()
	j.add(t, MaxBatch+10)
	j.close(t)
	var calls atomic.Int32
	s := serve(t, nil, func(conn net.Conn) {
		if calls.Add(1) > 1 {
			got.handle(conn)
			return
		}
		for r, n := bufio.NewReader(conn), 0; n < MaxBatch+10; n++ {
			if _, err := readFrame(r); err != nil {
				t.Error(err)
			}
		}
	})
	r := run(t, j.settings(s.receiver(Syslog)))
	r.expect(t, told{opened: true})
	r.expect(t, told{reason: "CLOSED"})
	r.expect(t, told{opened: true})
	got.expect(t, MaxBatch+1, MaxBatch+10)
	r.until(t, "delivered", func(s Status) bool {
		return s.Position == MaxBatch+10 && care.ReasonOf(s.LastError) == "CLOSED" && !s.LastErrorAt.IsZero()
	})
}

func TestAReceiverThatBreaksOffMidMessage(t *testing.T) {
	j, got := newJournal(t), newCollected()
	j.add(t, 50)
	j.close(t)
	var calls atomic.Int32
	s := serve(t, nil, func(conn net.Conn) {
		if calls.Add(1) == 1 {
			_, _ = io.ReadFull(conn, make([]byte, 700))
			return
		}
		got.handle(conn)
	})
	run(t, j.settings(s.receiver(Syslog)))
	got.expect(t, 1, 50)
}

// A receiver that never reads costs bounded memory, and an append no time.
func TestAStuckReceiverHoldsUpNobody(t *testing.T) {
	j := newJournal(t)
	j.add(t, 20_000) // some 16 MiB: more than sockets hold, and more than is allowed below
	j.close(t)
	j.open(t)
	release := make(chan struct{})
	s := serve(t, nil, func(conn net.Conn) {
		c := conn.(*tls.Conn)
		if err := errors.Join(c.NetConn().(*net.TCPConn).SetReadBuffer(16<<10), c.Handshake()); err != nil {
			t.Error(err)
		}
		<-release
	})
	defer close(release)
	settings := j.settings(s.receiver(Syslog))
	settings.pace.stall = 100 * time.Millisecond
	before := heap()
	r := run(t, settings)
	r.expect(t, told{opened: true})
	r.expect(t, told{reason: "STALLED"})
	r.expect(t, told{opened: true})
	if grown := int64(heap()) - int64(before); grown > 10<<20 {
		t.Errorf("a stuck receiver takes %d KiB", grown>>10)
	}
	for range 5000 {
		j.Append(refusal(0))
	}
	done, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := j.Append(refusal(0)).Wait(done); err != nil {
		t.Fatal(err)
	}
	r.until(t, "behind", func(s Status) bool { return s.Behind > 5000 })
}

// heap returns the bytes that are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A receiver that reads slowly, but does, gets everything on one connection.
func TestASlowReceiver(t *testing.T) {
	j, got := newJournal(t), newCollected()
	j.add(t, 1500)
	j.close(t)
	s := serve(t, nil, func(conn net.Conn) {
		tick := time.NewTicker(100 * time.Microsecond)
		defer tick.Stop()
		r := bufio.NewReaderSize(conn, 64)
		for {
			<-tick.C
			text, err := readFrame(r)
			if err != nil {
				return
			}
			got.messages <- text
		}
	})
	r := run(t, j.settings(s.receiver(Syslog)))
	got.expect(t, 1, 1500)
	r.expect(t, told{opened: true})
	if len(r.told) > 0 {
		t.Errorf("told %+v", <-r.told)
	}
}

func TestReceiversThatRefuse(t *testing.T) {
	handshake := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	other := serve(t, &tls.Config{Certificates: []tls.Certificate{certificate("elsewhere").TLS}}, handshake)
	old := serve(t, &tls.Config{Certificates: []tls.Certificate{certificate("localhost").TLS}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, handshake)
	strict := serve(t, &tls.Config{Certificates: []tls.Certificate{certificate("localhost").TLS}, MaxVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: region.Pool()}, handshake)
	noHTTP2 := serve(t, nil, handshake).receiver(OTLP)
	untrusting := serve(t, nil, handshake).receiver(Syslog)
	untrusting.TLS = nil
	gone := other.receiver(Syslog)
	gone.Address = "localhost:" + unused(t)
	for name, c := range map[string]struct {
		receiver Receiver
		reason   string
	}{
		"nobody there":                {gone, "REFUSED"},
		"another name":                {other.receiver(Syslog), "UNTRUSTED"},
		"another root":                {untrusting, "UNTRUSTED"},
		"TLS 1.1":                     {old.receiver(Syslog), "TURNED_AWAY"},
		"no certificate of ours":      {strict.receiver(Syslog), "TURNED_AWAY"},
		"no HTTP/2":                   {noHTTP2, "PROTOCOL"},
		"another name, OpenTelemetry": {other.receiver(OTLP), "UNTRUSTED"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal(t)
			j.add(t, 1)
			j.close(t)
			r := run(t, j.settings(c.receiver))
			r.expect(t, told{reason: c.reason})
			s := r.until(t, "told", func(s Status) bool { return s.LastError != nil })
			if s.Connected || s.Position != 0 || s.Behind == 0 || care.ReasonOf(s.LastError) != c.reason || !strings.Contains(s.LastError.Error(), faults[c.reason]) {
				t.Errorf("%+v", s)
			}
			for range 2 {
				r.until(t, "tried again", func(next Status) bool { return next.LastErrorAt.After(s.LastErrorAt) })
				s = r.Status()[0]
			}
			if len(r.told) > 0 {
				t.Error("every attempt is told")
			}
		})
	}
}

// unused returns a port that nobody listens on.
func unused(t *testing.T) string {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func TestTheAgentShowsItsCertificate(t *testing.T) {
	j, got := newJournal(t), newCollected()
	j.add(t, 1)
	j.close(t)
	s := serve(t, &tls.Config{Certificates: []tls.Certificate{certificate("localhost").TLS}, MaxVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: region.Pool()}, got.handle)
	receiver := s.receiver(Syslog)
	receiver.TLS.Certificates = []tls.Certificate{certificate("agent").TLS}
	run(t, j.settings(receiver))
	got.expect(t, 1, 1)
}

func TestSettingsThatAreRefused(t *testing.T) {
	good := Receiver{Name: "a", Kind: Syslog, Address: "h:1"}
	with := func(change func(*Receiver)) []Receiver {
		r := good
		change(&r)
		return []Receiver{r}
	}
	for name, receivers := range map[string][]Receiver{
		"a name that leaves the folder": with(func(r *Receiver) { r.Name = "../a" }),
		"no name":                       with(func(r *Receiver) { r.Name = "" }),
		"one name twice":                {good, good},
		"no port":                       with(func(r *Receiver) { r.Address = "h" }),
		"no host":                       with(func(r *Receiver) { r.Address = ":1" }),
		"no kind":                       with(func(r *Receiver) { r.Kind = "" }),
		"no key to identifiers":         with(func(r *Receiver) { r.Identifiers = true }),
	} {
		if _, err := New(Settings{Receivers: receivers}); care.KindOf(err) != care.BadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f, err := New(Settings{Receivers: []Receiver{good}}); err != nil || f.workers[0].TLS.MinVersion != tls.VersionTLS12 || f.workers[0].TLS.ServerName != "h" {
		t.Errorf("%v", err)
	}
}
