//go:build e2e

package hostile

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// smallWindow makes a client that takes 64 KiB of an answer and then no more
// until it has read them: the agent then waits in the middle of the answer.
var smallWindow = []grpc.DialOption{grpc.WithStaticStreamWindowSize(64 << 10), grpc.WithStaticConnWindowSize(64 << 10)}

// slowly asks for the large record and reads its first message only.
func slowly(t *testing.T, c *edge.Client) grpc.ServerStreamingClient[edgev1.GetRecordResponse] {
	t.Helper()
	stream, err := edgev1.NewRecordServiceClient(c.Conn()).GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(large())})
	must(t, err)
	_, err = stream.Recv()
	must(t, err)
	return stream
}

// rest reads what is left of an answer and returns how many records came and
// how it ended.
func rest(stream grpc.ServerStreamingClient[edgev1.GetRecordResponse]) (records int, closed bool, err error) {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return records, closed, nil
		}
		if err != nil {
			return records, closed, err
		}
		records += len(m.GetRecords())
		closed = closed || m.GetClosing() != nil
	}
}

// wantRefusal fails the test unless the agent refused with the code and reason.
func wantRefusal(t *testing.T, err error, kind care.Kind, reason string) {
	t.Helper()
	refusal, ok := edge.RefusalOf(err)
	if !ok || refusal.GetCode() != kind.String() || refusal.GetReason() != reason {
		t.Errorf("refused with %v (%s), want %v (%s)", err, refusal.GetReason(), kind, reason)
	}
}

// TestCertificateEndsWhileConnected holds a connection open past the end of its
// certificate. TLS never looks again; the agent must, at every call and at
// every message of an answer under way.
func TestCertificateEndsWhileConnected(t *testing.T) {
	s := largeSite(t)
	s.start(t)
	s.fill(t)
	ends := time.Now().Add(6 * time.Second).Truncate(time.Second)
	c := s.issue(t, throwaway.Leaf{Name: "broker", URI: recordsURI, Client: true, NotAfter: ends})
	client := s.dial(t, c)
	wholeRecord(t, client, large())
	stream := slowly(t, s.dial(t, c, smallWindow...))
	from := s.last(t) + 1
	<-time.After(time.Until(ends.Add(time.Second))) // a certificate is valid through its last second

	_, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(large())})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("a call after the end: %v", err)
	}
	wantRefusal(t, err, care.Unauthenticated, identity.ReasonExpired)
	s.journalled(t, badRequest{kind: care.Unauthenticated, reason: identity.ReasonExpired, entry: care.AccessRefused}, from, "")
	s.wantCutOff(t, stream, care.Unauthenticated, identity.ReasonExpired)
}

// wantCutOff reads the rest of an answer under way and wants it to have been
// stopped for the given reason, told to the caller and to the journal.
func (s *site) wantCutOff(t *testing.T, stream grpc.ServerStreamingClient[edgev1.GetRecordResponse], kind care.Kind, reason string) {
	t.Helper()
	records, closed, err := rest(stream)
	if err == nil || closed || records > largeRecords/2 {
		t.Errorf("%d of %d more records came after it should have stopped, closed %v", records, largeRecords, closed)
	}
	wantRefusal(t, err, kind, reason)
	s.ended(t, 1, kind, reason)
}

