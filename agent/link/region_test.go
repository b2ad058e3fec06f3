package link

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

// ends are the settings of both ends of a connection in a throw-away region.
type ends struct {
	region         *throwaway.Region
	server, client *tls.Config
}

func newEnds(t testing.TB) ends {
	t.Helper()
	region, err := throwaway.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ends{
		region: region,
		server: region.ServerTLS(issue(t, region, throwaway.Leaf{DNS: []string{"agent.example"}, Server: true})),
		client: region.ClientTLS(issue(t, region, throwaway.Leaf{URI: brokerURI, Client: true}), "agent.example"),
	}
}

const brokerURI = "urn:example:region:broker"

func issue(t testing.TB, region *throwaway.Region, leaf throwaway.Leaf) throwaway.Certificate {
	t.Helper()
	c, err := region.Issue(leaf)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wire is a transport that counts its writes.
type wire struct {
	net.Conn
	writes *atomic.Int64
}

func (w *wire) Write(p []byte) (int, error) {
	w.writes.Add(1)
	return w.Conn.Write(p)
}

// loopback returns both ends of a TCP connection.
func loopback(t testing.TB) (accepted, dialled net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if dialled, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close(); dialled.Close() })
	return accepted, dialled
}

// secured shakes hands over two ends of a transport: with Credentials at the
// accepted end, with plain crypto/tls at the other.
func secured(t testing.TB, e ends, accepted, dialled net.Conn) (*conn, *tls.Conn) {
	t.Helper()
	client := tls.Client(dialled, e.client)
	done := make(chan error, 1)
	go func() { done <- client.Handshake() }()
	server, _, err := NewCredentials(e.server).ServerHandshake(accepted)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return server.(*conn), client
}

// drain reads everything and reports it when the reader ends.
func drain(r io.Reader) <-chan []byte {
	all := make(chan []byte, 1)
	go func() {
		data, _ := io.ReadAll(r) // the end of the connection may be rough
		all <- data
	}()
	return all
}
