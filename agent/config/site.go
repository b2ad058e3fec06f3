package config

import (
	"runtime"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

//go:generate go test -run ^TestReference$ -update .

// Site is what agent.yaml says, checked and complete. It is not changed after
// it was read, so many goroutines may use it. The comments of its fields are
// the text of packaging/doc/agent-yaml.md.
type Site struct {
	// Who the site is.
	Organisation Organisation `yaml:"site,required"`

	// Absolute path of the folder for the journal, the consent store and
	// everything else the agent writes.
	StateFolder string `yaml:"state_folder"`

	// Where brokers connect to.
	Listen Listen `yaml:"listen,required"`

	// The files by which the agent proves who it is and knows who calls. A
	// path is absolute or lies in the folder of agent.yaml.
	Identity Identity `yaml:"identity,required"`

	// The systems that may call. Every other caller is refused, whatever its
	// certificate.
	Brokers []Broker `yaml:"brokers"`

	// How a patient's choice is applied.
	Consent Consent `yaml:"consent,required"`

	// The ceiling: the most that may ever leave. Everything is off until it is
	// listed here, and nothing that comes from the centre can widen it.
	Sharing Sharing `yaml:"sharing"`

	// Budgets that keep one caller, one answer or one slow source from
	// stopping the rest.
	Limits Limits `yaml:"limits"`

	// The systems that records are read from.
	Sources []Source `yaml:"sources,required"`

	// Where the site's secret key is kept.
	SiteKey SiteKey `yaml:"site_key"`

	// The journal of who looked at which record.
	Journal Journal `yaml:"journal"`

	// How the site's privacy officer is told of alerts.
	Alerts Alerts `yaml:"alerts"`

	// The agent's own log. It is written as JSON and never holds patient data.
	Log Log `yaml:"log"`

	fingerprint string
	doc         *document        // the file, to show lines of
	places      map[string]place // by path: where each value stands
}

// Organisation says who the site is.
type Organisation struct {
	// ODS code of the organisation that is responsible for the records.
	ODSCode care.ODSCode `yaml:"ods_code,required"`

	// Name as shown to those who read the records.
	Name string `yaml:"name,required"`

	// What kind of organisation it is.
	Kind OrganisationKind `yaml:"kind,required"`

	// Whether this is a test site. Only a test site accepts NHS numbers from
	// 999 000 0000, which are never issued to a person.
	TestSite bool `yaml:"test_site"`
}

// OrganisationKind is a kind of organisation that holds care records.
type OrganisationKind string

// Values returns the kinds.
func (OrganisationKind) Values() []string {
	return []string{"gp-practice", "extended-hours", "out-of-hours", "nhs-111", "ambulance", "pharmacy",
		"mental-health-trust", "community-trust", "hospital", "council", "care-provider"}
}

// Listen says where brokers connect to.
type Listen struct {
	// IP address and port, such as 10.1.2.3:8443; :8443 means every address of
	// the machine.
	Address string `yaml:"address,required"`

	// Connections held at once; further ones are closed at once.
	MaxConnections int `yaml:"max_connections" range:"1..10000"`

	// Connections held at once from one IP address.
	MaxConnectionsPerAddress int `yaml:"max_connections_per_address" range:"1..10000"`
}

// Identity names the files of keys and certificates. They are not read here.
type Identity struct {
	// The agent's certificate with its chain, as PEM.
	Certificate string `yaml:"certificate,required"`

	// The certificate's private key, as PEM. Only the agent's account may be
	// able to read the file.
	Key string `yaml:"key,required"`

	// Root certificates that a broker's certificate must lead to, as PEM.
	BrokerRoots []string `yaml:"broker_roots,required"`

	// File of certificates that are refused whatever signed them.
	Denied string `yaml:"denied"`
}

// Broker is a system that may call. Its certificate must hold the given name.
type Broker struct {
	// Name in the journal and the log: lower-case letters, digits and "-".
	Name string `yaml:"name,required"`

	// URI in the broker's certificate (subject alternative name). Exactly one
	// of uri and dns is given.
	URI string `yaml:"uri"`

	// DNS name in the broker's certificate (subject alternative name), in
	// lower case, without wildcard.
	DNS string `yaml:"dns"`

	// SHA-256 of the certificate that must have issued the broker's, 64
	// hexadecimal digits. Without it any issuer under broker_roots will do.
	IssuerSHA256 string `yaml:"issuer_sha256"`

	// What the broker may do.
	Roles []Role `yaml:"roles,required"`

	// ODS codes of the organisations that the broker may speak for. Without it
	// the broker may speak for any.
	Organisations []care.ODSCode `yaml:"organisations"`
}

// Role is one thing that a broker may do: read records, push consent, push
// configuration, read the journal, or ask how the agent is.
type Role string

// Values returns the roles.
func (Role) Values() []string { return []string{"records", "consent", "config", "audit", "status"} }

// Sharing is the ceiling.
type Sharing struct {
	// Whether anything is shared at all.
	Enabled bool `yaml:"enabled"`

	// Sections that may leave, or ALL.
	Sections care.SectionSet `yaml:"sections"`

	// Purposes for which a record may be asked: TREAT (direct care), ETREAT (in
	// an emergency) and BTG (break-glass: seen without asking, with a reason,
	// alerted).
	Purposes []care.Purpose `yaml:"purposes"`

	// ODS codes of the organisations whose staff may ask, or ANY.
	Organisations AnyOf[care.ODSCode] `yaml:"organisations"`

	// Who may have which sections, within the ceiling. A request is allowed
	// what the rules that fit it allow together. Without rules the ceiling
	// itself is the rule.
	Rules []Rule `yaml:"rules"`

	// Codes that make a record too sensitive to leave. Records with such a
	// code, and those linked to them, are withheld in every section.
	Withhold []Withhold `yaml:"withhold"`
}

// Rule allows some sections to some of those whom the ceiling allows to ask.
type Rule struct {
	// Role codes, such as R0260 or S0030:G0100:R0570, or ANY.
	Roles AnyOf[RoleCode] `yaml:"roles,required"`

	// ODS codes, or ANY, which means all those of the ceiling. Without it: the
	// same.
	Organisations AnyOf[care.ODSCode] `yaml:"organisations"`

	// Purposes. Without it: those of the ceiling.
	Purposes []care.Purpose `yaml:"purposes"`

	// Sections, or ALL, which means all those of the ceiling.
	Sections care.SectionSet `yaml:"sections,required"`
}

// narrow puts the ceiling in the place of what a rule leaves out and of ANY
// and ALL, so that a rule, too, never says more than may leave.
func (r *Rule) narrow(ceiling *Sharing) {
	if r.Organisations.Any || r.Organisations.Of == nil {
		r.Organisations = ceiling.Organisations
	}
	if r.Purposes == nil {
		r.Purposes = ceiling.Purposes
	}
	if r.Sections == care.AllSections {
		r.Sections = ceiling.Sections
	}
}

// Withhold is a named list of codes that must not leave.
type Withhold struct {
	// What the codes are about, for those who read this file.
	Name string `yaml:"name,required"`

	// Code system: its URI, or SNOMED, READ2 or CTV3.
	System CodeSystem `yaml:"system,required"`

	// The codes, as texts.
	Codes []string `yaml:"codes,required"`
}

// Limits are budgets.
type Limits struct {
	// Requests served at once.
	ConcurrentRequests int `yaml:"concurrent_requests" range:"1..4096"`

	// Requests of one broker in a minute.
	RequestsPerMinute int `yaml:"requests_per_minute" range:"1..10000000"`

	// How long one request may take, from its receipt to the last byte.
	RequestTimeout time.Duration `yaml:"request_timeout" range:"1s..5m"`

	// How long one source may take to answer; not longer than
	// request_timeout. What is late is reported as unavailable.
	SourceTimeout time.Duration `yaml:"source_timeout" range:"100ms..5m"`

	// Rows read from one source for one section. What is beyond is reported as
	// truncated.
	RowsPerSection int `yaml:"rows_per_section" range:"1..1000000"`

	// Size of one answer.
	BytesPerAnswer Size `yaml:"bytes_per_answer" range:"1MiB..4GiB"`

	// Size of one document.
	DocumentBytes Size `yaml:"document_bytes" range:"1MiB..1GiB"`

	// Documents sent at once.
	ConcurrentDocuments int `yaml:"concurrent_documents" range:"1..256"`

	// How many different patients may be asked about in an hour before the
	// agent slows down, stops and alerts. What is not given, here and in the
	// next three, depends on the kind of organisation; see budgets.md.
	PatientsPerHour PerHour `yaml:"patients_per_hour"`

	// How many answers in an hour may be that there is no such patient, or that
	// the demographics are wrong.
	NotFoundPerHour PerHour `yaml:"not_found_per_hour"`

	// How many of a hundred patients asked about may be such; 100 switches this
	// off.
	NotFoundPercent Percent `yaml:"not_found_percent"`

	// How many different patients may be asked about in an hour whose NHS
	// numbers follow one another.
	NeighboursPerHour PerHour `yaml:"neighbours_per_hour"`
}

// Log says what the agent writes to its own log.
type Log struct {
	// The least important messages that are written.
	Level LogLevel `yaml:"level"`
}

// LogLevel is the importance of a message.
type LogLevel string

// Values returns the levels, the least important first.
func (LogLevel) Values() []string { return []string{"trace", "debug", "info", "warn", "error"} }

// defaults returns what holds where the file says nothing.
func defaults() *Site {
	return &Site{
		StateFolder: defaultStateFolder(runtime.GOOS),
		Listen:      Listen{MaxConnections: 64, MaxConnectionsPerAddress: 16},
		Consent:     Consent{MaxAge: 24 * time.Hour},
		Limits: Limits{
			ConcurrentRequests:  64,
			RequestsPerMinute:   600,
			RequestTimeout:      30 * time.Second,
			SourceTimeout:       10 * time.Second,
			RowsPerSection:      20_000,
			BytesPerAnswer:      256 * MiB,
			DocumentBytes:       100 * MiB,
			ConcurrentDocuments: 8,
		},
		Journal: Journal{VerifyEvery: 24 * time.Hour},
		Log:     Log{Level: "info"},
	}
}

// defaultStateFolder does not ask the environment, which anyone who may start
// the service could set.
func defaultStateFolder(goos string) string {
	if goos == "windows" {
		return `C:\ProgramData\mcr-agent`
	}
	return "/var/lib/mcr-agent"
}
