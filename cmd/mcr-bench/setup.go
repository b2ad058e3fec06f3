package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

const brokerURI = "urn:mcr:bench:broker"

// documentID is the id of the large document: source, kind and key of its row.
const documentID = "clinical.document." + memory.SizedDocument

var agentYAML = template.Must(template.New("agent.yaml").Parse(`site: {ods_code: Y99901, name: Bench, kind: gp-practice, test_site: true}
state_folder: '{{.Folder}}/{{.State}}'
listen: {address: "{{.Address}}"}
identity: {certificate: agent.pem, key: agent.key, broker_roots: [ca.pem]}
brokers:
  - {name: bench, uri: "urn:mcr:bench:broker", roles: [records, consent, status]}
consent: {model: opt-out}
sharing: {enabled: true, sections: [ALL], purposes: [TREAT], organisations: [ANY]}
limits: {requests_per_minute: 10000000, concurrent_requests: 256}
sources:
  - {name: clinical, kind: memory, settings: {patients: 1}}
`))

// newBench makes the region's certificates and the site's file, starts the
// agent, and lets bare grpc-go serve the very answers that the agent gives.
func newBench(folder string, rounds int, work time.Duration) (b *bench, err error) {
	b = &bench{folder: folder, rounds: rounds, work: work}
	if err := b.certificates(); err != nil {
		return nil, err
	}
	config, err := b.writeConfig("state")
	if err != nil {
		return nil, err
	}
	if b.agent, err = start(childSetup{Agent: config, Folder: folder}); err != nil {
		return nil, err
	}
	if b.agentConn, err = b.dial(b.agent.address); err != nil {
		return nil, err
	}
	if err := pushFlags(b.agentConn); err != nil {
		return nil, err
	}
	if err := b.capture(); err != nil {
		return nil, err
	}
	if b.bare, err = start(childSetup{Folder: folder, Frames: folder}); err != nil {
		return nil, err
	}
	b.bareConn, err = b.dial(b.bare.address)
	return b, err
}

func (b *bench) certificates() error {
	ca, err := throwaway.New(time.Now())
	if err != nil {
		return err
	}
	for name, leaf := range map[string]throwaway.Leaf{
		"agent":  {Name: "agent", DNS: []string{"localhost"}, Server: true},
		"broker": {Name: "broker", URI: brokerURI, Client: true},
	} {
		issued, err := ca.Issue(leaf)
		if err != nil {
			return err
		}
		if _, _, err := issued.WriteFiles(b.folder, name); err != nil {
			return err
		}
	}
	return ca.WriteRoot(filepath.Join(b.folder, "ca.pem"))
}

// writeConfig writes an agent.yaml for a state folder and returns its path.
func (b *bench) writeConfig(state string) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := listener.Addr().String()
	path := filepath.Join(b.folder, state+".yaml")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	err = agentYAML.Execute(file, map[string]string{"Folder": b.folder, "State": state, "Address": address})
	return path, errors.Join(err, file.Close(), listener.Close())
}

func loadTLS(folder, name string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, name+".pem"), filepath.Join(folder, name+".key"))
	if err != nil {
		return nil, err
	}
	roots, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, RootCAs: pool, ClientCAs: pool, ServerName: "localhost"}, nil
}

// serverTLS returns what grpc-go's users write: certificates at both ends, and
// nothing else.
func serverTLS(folder string) (*tls.Config, error) {
	config, err := loadTLS(folder, "agent")
	if err == nil {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, err
}

func (b *bench) dial(address string) (*grpc.ClientConn, error) {
	config, err := loadTLS(b.folder, "broker")
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{encoding.GetCodecV2("proto")})), grpc.WithIdleTimeout(0))
}

// pushFlags fills the consent store: nobody has dissented.
func pushFlags(conn *grpc.ClientConn) error {
	_, err := edge.NewClient(conn).PushSnapshot(context.Background(), edge.Push{Sequence: 1, AsOf: time.Now()},
		func(func(care.Directive, error) bool) {})
	return err
}

// capture keeps the agent's answer for each patient, for bare grpc-go to give.
func (b *bench) capture() error {
	for i, p := range sizedPatients {
		var whole []byte
		got, err := ask(b.agentConn, i, func(message []byte) { whole = append(whole, message...) })
		if err != nil {
			return fmt.Errorf("the first answer for %d bytes: %w", p.bytes, err)
		}
		if got.bytes < p.bytes/2 {
			return fmt.Errorf("the first answer for %d bytes has %d", p.bytes, got.bytes)
		}
		b.want = append(b.want, got)
		if err := os.WriteFile(filepath.Join(b.folder, p.number), whole, 0o600); err != nil {
			return err
		}
	}
	return nil
}
