package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/connectors/all"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// childFlag makes the program one of the servers.
const childFlag = "serve"

// usage is what a server says of itself.
type usage struct {
	CPU     time.Duration // user and system time so far
	RSS     int64         // resident bytes now
	Peak    int64         // most resident bytes since the last reset
	Entries uint64        // journal entries on disk
}

// sizedPatients are the patients of the benchmark.
var sizedPatients = []struct {
	number   string
	bytes    int
	document int64
}{
	{"9990000018", 2 << 10, 0},
	{"9990000026", 50 << 10, 0},
	{"9990000034", 1 << 20, 0},
	{"9990000042", 1 << 10, 50 << 20},
}

// runChild serves until standard input ends. It prints its address, and its
// usage for every line it reads.
func runChild(setup string) int {
	if err := serveChild(setup); err != nil {
		fmt.Fprintln(os.Stderr, "mcr-bench child:", err)
		return 1
	}
	return 0
}

// childSetup is what a server is told.
type childSetup struct {
	Agent  string // path of agent.yaml; empty for bare grpc-go
	Folder string // of certificates
	Frames string // folder of the answers of bare grpc-go
}

func serveChild(setup string) error {
	var s childSetup
	if err := json.Unmarshal([]byte(setup), &s); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	serve := serveBare
	if s.Agent != "" {
		serve = serveAgent
	}
	address, entries, done, err := serve(ctx, s)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	fmt.Println(address)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		u, err := processUsage(lines.Text() == "reset")
		if err != nil {
			return err
		}
		u.Entries = entries()
		if err := out.Encode(u); err != nil {
			return err
		}
	}
	stop()
	return <-done
}

// serveAgent runs the agent as it is, on a source in memory.
func serveAgent(ctx context.Context, s childSetup) (string, func() uint64, <-chan error, error) {
	site, err := config.Load(s.Agent, all.Registry())
	if err != nil {
		return "", nil, nil, err
	}
	var patients []memory.Patient
	for _, p := range sizedPatients {
		number, err := care.ParseNHSNumber(p.number)
		if err != nil {
			return "", nil, nil, err
		}
		patients = append(patients, memory.Sized(number, p.bytes, p.document))
	}
	open := func(_ context.Context, source config.Source, _ hclog.Logger) (care.Connector, error) {
		return memory.New(source.Origin, patients)
	}
	a, err := agent.New(ctx, agent.Options{Site: site, OpenSource: open, Version: "bench", Log: hclog.NewNullLogger()})
	if err != nil {
		return "", nil, nil, err
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return a.Address().String(), func() uint64 { return a.Status().Journal.Sequence }, done, nil
}

// serveBare runs grpc-go with its own settings. It streams messages that are
// encoded already, of 16 KiB, which is what suits it best.
func serveBare(ctx context.Context, s childSetup) (string, func() uint64, <-chan error, error) {
	tls, err := serverTLS(s.Folder)
	if err != nil {
		return "", nil, nil, err
	}
	service := &bareService{frames: s.Frames, cache: map[string][][]byte{}}
	if err := service.prepare(); err != nil {
		return "", nil, nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, nil, err
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(tls)), grpc.ForceServerCodecV2(rawCodec{encoding.GetCodecV2("proto")}))
	edgev1.RegisterRecordServiceServer(server, service)
	context.AfterFunc(ctx, server.Stop)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return listener.Addr().String(), func() uint64 { return 0 }, done, nil
}

// bareService streams prepared messages and nothing else.
type bareService struct {
	edgev1.UnimplementedRecordServiceServer
	frames string
	cache  map[string][][]byte // filled by prepare, then only read
}

// prepare reads the messages of every patient.
func (b *bareService) prepare() error {
	for _, p := range sizedPatients {
		whole, err := os.ReadFile(filepath.Join(b.frames, p.number))
		if err != nil {
			return err
		}
		b.cache[p.number] = splitRecords(whole, 16<<10)
	}
	return nil
}

// GetRecord streams the prepared messages of a patient.
func (b *bareService) GetRecord(m *edgev1.GetRecordRequest, stream grpc.ServerStreamingServer[edgev1.GetRecordResponse]) error {
	for _, message := range b.cache[m.GetContext().GetSubject().GetNhsNumber()] {
		if err := stream.SendMsg(rawMessage(message)); err != nil {
			return err
		}
	}
	return nil
}

// rawMessage is a message that is encoded already.
type rawMessage []byte

// rawCodec passes raw messages through.
type rawCodec struct{ proto encoding.CodecV2 }

func (c rawCodec) Name() string { return c.proto.Name() }

func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(rawMessage); ok {
		return mem.BufferSlice{mem.SliceBuffer(m)}, nil
	}
	return c.proto.Marshal(v)
}

func (c rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*rawMessage); ok {
		*m = data.Materialize()
		return nil
	}
	return c.proto.Unmarshal(data, v)
}

// server is a child as the parent sees it.
type server struct {
	address string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start starts a server and waits until it listens.
func start(setup childSetup) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(setup)
	if err != nil {
		return nil, err
	}
	s := &server{command: exec.Command(self, childFlag, string(text))}
	s.command.Stderr = os.Stderr
	if s.in, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	line, err := s.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server did not start: %w", s.command.Wait())
	}
	s.address = line[:len(line)-1]
	return s, nil
}

// usage asks the server for its usage; "reset" forgets the peak first.
func (s *server) usage(what string) (u usage, err error) {
	if _, err = fmt.Fprintln(s.in, what); err != nil {
		return u, err
	}
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		return u, err
	}
	return u, json.Unmarshal(line, &u)
}

func (s *server) stop() error {
	_ = s.in.Close()
	return s.command.Wait()
}
