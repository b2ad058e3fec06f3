package identity

import (
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestRoles(t *testing.T) {
	all := RoleRecords | RoleConsent | RoleConfig | RoleAudit | RoleStatus | RoleSite
	if got, want := all.String(), "records,consent,config,audit,status,site"; got != want {
		t.Errorf("all roles are %q, want %q", got, want)
	}
	if got := Roles(0).String(); got != "" {
		t.Errorf("no roles are %q", got)
	}
	for name := range strings.SplitSeq("records,consent,config,audit,status", ",") {
		if role, ok := ParseRole(name); !ok || role.String() != name {
			t.Errorf("ParseRole(%q) = %v, %v", name, role, ok)
		}
	}
	for _, name := range []string{"site", "", "Records", "records,audit"} {
		if role, ok := ParseRole(name); ok || role != 0 {
			t.Errorf("ParseRole(%q) = %v, want a refusal", name, role)
		}
	}
	some := RoleRecords | RoleAudit
	if !some.Has(RoleAudit) || some.Has(RoleConsent) || some.Has(RoleAudit|RoleConsent) || some.Has(0) {
		t.Errorf("%v has the wrong members", some)
	}
}

func TestCheckPeers(t *testing.T) {
	issuer := strings.Repeat("0a", 32)
	peer := func(change func(p *Peer)) []Peer {
		p := brokerPeer()
		change(&p)
		return []Peer{p}
	}
	second := func(change func(p *Peer)) []Peer {
		p := brokerPeer()
		p.Name = "Second"
		change(&p)
		return []Peer{brokerPeer(), p}
	}
	for name, test := range map[string]struct {
		peers []Peer
		path  string // of the one fault; empty for none
	}{
		"none":                     {nil, ""},
		"sound":                    {peer(func(*Peer) {}), ""},
		"host":                     {peer(func(p *Peer) { p.URI, p.DNS = "", "broker.example.nhs.uk" }), ""},
		"issuer and organisations": {peer(func(p *Peer) { p.IssuerSHA256, p.Organisations = issuer, []care.ODSCode{"RWH"} }), ""},
		"no name":                  {peer(func(p *Peer) { p.Name = "" }), "[0].name"},
		"long name":                {peer(func(p *Peer) { p.Name = strings.Repeat("n", 129) }), "[0].name"},
		"neither":                  {peer(func(p *Peer) { p.URI = "" }), "[0].uri"},
		"both":                     {peer(func(p *Peer) { p.DNS = "a.example" }), "[0].uri"},
		"relative URI":             {peer(func(p *Peer) { p.URI = "broker" }), "[0].uri"},
		"URI with a user":          {peer(func(p *Peer) { p.URI = "https://user@example/" }), "[0].uri"},
		"URI not in normal form":   {peer(func(p *Peer) { p.URI = "URN:example:broker" }), "[0].uri"},
		"wildcard":                 {peer(func(p *Peer) { p.URI, p.DNS = "", "*.example" }), "[0].dns"},
		"capitals":                 {peer(func(p *Peer) { p.URI, p.DNS = "", "Broker.example" }), "[0].dns"},
		"empty label":              {peer(func(p *Peer) { p.URI, p.DNS = "", "broker..example" }), "[0].dns"},
		"issuer too short":         {peer(func(p *Peer) { p.IssuerSHA256 = issuer[:62] }), "[0].issuer_sha256"},
		"issuer in capitals":       {peer(func(p *Peer) { p.IssuerSHA256 = strings.ToUpper(issuer) }), "[0].issuer_sha256"},
		"no role":                  {peer(func(p *Peer) { p.Roles = 0 }), "[0].roles"},
		"role of the site":         {peer(func(p *Peer) { p.Roles |= RoleSite }), "[0].roles"},
		"empty organisations":      {peer(func(p *Peer) { p.Organisations = []care.ODSCode{} }), "[0].organisations"},
		"bad organisation":         {peer(func(p *Peer) { p.Organisations = []care.ODSCode{"RWH", "rwh"} }), "[0].organisations[1]"},
		"same name":                {second(func(p *Peer) { p.Name, p.URI = "Region", "urn:example:other" }), "[1].name"},
		"same certificate":         {second(func(*Peer) {}), "[1]"},
		"one issuer open":          {second(func(p *Peer) { p.IssuerSHA256 = issuer }), "[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := CheckPeers(test.peers)
			switch {
			case test.path == "" && len(got) != 0:
				t.Errorf("faults %v, want none", got)
			case test.path != "" && (len(got) != 1 || got[0].Path != test.path):
				t.Errorf("faults %v, want one at %s", got, test.path)
			}
		})
	}
}

func TestPeersWithDifferentIssuersDoNotOverlap(t *testing.T) {
	a, b := brokerPeer(), brokerPeer()
	a.IssuerSHA256, b.IssuerSHA256, b.Name = strings.Repeat("0a", 32), strings.Repeat("0b", 32), "Second"
	if got := CheckPeers([]Peer{a, b}); len(got) != 0 {
		t.Errorf("faults %v, want none", got)
	}
}

func TestMaySpeakFor(t *testing.T) {
	any, some := Caller{}, Caller{Peer: Peer{Organisations: []care.ODSCode{"RWH"}}}
	if !any.MaySpeakFor("RC9") || !some.MaySpeakFor("RWH") || some.MaySpeakFor("RC9") || some.MaySpeakFor("") {
		t.Error("organisations are judged wrongly")
	}
}
