//go:build e2e

package hostile

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"text/template"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// The brokers of every site: one asks for records, one does everything else.
const (
	recordsURI = "urn:mcr:test:records"
	officeURI  = "urn:mcr:test:office"
)

var siteYAML = template.Must(template.New("agent.yaml").Parse(`site:
  ods_code: Y99901
  name: "Northgate Surgery (fictional)"
  kind: gp-practice
  test_site: true
state_folder: '{{.State}}'
listen:
  address: "{{.Address}}"
  max_connections: 1000
  max_connections_per_address: 1000
identity:
  certificate: agent.pem
  key: agent.key
  broker_roots: [ca.pem]
  denied: denied.txt
brokers:
  - name: records-broker
    uri: ` + recordsURI + `
    roles: [records]
  - name: office-broker
    uri: ` + officeURI + `
    roles: [consent, audit, status, config]
consent:
  model: opt-out
  max_age: 24h
sharing:
  enabled: true
  sections: [ALL]
  purposes: [TREAT, ETREAT, BTG]
  organisations: [ANY]
limits:
  requests_per_minute: 10000000
  patients_per_hour: {user: 1000000, organisation: 1000000, broker: 10000000}
  not_found_per_hour: {user: 1000000, organisation: 1000000, broker: 10000000}
  not_found_percent: {user: 100, organisation: 100, broker: 100}
  neighbours_per_hour: {user: 1000000, organisation: 1000000, broker: 10000000}
sources:
{{.Sources}}`))

const memorySource = `  - name: clinical
    kind: memory
    settings: {practice: synthetic, patients: 300, seed: 1}
`

// site is one site's folder with its region's certificates.
type site struct {
	dir, config, state string
	address            string
	region             *throwaway.Region
	program            string // of a build of its own, or empty
	filled             bool   // the region has sent its flags, and vouches at every start
}

// newSite makes a site with the synthetic practice as its source.
func newSite(t testing.TB) *site { return siteWith(t, shortDir(t), memorySource) }

// siteWith makes a site that keeps its state in the given folder.
func siteWith(t testing.TB, state, sources string) *site {
	t.Helper()
	s := &site{dir: shortDir(t), state: filepath.Join(state, "state"), address: freeAddress(t)}
	s.config = filepath.Join(s.dir, "agent.yaml")
	var err error
	s.region, err = throwaway.New(time.Now())
	must(t, err)
	must(t, s.region.WriteRoot(filepath.Join(s.dir, "ca.pem")))
	s.renew(t)
	s.write(t, "denied.txt", "# nobody yet\n")
	file, err := os.OpenFile(s.config, os.O_CREATE|os.O_WRONLY, 0o600)
	must(t, err)
	must(t, siteYAML.Execute(file, map[string]string{"State": s.state, "Address": s.address, "Sources": sources}))
	must(t, file.Close())
	return s
}

// shortDir returns a folder with a short path: that of a socket must be.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mcr")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// freeAddress returns an address of this machine that is free now.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().String()
}

// write replaces a file of the site's folder as careful people do.
func (s *site) write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	must(t, os.WriteFile(path+".new", []byte(text), 0o600))
	must(t, os.Rename(path+".new", path))
}

// renew gives the agent a new certificate and key.
func (s *site) renew(t testing.TB) throwaway.Certificate {
	t.Helper()
	c := s.issue(t, throwaway.Leaf{Name: "agent", DNS: []string{"localhost"}, Server: true})
	_, _, err := c.WriteFiles(s.dir, "agent")
	must(t, err)
	return c
}

func (s *site) issue(t testing.TB, leaf throwaway.Leaf) throwaway.Certificate {
	t.Helper()
	c, err := s.region.Issue(leaf)
	must(t, err)
	return c
}

// broker issues a certificate for one of the configured brokers.
func (s *site) broker(t testing.TB, uri string) throwaway.Certificate {
	t.Helper()
	return s.issue(t, throwaway.Leaf{Name: "broker", URI: uri, Client: true})
}

