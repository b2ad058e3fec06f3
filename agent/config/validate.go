package config

import (
	"encoding/hex"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// validate reports what does not fit together, after every value was read.
func (s *Site) validate(d *decoder) {
	if !filepath.IsAbs(s.StateFolder) {
		d.report("$.state_folder", quote(s.StateFolder)+" is not an absolute path")
	}
	s.Listen.validate(d)
	s.Identity.validate(d)
	s.validateBrokers(d)
	s.Consent.validate(d)
	s.Alerts.validate(d)
	s.Sharing.validate(d)
	if s.Limits.SourceTimeout > s.Limits.RequestTimeout {
		d.report("$.limits.source_timeout", "source_timeout is longer than request_timeout ("+s.Limits.RequestTimeout.String()+")", "$.limits.request_timeout")
	}
	s.validateSources(d)
	s.SiteKey.validate(d)
	s.Journal.validate(d)
}

func (l *Listen) validate(d *decoder) {
	const path = "$.listen.address"
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		d.report(path, quote(l.Address)+" is not an address with a port, such as 10.1.2.3:8443 or :8443")
		return
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		d.report(path, quote(host)+" is not an IP address; leave it out to listen on every address of the machine")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		d.report(path, quote(port)+" is not a port; expected 1 to 65535")
	}
	if l.MaxConnectionsPerAddress > l.MaxConnections {
		d.report("$.listen.max_connections_per_address", "max_connections_per_address is larger than max_connections ("+
			strconv.Itoa(l.MaxConnections)+")", "$.listen.max_connections")
	}
}

// validate checks the paths only: whether the files are there and usable is
// for those who open them.
func (i *Identity) validate(d *decoder) {
	checkFile(d, "$.identity.certificate", i.Certificate)
	checkFile(d, "$.identity.key", i.Key)
	checkFile(d, "$.identity.denied", i.Denied)
	for n, file := range i.BrokerRoots {
		checkFile(d, index("$.identity.broker_roots", n), file)
	}
}

// checkFile runs after relative paths were resolved, so what is not absolute
// by now would leave the folder of agent.yaml.
func checkFile(d *decoder, path, file string) {
	if _, written := d.places[path]; written && !filepath.IsAbs(file) {
		d.report(path, quote(file)+" is neither an absolute path nor one inside the folder of this file")
	}
}

func (s *Site) validateBrokers(d *decoder) {
	names, subjects := map[string]string{}, map[string]string{}
	for i := range s.Brokers {
		b, path := &s.Brokers[i], index("$.brokers", i)
		checkName(d, path+".name", b.Name)
		checkUnique(d, names, path+".name", b.Name)
		if (b.URI == "") == (b.DNS == "") {
			d.report(path+".uri", "expected exactly one of uri and dns: the name in the broker's certificate", path+".dns")
		}
		if b.URI != "" && !absoluteURI(b.URI) {
			d.report(path+".uri", quote(b.URI)+" is not a URI as certificates have it, such as spiffe://region.example/broker")
		}
		if b.DNS != "" && !dnsName(b.DNS) {
			d.report(path+".dns", quote(b.DNS)+" is not a DNS name; expected lower case and no wildcard")
		}
		checkUnique(d, subjects, path+".uri", b.URI)
		checkUnique(d, subjects, path+".dns", b.DNS)
		b.IssuerSHA256 = strings.ToLower(b.IssuerSHA256)
		if sum, err := hex.DecodeString(b.IssuerSHA256); b.IssuerSHA256 != "" && (err != nil || len(sum) != 32) {
			d.report(path+".issuer_sha256", quote(b.IssuerSHA256)+" is not a SHA-256; expected 64 hexadecimal digits without colons")
		}
	}
}

// checkName holds names to what can be a metric's label, a file's name and a
// word in a sentence.
func checkName(d *decoder, path, name string) {
	const longest = 40
	bad := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	if len(name) > longest || strings.ContainsFunc(name, bad) {
		d.report(path, quote(name)+" is not a name; expected up to 40 lower-case letters, digits and \"-\"")
	}
}

// checkUnique reports a value that was seen before; the empty one is not.
func checkUnique(d *decoder, seen map[string]string, path, value string) {
	if first, double := seen[value]; double && value != "" {
		d.report(path, quote(value)+" is also the value of "+first)
		return
	}
	seen[value] = path
}

// dnsName reports whether name is a host name in lower case (RFC 1123).
func dnsName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		bad := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, bad) {
			return false
		}
	}
	return true
}

func (s *Sharing) validate(d *decoder) {
	for _, part := range []struct {
		name  string
		empty bool
	}{
		{"sections", s.Sections == 0},
		{"purposes", len(s.Purposes) == 0},
		{"organisations", s.Organisations.IsZero()},
	} {
		if s.Enabled && part.empty {
			d.report("$.sharing."+part.name, "sharing is enabled but no "+part.name+" are listed, so nothing could ever leave")
		}
	}
	for i := range s.Rules {
		s.Rules[i].validate(d, s, index("$.sharing.rules", i))
	}
	for i, w := range s.Withhold {
		w.validate(d, index("$.sharing.withhold", i))
	}
}

// validate checks that a rule does not promise what the ceiling forbids.
func (r *Rule) validate(d *decoder, ceiling *Sharing, path string) {
	if beyond := r.Sections &^ ceiling.Sections; beyond != 0 {
		d.report(path+".sections", beyond.String()+" is not in sharing.sections, the most that may leave", "$.sharing.sections")
	}
	for _, p := range r.Purposes {
		if !slices.Contains(ceiling.Purposes, p) && p.Valid() {
			d.report(path+".purposes", p.String()+" is not in sharing.purposes, the most that is allowed", "$.sharing.purposes")
		}
	}
	if !ceiling.Organisations.covers(r.Organisations) {
		d.report(path+".organisations", "an organisation is not in sharing.organisations, the most that are allowed", "$.sharing.organisations")
	}
}

// validate checks that the codes can occur at all: one that cannot would hide
// nothing.
func (w *Withhold) validate(d *decoder, path string) {
	for i, code := range w.Codes {
		switch {
		case code == "" || strings.TrimSpace(code) != code:
			d.report(index(path+".codes", i), quote(code)+" is not a code")
		case w.System == SNOMED && !care.ValidSNOMED(code):
			d.report(index(path+".codes", i), quote(code)+" is not the identifier of a SNOMED CT concept; expected 6 to 18 digits, of which the last is the check digit")
		}
	}
}

func (s *Site) validateSources(d *decoder) {
	names := map[string]string{}
	for i := range s.Sources {
		source, path := &s.Sources[i], index("$.sources", i)
		checkName(d, path+".name", source.Name)
		checkUnique(d, names, path+".name", source.Name)
		source.validateConsent(d, path)
		if source.Origin.OrganisationName == "" && source.Origin.Organisation != s.Organisation.ODSCode {
			d.report(path+".organisation_name", "organisation_name is missing: the records are those of another organisation than the site", "$.site.ods_code")
		}
	}
}
