package forward

import (
	"bytes"
	"encoding/base64"
	"net"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// canaryEvents put what names a patient wherever it can come to stand: where it
// belongs, and in every text that a caller or a person chooses.
func canaryEvents() []care.Event {
	careless := request("req " + canaryNumber)
	careless.TraceParent = "00-" + canaryNumber
	careless.Broker.Software = "broker for " + canaryNumber
	careless.Requester.UserName, careless.Requester.RoleName = "Dr "+canaryNumber, "999 000 0042"
	careless.Requester.OrganisationName = "999-000-0042"
	directive := &care.Directive{NHSNumber: careless.Subject.NHSNumber, Kind: care.Restriction, Authority: care.Site, By: "directive-canary"}
	return []care.Event{
		refusal(1), {Kind: care.ReleaseDecided, Request: careless, Alert: true},
		{Kind: care.ReleaseEnded, Request: request("r"), Outcomes: []care.Outcome{{Section: care.Allergies, Details: []string{"remark-canary"}}}},
		{Kind: care.ConsentChanged, Directive: directive, Actor: "file-" + canaryNumber + ".csv"},
		{Kind: care.JournalSearched, Query: "who saw " + canaryNumber, Detail: "999-000-0042", Request: request("s")},
	}
}

// No byte that a receiver gets names a patient; with Identifiers, they do.
func TestNoIdentifierLeaves(t *testing.T) {
	for _, identifiers := range []bool{false, true} {
		j := newJournal(t)
		for _, e := range canaryEvents() {
			if err := j.Append(e).Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		j.close(t)
		everything := received(t, j, identifiers)
		secrets := []string{canaryNumber, canaryDocument, canaryReason, "999 000 0042", "999-000-0042", "directive-canary", "RESTRICTION"}
		for _, secret := range secrets {
			if bytes.Contains(everything, []byte(secret)) != identifiers {
				t.Errorf("with identifiers %t, %q: %t", identifiers, secret, !identifiers)
			}
		}
		never := []string{"remark-canary", "Canary"}
		for line := range audit.Read(j.folder, 1, 0) {
			if len(line.Patient.Box) > 0 {
				never = append(never, base64.StdEncoding.EncodeToString(line.Patient.Box), string(line.Patient.Box), line.Patient.Key)
			}
		}
		for _, secret := range never {
			if bytes.Contains(everything, []byte(secret)) {
				t.Errorf("with identifiers %t, %q left", identifiers, secret)
			}
		}
		for _, needed := range []string{"Test Surgery", "E82001", "O'Neil", "555000111222", "R0260"} {
			if !bytes.Contains(everything, []byte(needed)) {
				t.Errorf("%s does not leave", needed)
			}
		}
	}
}

// received returns every byte that both kinds of receiver got of a journal.
func received(t *testing.T, j *journal, identifiers bool) []byte {
	t.Helper()
	var mu sync.Mutex
	var all []byte
	plain := serve(t, nil, func(conn net.Conn) {
		for buf := make([]byte, 4096); ; {
			n, err := conn.Read(buf)
			mu.Lock()
			all = append(all, buf[:n]...)
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	otlp := newCollector(t, nil)
	first, second := plain.receiver(Syslog), otlp.receiver
	second.Name = "second"
	first.Identifiers, second.Identifiers = identifiers, identifiers
	s := j.settings(first, second)
	if !identifiers {
		s.Box = nil // what is not needed is not even there
	}
	r := run(t, s)
	r.until(t, "delivered", func(s Status) bool { return s.Position > 0 && s.Behind == 0 })
	for r.Status()[1].Behind > 0 {
		r.until(t, "delivered", func(Status) bool { return r.Status()[1].Behind == 0 })
	}
	r.stop()
	plain.end()
	for _, logs := range otlp.got {
		all = append(all, must(proto.Marshal(logs))...)
	}
	return all
}
