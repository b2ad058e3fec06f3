package agent

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"

	"google.golang.org/grpc/credentials"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// listenSocket opens the socket on which people at the site reach the agent.
// Only the agent's account may use it. A socket that is left from an earlier
// run is replaced: the consent store's lock says that there is no other agent.
func listenSocket(path string) (net.Listener, error) {
	fail := func(err error) error {
		return &care.Error{Kind: care.Internal, Op: "agent", Reason: "SOCKET",
			Detail: "the local socket " + path + " cannot be opened; check the state folder (a path over 100 bytes is too long)", Err: err}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fail(err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fail(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fail(err), listener.Close())
	}
	return listener, nil
}

// siteCredentials know who is at the other end of the local socket. There is
// nothing to encrypt: the socket does not leave the machine.
type siteCredentials struct{}

// account is the account of the operating system that a local call comes from.
type account struct {
	credentials.CommonAuthInfo
	name string
}

// AuthType returns the account, for the journal.
func (a account) AuthType() string { return a.name }

// ServerHandshake asks the operating system for the caller's account.
func (siteCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return conn, account{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, accountOf(conn)}, nil
}

// ClientHandshake is not for this side.
func (siteCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("agent: the local socket is served, not called")
}

// Info says what kind of credentials these are.
func (siteCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "local"}
}

// Clone returns the credentials themselves: they have no state.
func (s siteCredentials) Clone() credentials.TransportCredentials { return s }

// OverrideServerName has no meaning here.
func (siteCredentials) OverrideServerName(string) error { return nil }