// dial returns a client that shows the certificate.
func (s *site) dial(t testing.TB, c throwaway.Certificate, options ...grpc.DialOption) *edge.Client {
	t.Helper()
	secure := grpc.WithTransportCredentials(credentials.NewTLS(s.region.ClientTLS(c, "localhost")))
	conn, err := grpc.NewClient(s.address, append([]grpc.DialOption{secure}, options...)...)
	must(t, err)
	client := edge.NewClient(conn)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// as returns a client that is one of the configured brokers.
func (s *site) as(t testing.TB, uri string, options ...grpc.DialOption) *edge.Client {
	t.Helper()
	return s.dial(t, s.broker(t, uri), options...)
}

// fill gives the site the region's flags: one patient dissents, one is
// restricted.
func (s *site) fill(t testing.TB) {
	t.Helper()
	flags := map[memory.Role]care.DirectiveKind{memory.CastToDissent: care.Dissent, memory.CastToRestrict: care.Restriction}
	_, err := s.as(t, officeURI).PushSnapshot(t.Context(), edge.Push{AsOf: time.Now()},
		func(yield func(care.Directive, error) bool) {
			for role, kind := range flags {
				d := care.Directive{NHSNumber: member(t, role).NHSNumber, Kind: kind, Effective: time.Now().Add(-time.Hour), By: "region"}
				if !yield(d, nil) {
					return
				}
			}
		})
	must(t, err)
	s.filled = true
}

// journal returns the entries of the site's journal from a number on.
func (s *site) journal(t testing.TB, from uint64) []audit.Line {
	t.Helper()
	var lines []audit.Line
	for line, err := range audit.Read(s.journalFolder(), from, 0) {
		must(t, err)
		lines = append(lines, line)
	}
	return lines
}

func (s *site) journalFolder() string { return filepath.Join(s.state, "journal") }

// last returns the number of the last entry of the journal.
func (s *site) last(t testing.TB) uint64 {
	t.Helper()
	var last uint64
	for _, l := range s.journal(t, 1) {
		last = l.Sequence
	}
	return last
}

// member returns one of the cast of the practice. It is the same whatever the
// day.
func member(t testing.TB, role memory.Role) memory.Member {
	t.Helper()
	m, ok := memory.Synthetic(1, 300, time.Now()).Member(role)
	if !ok {
		t.Fatalf("the practice has no member %d", role)
	}
	return m
}

// asking is a request's context that the agent finds in order.
func asking(m memory.Member) *edgev1.Context {
	return &edgev1.Context{Software: "hostile 1",
		Requester: &edgev1.Requester{UserId: "quser-7", UserName: "Dr Qanary User", RoleCode: "R0260", RoleName: "Doctor",
			Organisation: "RWH", OrganisationName: "A hospital"},
		Purpose: edgev1.Purpose_PURPOSE_TREAT, Permission: edgev1.Permission_PERMISSION_ASKED,
		Subject: &edgev1.Subject{NhsNumber: m.NHSNumber.Reveal(), FamilyName: m.Family, GivenName: m.Given, BirthDate: m.BirthDate.String(), Gender: m.Gender}}
}

// wholeRecord asks for all of a patient's record and ends the test unless it comes whole.
func wholeRecord(t testing.TB, c *edge.Client, m memory.Member) *edge.Record {
	t.Helper()
	record, err := c.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(m)})
	if err != nil {
		t.Fatalf("a good request was refused: %v", err)
	}
	if !record.Whole || len(record.Sections) != care.AllSections.Len() {
		t.Fatalf("a good request was not answered whole: %v %v", record.Faults, record.Gaps)
	}
	return record
}

// within returns a context for one call. Its time is only there so that a hang
// fails.
func within(t testing.TB) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(stop)
	return ctx
}