// ended returns the entry that says how a release ended.
func (s *site) ended(t *testing.T, from uint64, kind care.Kind, reason string) (found audit.Line) {
	t.Helper()
	eventually(t, fmt.Sprintf("an answer ended with %v (%s)", kind, reason), func() bool {
		for _, l := range s.journal(t, from) {
			if l.Kind == care.ReleaseEnded && l.Refusal == kind.String() && l.TrueReason == reason {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

// TestDenyListAddedWhileConnected puts a broker's certificate on the deny list
// while the broker is connected and in the middle of an answer.
func TestDenyListAddedWhileConnected(t *testing.T) {
	s := largeSite(t)
	s.start(t)
	s.fill(t)
	c := s.broker(t, recordsURI)
	client, stream := s.dial(t, c), slowly(t, s.dial(t, c, smallWindow...))
	wholeRecord(t, client, large())
	from := s.last(t) + 1
	s.write(t, "denied.txt", identity.Fingerprint(c.TLS.Leaf)+" # stolen\n")
	s.changed(t, from)

	_, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(large())})
	wantRefusal(t, err, care.Unauthenticated, identity.ReasonRevoked)
	s.journalled(t, badRequest{kind: care.Unauthenticated, reason: identity.ReasonRevoked, entry: care.AccessRefused}, from, "")
	s.wantCutOff(t, stream, care.Unauthenticated, identity.ReasonRevoked)
	if err := (&badCaller{alert: "bad certificate", config: s.region.ClientTLS(c, "localhost")}).refused(within(t), s.address); err != nil {
		t.Error(err)
	}
	wholeRecord(t, s.as(t, recordsURI), large()) // another certificate of the same broker
}

// changed waits until the journal says that certificate files changed.
func (s *site) changed(t *testing.T, from uint64) {
	t.Helper()
	eventually(t, "the journal tells of changed certificate files", func() bool {
		return slices.ContainsFunc(s.journal(t, from), func(l audit.Line) bool { return l.Kind == care.CertificateChanged })
	})
}

// TestCertificateRenewedWhileRunning replaces the agent's certificate under
// load: the next connection sees the new one, no call fails.
func TestCertificateRenewedWhileRunning(t *testing.T) {
	s := newSite(t)
	s.start(t)
	s.fill(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	old := s.shown(t)
	done := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if record, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(patient)}); err != nil || !record.Whole {
					t.Errorf("a call failed while the certificate was replaced: %v", err)
				}
			}
		}
	})
	renewed := identity.Fingerprint(s.renew(t).TLS.Leaf)
	eventually(t, "a new connection sees the new certificate", func() bool { return s.shown(t) == renewed })
	close(done)
	load.Wait()
	wholeRecord(t, s.as(t, recordsURI), patient)
	if old == renewed {
		t.Error("the certificate is the old one")
	}
}

// shown returns the fingerprint of the certificate that the agent shows.
func (s *site) shown(t *testing.T) string {
	t.Helper()
	conn, err := tls.Dial("tcp", s.address, s.region.ClientTLS(s.broker(t, officeURI), "localhost"))
	must(t, err)
	defer conn.Close()
	return identity.Fingerprint(conn.ConnectionState().PeerCertificates[0])
}

// TestFaultyRenewalKeepsTheOld writes a certificate without its key.
func TestFaultyRenewalKeepsTheOld(t *testing.T) {
	s := newSite(t)
	s.start(t)
	s.fill(t)
	old, from := s.shown(t), s.last(t)+1
	s.write(t, "agent.pem", string(s.issue(t, throwaway.Leaf{Name: "agent", DNS: []string{"localhost"}, Server: true}).CertPEM))
	s.changed(t, from)
	if s.shown(t) != old {
		t.Error("a certificate is in use whose key is not there")
	}
	reply, err := s.as(t, officeURI).Status(within(t))
	must(t, err)
	told := func(a string) bool { return strings.HasPrefix(a, "The newest certificate files are not in use") }
	if !reply.GetReleasing() || !slices.ContainsFunc(reply.GetAttention(), told) {
		t.Errorf("releasing %v, attention %q", reply.GetReleasing(), reply.GetAttention())
	}
}

// TestOptOutWhileStreaming records a dissent at the site's own command line
// while an answer is on its way: the answer stops, and the very next request
// is refused.
func TestOptOutWhileStreaming(t *testing.T) {
	s := largeSite(t)
	s.start(t)
	s.fill(t)
	stream := slowly(t, s.as(t, recordsURI, smallWindow...))
	client := s.as(t, recordsURI)
	wholeRecord(t, client, large())
	out, code := s.command(t, "consent", "set", "dissent", "--nhs-number", large().NHSNumber.Reveal())
	if code != 0 {
		t.Fatalf("the dissent was not taken, code %d: %s", code, out)
	}
	_, err := client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(large())})
	wantRefusal(t, err, care.NoPatientConsent, "DISSENT")
	s.wantCutOff(t, stream, care.NoPatientConsent, "DISSENT")
}
