package link

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// streamOf is a service whose one call streams replies of 50 KB as messages of
// 16 KiB at most.
func streamOf() *grpc.ServiceDesc {
	messages := []*wrapperspb.BytesValue{{Value: noise(16 << 10)}, {Value: noise(16 << 10)}, {Value: noise(50_000 - 32<<10)}}
	return &grpc.ServiceDesc{ServiceName: "test.Replies", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Get", ServerStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error {
			if err := stream.RecvMsg(new(wrapperspb.BytesValue)); err != nil {
				return err
			}
			for _, m := range messages {
				if err := stream.SendMsg(m); err != nil {
					return err
				}
			}
			return nil
		},
	}}}
}

// counter is a listener that counts the writes of all its connections.
type counter struct {
	net.Listener
	writes atomic.Int64
}

func (c *counter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, writes: &c.writes}, nil
}

// replies starts a server with the given credentials and one client. It returns
// a function that fetches a reply, and the number of writes so far.
func replies(t testing.TB, e ends, creds credentials.TransportCredentials) (fetch func() error, writes *atomic.Int64) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &counter{Listener: inner}
	server := grpc.NewServer(append(ServerOptions(DefaultLimits()), grpc.Creds(creds))...)
	server.RegisterService(streamOf(), nil)
	go func() { _ = server.Serve(l) }() // ends with Stop
	t.Cleanup(server.Stop)
	client, err := grpc.NewClient("passthrough:///"+inner.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(e.client)),
		grpc.WithNoProxy(), grpc.WithInitialWindowSize(1<<20), grpc.WithInitialConnWindowSize(4<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return func() error { return fetchReply(client) }, &l.writes
}

func fetchReply(client *grpc.ClientConn) error {
	stream, err := client.NewStream(context.Background(), &grpc.StreamDesc{ServerStreams: true}, "/test.Replies/Get")
	if err != nil {
		return err
	}
	if err := stream.SendMsg(new(wrapperspb.BytesValue)); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for range 3 {
		if err := stream.RecvMsg(new(wrapperspb.BytesValue)); err != nil {
			return err
		}
	}
	return nil
}

// kinds are the credentials to compare.
func kinds(e ends) map[string]credentials.TransportCredentials {
	return map[string]credentials.TransportCredentials{"gathered": NewCredentials(e.server), "plain": credentials.NewTLS(e.server)}
}

func TestRepliesTakeFewerWrites(t *testing.T) {
	const calls = 100
	e, took := newEnds(t), map[string]int64{}
	for name, creds := range kinds(e) {
		fetch, writes := replies(t, e, creds)
		for range calls {
			if err := fetch(); err != nil {
				t.Fatal(err)
			}
		}
		took[name] = writes.Load()
	}
	t.Logf("writes of %d replies of 50 KB: %v", calls, took)
	if took["gathered"]*3 > took["plain"]*2 {
		t.Errorf("%d writes against %d, want at most two thirds", took["gathered"], took["plain"])
	}
}

func BenchmarkReplies(b *testing.B) {
	e := newEnds(b)
	for name, creds := range kinds(e) {
		b.Run(name, func(b *testing.B) {
			fetch, writes := replies(b, e, creds)
			b.SetBytes(50_000)
			before := writes.Load()
			for b.Loop() {
				if err := fetch(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(writes.Load()-before)/float64(b.N), "writes/op")
		})
	}
}
