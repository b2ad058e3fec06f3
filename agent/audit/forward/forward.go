package forward

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// The kinds of receiver.
const (
	Syslog = "syslog" // RFC 5424 messages over TLS, RFC 5425
	OTLP   = "otlp"   // OpenTelemetry logs over gRPC and TLS
)

// Receiver is one place that copies of entries go to.
type Receiver struct {
	Name    string // lower-case letters, digits and "-"; names the file that keeps its position
	Kind    string // Syslog or OTLP
	Address string // host and port

	// TLS holds the roots, and the agent's certificate if the receiver wants
	// one; nil means the system's roots. The host of Address is the name that
	// is expected unless ServerName is set. At least TLS 1.2 is used: many
	// receivers have no 1.3, and RFC 9662 section 5 still asks syslog for 1.2.
	TLS *tls.Config

	// Identifiers says whether NHS numbers, document ids, typed reasons and
	// what a patient decided are sent too.
	Identifiers bool
}

// Site says whose entries they are.
type Site struct {
	Instance string // the site, such as its ODS code; never a person or machine
	Version  string // of the agent
}

// Settings are what a Forwarder works with.
type Settings struct {
	Folder    string     // of the journal
	Archive   string     // of its archived segments; may be empty
	State     string     // folder that keeps the positions, in files "forward-<name>"
	Box       *audit.Box // opens what names a patient; needed for Identifiers only
	Receivers []Receiver
	Site      Site
	Log       hclog.Logger // nil means no log

	// OnConnection, when set, is told when a connection was opened; when one
	// was lost or closed; and of the first of a series of failed attempts. It
	// is called from one goroutine per receiver and must not block.
	OnConnection func(receiver, peer string, opened bool, err error)

	pace pace // zero means usualPace
}

// Forwarder sends copies of entries to all receivers. Its methods may be called
// from many goroutines, Run once.
type Forwarder struct{ workers []*worker }

// Status is how it goes with one receiver.
type Status struct {
	Name        string
	Connected   bool
	Since       time.Time // when Connected last changed
	Position    uint64    // number of the last entry delivered
	Behind      uint64    // entries on disk that are not delivered yet
	Dropped     Dropped   // entries that never will be
	Rejected    uint64    // entries that the receiver did not take
	LastError   error     // what last went wrong, for ever; nil if nothing did
	LastErrorAt time.Time
}

// Dropped tells of entries that could not be sent: they were pruned before they
// were delivered, or cannot be read.
type Dropped struct {
	Count    uint64 // all of them
	From, To uint64 // the latest span, both included
}

var goodName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// New returns a Forwarder. It fails with care.BadRequest if a receiver's
// settings cannot be used. It reads and connects nothing yet.
func New(s Settings) (*Forwarder, error) {
	if s.Log == nil {
		s.Log = hclog.NewNullLogger()
	}
	if s.OnConnection == nil {
		s.OnConnection = func(string, string, bool, error) {}
	}
	s.pace = cmp.Or(s.pace, usualPace)
	f := &Forwarder{}
	seen := map[string]bool{}
	for _, r := range s.Receivers {
		host, _, err := net.SplitHostPort(r.Address)
		switch {
		case !goodName.MatchString(r.Name) || seen[r.Name]:
			return nil, unusable("a receiver has no name of lower-case letters, digits and \"-\" of its own")
		case err != nil || host == "":
			return nil, unusable("receiver " + r.Name + " has no address of a host and port")
		case r.Kind != Syslog && r.Kind != OTLP:
			return nil, unusable("receiver " + r.Name + " is neither syslog nor otlp")
		case r.Identifiers && s.Box == nil:
			return nil, unusable("receiver " + r.Name + " is to have identifiers, and the key to them is not there")
		}
		seen[r.Name] = true
		r.TLS = clientTLS(r.TLS, host)
		f.workers = append(f.workers, newWorker(&s, r))
	}
	return f, nil
}

// Run forwards until ctx ends. It fails only if it cannot begin: a receiver's
// failure is in the status and the log, and is tried again for ever.
func (f *Forwarder) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for _, w := range f.workers {
		if err := w.load(); err != nil {
			return err
		}
	}
	for _, w := range f.workers {
		all.Go(func() { w.run(ctx) })
	}
	return nil
}

// Status returns how it goes with each receiver, in the order of the settings.
func (f *Forwarder) Status() []Status {
	all := make([]Status, len(f.workers))
	for i, w := range f.workers {
		all[i] = w.picture()
	}
	return all
}

func unusable(detail string) error {
	return &care.Error{Kind: care.BadRequest, Op: "forward.New", Reason: "RECEIVER", Detail: detail}
}
