package config

import (
	"encoding/base64"
	"encoding/hex"
	"net"
	"strings"
	"time"
)

// SiteKey says where the site's secret key is kept. At most one of the three is
// given; without any it is the file site.key in the state folder. What the key
// protects, and how to keep a sealed copy, is in site-key.md.
type SiteKey struct {
	// File of 32 bytes, such as one on another disk, that only the agent's
	// account may read.
	File string `yaml:"file"`

	// Name of a credential of systemd (LoadCredentialEncrypted= in the unit).
	SystemdCredential string `yaml:"systemd_credential"`

	// Windows only: file that holds the key, protected by Windows for the
	// agent's account.
	DPAPIFile string `yaml:"dpapi_file"`
}

// Journal says how long the journal is kept, who witnesses it and where copies
// of its entries go.
type Journal struct {
	// Verifier keys of those who may countersign the journal's heads, as
	// "mcrctl audit witness --show-key" prints them.
	Witnesses []string `yaml:"witnesses"`

	// Folder to which "mcr-agent audit archive" moves closed segments. Entries
	// there are searched and verified like the others.
	ArchiveFolder string `yaml:"archive_folder"`

	// The most that the journal may take up; after a failure of the disk 4 MiB
	// may come on top, so that the agent can still tell what happens. At that
	// size nothing is released until segments are archived. Without it the disk
	// is the limit.
	MaxSize Size `yaml:"max_size" range:"256MiB..1024GiB"`

	// For how many years entries are kept. Older whole segments are deleted,
	// which is itself an entry. Without it nothing is ever deleted; whether
	// anything is to be is for the controller of the records to decide.
	KeepYears int `yaml:"keep_years" range:"2..100"`

	// How often the whole journal is verified while the agent runs.
	VerifyEvery time.Duration `yaml:"verify_every" range:"1h..720h"`

	// Where copies of entries are sent while they are written. A receiver that
	// is slow or down never holds up a release.
	Forward []Forward `yaml:"forward"`
}

// Forward is one receiver of copies of entries.
type Forward struct {
	// Name in the status and the log: lower-case letters, digits and "-".
	Name string `yaml:"name,required"`

	// How entries are sent: syslog (RFC 5424 over TLS, RFC 5425) or otlp (logs
	// by OpenTelemetry's protocol over gRPC and TLS).
	Kind ForwardKind `yaml:"kind,required"`

	// Host and port of the receiver. The host is what its certificate must
	// name.
	Address string `yaml:"address,required"`

	// Root certificates that the receiver's certificate must lead to, as PEM.
	// Without it those of the operating system.
	Roots []string `yaml:"roots"`

	// The agent's certificate for this receiver, as PEM, if it wants one.
	Certificate string `yaml:"certificate"`

	// That certificate's private key, as PEM.
	Key string `yaml:"key"`

	// Whether NHS numbers, document ids and typed reasons are sent too. Without
	// it no copy names a patient.
	Identifiers bool `yaml:"identifiers"`
}

// ForwardKind is how entries are sent.
type ForwardKind string

// The ways.
const (
	Syslog ForwardKind = "syslog"
	OTLP   ForwardKind = "otlp"
)

// Values returns the ways.
func (ForwardKind) Values() []string { return []string{string(Syslog), string(OTLP)} }

func (k *SiteKey) validate(d *decoder) {
	checkFile(d, "$.site_key.file", k.File)
	checkFile(d, "$.site_key.dpapi_file", k.DPAPIFile)
	given := 0
	for _, place := range []string{k.File, k.SystemdCredential, k.DPAPIFile} {
		if place != "" {
			given++
		}
	}
	if given > 1 {
		d.report("$.site_key", "expected one of file, systemd_credential and dpapi_file")
	}
	if strings.ContainsAny(k.SystemdCredential, `/\`) {
		d.report("$.site_key.systemd_credential", quote(k.SystemdCredential)+" is not the name of a credential")
	}
}

func (j *Journal) validate(d *decoder) {
	checkFile(d, "$.journal.archive_folder", j.ArchiveFolder)
	seen := map[string]string{}
	for i, key := range j.Witnesses {
		path := index("$.journal.witnesses", i)
		checkUnique(d, seen, path, key)
		if !verifierKey(key) {
			d.report(path, quote(key)+" is not a verifier key, such as region.example/witness+0a1b2c3d+BAbc...")
		}
	}
	names := map[string]string{}
	for i := range j.Forward {
		path := index("$.journal.forward", i)
		checkUnique(d, names, path+".name", j.Forward[i].Name)
		j.Forward[i].validate(d, path)
	}
}

func (f *Forward) validate(d *decoder, path string) {
	checkName(d, path+".name", f.Name)
	checkFile(d, path+".certificate", f.Certificate)
	checkFile(d, path+".key", f.Key)
	for i, file := range f.Roots {
		checkFile(d, index(path+".roots", i), file)
	}
	if host, _, err := net.SplitHostPort(f.Address); err != nil || host == "" {
		d.report(path+".address", quote(f.Address)+" is not a host with a port, such as logs.example.nhs.uk:6514")
	}
	if (f.Certificate == "") != (f.Key == "") {
		d.report(path+".certificate", "certificate and key belong together: give both or neither", path+".key")
	}
}

// verifierKey reports whether text has the form of a verifier key (C2SP
// signed-note): name, key id and key, joined by "+".
func verifierKey(text string) bool {
	name, rest, _ := strings.Cut(text, "+")
	id, key, _ := strings.Cut(rest, "+")
	sum, err := hex.DecodeString(id)
	if err != nil || len(sum) != 4 || name == "" || strings.ContainsAny(name, " \t") {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(raw) == 33
}
