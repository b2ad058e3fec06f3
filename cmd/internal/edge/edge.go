// Package edge is a client of the agent: what a region's broker needs to read
// a patient's record, to keep a site's consent flags and to see how an agent
// is. The command line client, the demonstration, the benchmark and the tests
// use it; it may be copied as the start of a broker of one's own.
//
// It believes nothing that it can check. An answer is whole only when every
// section that was asked for has exactly one outcome, the numbers of the
// outcomes are those of the records that came, the closing is there and its
// digest is that of what came (see Record). What does not agree is told as a
// fault; it is never left out silently and never makes an answer fail.
//
// Start reading at Client.GetRecord, then checker.
package edge

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Region is what a broker needs to call one agent: where it is, and the files
// by which each proves to the other who it is.
type Region struct {
	Address     string // host:port of the agent
	CA          string // path of the roots that the agent's certificate must lead to, PEM
	Certificate string // path of the broker's certificate and its intermediates, PEM
	Key         string // path of the broker's private key, PEM
	ServerName  string // name that the agent's certificate must hold; empty means the host of Address
}

// Names of the files in a region's folder.
const (
	addressFile     = "address"
	caFile          = "ca.pem"
	certificateFile = "broker.crt"
	keyFile         = "broker.key"
	serverNameFile  = "server_name"
)

// maxFile is the most that is read of a file of a region, in bytes.
const maxFile = 1 << 20

// LoadRegion reads a region's folder: the files address and server_name (one
// line of text each; server_name may be missing), ca.pem, broker.crt and
// broker.key. Certificates are read when dialling. The error has Kind
// BadRequest.
func LoadRegion(dir string) (Region, error) {
	region := Region{
		CA:          filepath.Join(dir, caFile),
		Certificate: filepath.Join(dir, certificateFile),
		Key:         filepath.Join(dir, keyFile),
	}
	address, err := readFile(filepath.Join(dir, addressFile))
	if err != nil {
		return Region{}, err
	}
	if region.Address = strings.TrimSpace(string(address)); region.Address == "" {
		return Region{}, fault("LoadRegion", filepath.Join(dir, addressFile)+" is empty; write host:port into it", nil)
	}
	name := filepath.Join(dir, serverNameFile)
	if _, err := os.Stat(name); os.IsNotExist(err) {
		return region, nil
	}
	serverName, err := readFile(name)
	region.ServerName = strings.TrimSpace(string(serverName))
	return region, err
}

// Client calls one agent over one connection, which it keeps. Its methods may
// be called from many goroutines.
//
// A call that the agent refused fails with a gRPC status from which RefusalOf
// takes the refusal. A call that never reached the agent fails with a status
// that holds none.
type Client struct {
	// Progress, if it is set before the first call, is told while a snapshot is
	// sent: how many of its directives, and of how many.
	Progress func(sent, of uint64)

	conn    *grpc.ClientConn
	known   atomic.Uint64 // highest consent epoch that the site told
	records edgev1.RecordServiceClient
	consent edgev1.ConsentServiceClient
	status  edgev1.StatusServiceClient
	audit   edgev1.AuditServiceClient
}

// Limits and times of the connection.
const (
	maxMessage       = 4 << 20          // an agent sends 64 KiB, but one resource may be large
	streamWindow     = 4 << 20          // with smaller ones a new connection needs ten round trips for 1 MiB
	connectionWindow = 8 << 20          // room for a second answer beside the first
	probeEvery       = 30 * time.Second // agents allow one every 15 seconds, calls or not
	probeTimeout     = 10 * time.Second
)

// Dial prepares a connection to an agent with TLS 1.2 or later, both ends with
// certificates. Nothing is sent before the first call; that call fails with
// codes.Unavailable when there is no agent, or when one end does not accept the
// other's certificate. The options come after Dial's own. The error has Kind
// BadRequest and names the file that is missing or wrong.
func Dial(region Region, options ...grpc.DialOption) (*Client, error) {
	config, err := region.tls()
	if err != nil {
		return nil, err
	}
	own := []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithInitialWindowSize(streamWindow),
		grpc.WithInitialConnWindowSize(connectionWindow),
		grpc.WithIdleTimeout(0), // a handshake costs as much as thirty calls: hold the connection
		// Between calls as well: firewalls forget connections that are quiet.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: probeEvery, Timeout: probeTimeout, PermitWithoutStream: true}),
	}
	conn, err := grpc.NewClient(region.Address, append(own, options...)...)
	if err != nil {
		return nil, fault("Dial", "the agent's address is not host:port", err)
	}
	return NewClient(conn), nil
}

// NewClient returns a client on a connection that was made elsewhere, which
// Close then closes.
func NewClient(conn *grpc.ClientConn) *Client {
	return &Client{conn: conn, records: edgev1.NewRecordServiceClient(conn),
		consent: edgev1.NewConsentServiceClient(conn), status: edgev1.NewStatusServiceClient(conn), audit: edgev1.NewAuditServiceClient(conn)}
}

// Conn returns the connection, for calls that have no method here.
func (c *Client) Conn() *grpc.ClientConn { return c.conn }

// Close closes the connection; calls that still run fail.
func (c *Client) Close() error { return c.conn.Close() }

func (r Region) tls() (*tls.Config, error) {
	roots, err := readFile(r.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots) {
		return nil, fault("Dial", r.CA+" holds no certificate in PEM form", nil)
	}
	chain, err := readFile(r.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := readFile(r.Key)
	if err != nil {
		return nil, err
	}
	own, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fault("Dial", r.Certificate+" and "+r.Key+" are not a certificate and its key in PEM form", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: []tls.Certificate{own}, ServerName: r.ServerName}, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		return nil, fault("readFile", path+" is larger than 1 MiB; it is not a file of a region", nil)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault("readFile", path+" cannot be read; check the path and your rights", err)
	}
	return data, nil
}

func fault(function, detail string, cause error) error {
	return &care.Error{Kind: care.BadRequest, Op: "edge." + function, Reason: "REGION", Detail: detail, Err: cause}
}
