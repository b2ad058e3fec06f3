package link

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// arrivals is a listener whose connections come from where a test says.
type arrivals chan *arrival

type arrival struct {
	net.Conn
	from   string
	closed bool
}

func (a *arrival) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(a.from))
}
func (a *arrival) Close() error { a.closed = true; return nil }

func (a arrivals) Accept() (net.Conn, error) {
	conn, ok := <-a
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (a arrivals) Close() error   { return nil }
func (a arrivals) Addr() net.Addr { return &net.TCPAddr{} }

// accepted lets connections arrive and returns which were accepted, and them.
func accepted(l *listener, from ...string) (got []string, conns []net.Conn) {
	queue := make(arrivals, len(from))
	for _, f := range from {
		queue <- &arrival{from: f}
	}
	close(queue)
	l.Listener = queue
	for {
		conn, err := l.Accept()
		if err != nil {
			return got, conns
		}
		got, conns = append(got, conn.(*counted).Conn.(*arrival).from), append(conns, conn)
	}
}

func TestListenerLimits(t *testing.T) {
	for name, test := range map[string]struct{ from, want []string }{
		"in all":              {[]string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1"}, []string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"}},
		"from one address":    {[]string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.2:1"}, []string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1"}},
		"mapped is the same":  {[]string{"10.0.0.1:1", "[::ffff:10.0.0.1]:2", "10.0.0.1:3"}, []string{"10.0.0.1:1", "[::ffff:10.0.0.1]:2"}},
		"from one network":    {[]string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "[2001:db8:0:1::1]:1"}, []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8:0:1::1]:1"}},
		"zones do not matter": {[]string{"[fe80::1%a]:1", "[fe80::1%b]:1", "[fe80::1%c]:1"}, []string{"[fe80::1%a]:1", "[fe80::1%b]:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newListener(nil, Limits{Connections: 3, ConnectionsPerAddress: 2})
			if got, _ := accepted(l, test.from...); !slices.Equal(got, test.want) {
				t.Errorf("accepted %v, want %v", got, test.want)
			}
		})
	}
}

func TestListenerMakesRoomOnce(t *testing.T) {
	l := newListener(nil, Limits{Connections: 2, ConnectionsPerAddress: 2})
	_, conns := accepted(l, "10.0.0.1:1", "10.0.0.1:2")
	for range 3 {
		conns[0].Close()
	}
	if !conns[0].(*counted).Conn.(*arrival).closed {
		t.Error("the connection itself was not closed")
	}
	if got, _ := accepted(l, "10.0.0.1:3", "10.0.0.1:4"); !slices.Equal(got, []string{"10.0.0.1:3"}) {
		t.Errorf("accepted %v, want room for one", got)
	}
	conns[1].Close()
	if l.open != 1 || len(l.from) != 1 {
		t.Errorf("%d open from %v, want 1", l.open, l.from)
	}
}

func TestListenerForgetsSources(t *testing.T) {
	l := newListener(nil, Limits{Connections: 9, ConnectionsPerAddress: 2})
	_, conns := accepted(l, "10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1")
	for _, c := range conns {
		c.Close()
	}
	if l.open != 0 || len(l.from) != 0 {
		t.Errorf("%d open, %v remembered, want nothing", l.open, l.from)
	}
}

func TestListenOnTCP(t *testing.T) {
	limits := DefaultLimits()
	limits.Connections = 1
	l, err := Listen("127.0.0.1:0", limits)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = l.Accept() }() // ends with the listener
	second, err := net.Dial("tcp", l.Addr().String())
	if err == nil { // the reset can be faster
		defer second.Close()
		_, err = second.Read(make([]byte, 1))
	}
	if err == nil {
		t.Error("the second connection is open")
	}
	if l2, err := Listen(l.Addr().String(), limits); care.KindOf(err) != care.BadRequest || l2 != nil {
		t.Errorf("listening twice: %v, %v", l2, err)
	}
}

func TestListenRefusesFaultyLimits(t *testing.T) {
	for path, spoil := range map[string]func(*Limits){
		"connections":             func(l *Limits) { l.Connections = 0 },
		"connections_per_address": func(l *Limits) { l.ConnectionsPerAddress = -1 },
		"streams":                 func(l *Limits) { l.Streams = 0 },
		"handshake":               func(l *Limits) { l.Handshake = 0 },
	} {
		limits := DefaultLimits()
		if got := limits.Check(); len(got) != 0 {
			t.Fatalf("the defaults have faults: %v", got)
		}
		spoil(&limits)
		if got := limits.Check(); len(got) != 1 || got[0].Path != path {
			t.Errorf("faults %v, want one at %s", got, path)
		}
		if l, err := Listen("127.0.0.1:0", limits); care.ReasonOf(err) != "LIMITS" || l != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if limits := (Limits{Connections: 1, ConnectionsPerAddress: 1, Streams: maxStreams + 1, Handshake: time.Second}); len(limits.Check()) != 1 {
		t.Error("any number of streams is accepted")
	}
}
