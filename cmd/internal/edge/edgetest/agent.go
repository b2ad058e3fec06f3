// Package edgetest is a fake agent for the tests of clients. It speaks the
// agent's protocol over TLS with certificates on both ends, and answers what a
// test has scripted, whole or faulty. It keeps no rule of the agent: it checks
// no role, no consent, and writes no journal.
package edgetest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Script is what an Agent answers. A nil function answers codes.Unimplemented.
type Script struct {
	// Record returns the messages of an answer and the error after them.
	Record func(*edgev1.GetRecordRequest) ([]*edgev1.GetRecordResponse, error)
	// Document returns the messages of a document and the error after them.
	Document func(*edgev1.GetDocumentRequest) ([]*edgev1.GetDocumentResponse, error)
	Locate   func(*edgev1.LocatePatientRequest) (*edgev1.LocatePatientResponse, error)
	// Consent keeps consent flags; nil answers codes.Unimplemented.
	Consent *Consent
	Status  *edgev1.GetStatusResponse
}

// ServerName is the name in the certificate of every Agent.
const ServerName = "agent.test"

// Agent is a fake agent that runs until its test ends.
type Agent struct {
	// Region has the files by which the agent is called.
	Region edge.Region
	// Dir is the same as a folder for edge.LoadRegion.
	Dir string

	edgev1.UnimplementedRecordServiceServer
	edgev1.UnimplementedStatusServiceServer
	script Script
}

// Start runs an agent on a free port of this machine.
func Start(t testing.TB, script Script) *Agent {
	t.Helper()
	a := &Agent{script: script}
	a.Dir, a.Region = Serve(t, func(credentials grpc.ServerOption) *grpc.Server {
		s := grpc.NewServer(credentials)
		edgev1.RegisterRecordServiceServer(s, a)
		if script.Consent != nil {
			edgev1.RegisterConsentServiceServer(s, script.Consent)
		}
		edgev1.RegisterStatusServiceServer(s, a)
		return s
	})
	return a
}

// Serve runs a server with the certificates of a throw-away region until the
// test ends, and returns the folder and the files by which it is called.
func Serve(t testing.TB, build func(credentials grpc.ServerOption) *grpc.Server) (dir string, region edge.Region) {
	t.Helper()
	authority, err := throwaway.New(time.Now())
	check(t, err)
	own, err := authority.Issue(throwaway.Leaf{Name: "agent", DNS: []string{ServerName}, Server: true})
	check(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	server := build(grpc.Creds(credentials.NewTLS(authority.ServerTLS(own))))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() { server.Stop(); <-done })
	return write(t, authority, listener.Addr().String())
}

// write makes the folder by which a server is called.
func write(t testing.TB, authority *throwaway.Region, address string) (dir string, region edge.Region) {
	broker, err := authority.Issue(throwaway.Leaf{Name: "broker", URI: "urn:test:broker", Client: true})
	check(t, err)
	dir = t.TempDir()
	for name, content := range map[string][]byte{
		"address": []byte(address + "\n"), "server_name": []byte(ServerName + "\n"),
		"ca.pem": authority.RootPEM(), "broker.crt": broker.CertPEM, "broker.key": broker.KeyPEM,
	} {
		check(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	region, err = edge.LoadRegion(dir)
	check(t, err)
	return dir, region
}

// Client returns a client of the agent that is closed when the test ends.
func (a *Agent) Client(t testing.TB) *edge.Client {
	t.Helper()
	return Dial(t, a.Region)
}

// Dial returns a client that is closed when the test ends.
func Dial(t testing.TB, region edge.Region) *edge.Client {
	t.Helper()
	client, err := edge.Dial(region)
	check(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Refuse returns the error of a call that the agent refuses.
func Refuse(code codes.Code, refusal *edgev1.Refusal) error {
	st, err := status.New(code, refusal.GetCode()).WithDetails(refusal)
	if err != nil {
		return err
	}
	return st.Err()
}

// unscripted is the answer to a call that the test has not scripted.
var unscripted = status.Error(codes.Unimplemented, "the test has scripted no answer")

// GetRecord plays the script's record.
func (a *Agent) GetRecord(request *edgev1.GetRecordRequest, stream grpc.ServerStreamingServer[edgev1.GetRecordResponse]) error {
	return play(a.script.Record, request, stream)
}

// GetDocument plays the script's document.
func (a *Agent) GetDocument(request *edgev1.GetDocumentRequest, stream grpc.ServerStreamingServer[edgev1.GetDocumentResponse]) error {
	return play(a.script.Document, request, stream)
}

func play[Q, M any](script func(*Q) ([]*M, error), request *Q, stream grpc.ServerStreamingServer[M]) error {
	if script == nil {
		return unscripted
	}
	messages, failure := script(request)
	for _, m := range messages {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	return failure
}

// LocatePatient plays the script's locating.
func (a *Agent) LocatePatient(_ context.Context, request *edgev1.LocatePatientRequest) (*edgev1.LocatePatientResponse, error) {
	if a.script.Locate == nil {
		return nil, unscripted
	}
	return a.script.Locate(request)
}

// GetStatus returns the script's status.
func (a *Agent) GetStatus(context.Context, *edgev1.GetStatusRequest) (*edgev1.GetStatusResponse, error) {
	if a.script.Status == nil {
		return nil, unscripted
	}
	return a.script.Status, nil
}
