package agent

import (
	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/gate"
	"github.com/mycarerecord/edge-agent/agent/identity"
	"github.com/mycarerecord/edge-agent/agent/link"
	"github.com/mycarerecord/edge-agent/agent/policy"
	"github.com/mycarerecord/edge-agent/agent/records"
)

// This file says how agent.yaml becomes the settings of each part.

func (a *Agent) newGate() *gate.Gate {
	var sources []records.Source
	for _, s := range a.sources {
		sources = append(sources, records.Source{Connector: s.connector, Sections: s.configured.Sections})
	}
	l := a.site.Limits
	limits := records.DefaultLimits()
	limits.Stall, limits.Rows = l.SourceTimeout, l.RowsPerSection
	limits.Bytes, limits.Document = int64(l.BytesPerAnswer), int64(l.DocumentBytes)
	ceiling := ceilingOf(a.site)
	return &gate.Gate{
		Policy:       &ceiling,
		Budget:       a.budget,
		Consent:      a.consent,
		Journal:      a.journal,
		Records:      records.NewReader(sources, limits, withholdOf(a.site)),
		ConfigHash:   a.site.Fingerprint(),
		Timeout:      l.RequestTimeout,
		DocumentSize: int64(l.DocumentBytes),
	}
}

func (a *Agent) settings() broker.Settings {
	o, l := a.site.Organisation, a.site.Limits
	return broker.Settings{
		SiteCode: o.ODSCode, SiteName: o.Name,
		Gate:      func() broker.Gate { return a.gate },
		Consent:   desk{a},
		Operation: a,
		Audit:     auditDesk{a},
		Door:      a.door,
		Health:    a.health,
		Calls:     l.ConcurrentRequests, PerMinute: l.RequestsPerMinute, Documents: l.ConcurrentDocuments,
	}
}

func ceilingOf(site *config.Site) policy.Ceiling {
	s := site.Sharing
	c := policy.Ceiling{Enabled: s.Enabled, Organisations: anyOf(s.Organisations), Purposes: s.Purposes,
		Sections: s.Sections, TestSite: site.Organisation.TestSite}
	for _, r := range s.Rules {
		rule := policy.Rule{Roles: anyOf(r.Roles), Organisations: anyOf(r.Organisations), Purposes: r.Purposes, Sections: r.Sections}
		if r.Organisations.IsZero() {
			rule.Organisations = c.Organisations
		}
		if len(r.Purposes) == 0 {
			rule.Purposes = c.Purposes
		}
		c.Rules = append(c.Rules, rule)
	}
	return c
}

func anyOf[T ~string](list config.AnyOf[T]) []string {
	if list.Any {
		return []string{policy.Any}
	}
	out := make([]string, 0, len(list.Of))
	for _, x := range list.Of {
		out = append(out, string(x))
	}
	return out
}

func withholdOf(site *config.Site) records.Withhold {
	var codings []care.Coding
	for _, w := range site.Sharing.Withhold {
		for _, code := range w.Codes {
			codings = append(codings, care.Coding{System: string(w.System), Code: code})
		}
	}
	return records.NewWithhold(codings...)
}

// filesOf returns the files of keys and certificates that a site names.
func filesOf(site *config.Site) identity.Files {
	i := site.Identity
	return identity.Files{Certificate: i.Certificate, Key: i.Key, BrokerRoots: i.BrokerRoots, Denied: i.Denied}
}

func peersOf(site *config.Site) ([]identity.Peer, error) {
	var peers []identity.Peer
	for _, b := range site.Brokers {
		p := identity.Peer{Name: b.Name, URI: b.URI, DNS: b.DNS, IssuerSHA256: b.IssuerSHA256, Organisations: b.Organisations}
		for _, name := range b.Roles {
			role, known := identity.ParseRole(string(name))
			if !known {
				return nil, &care.Error{Kind: care.Internal, Op: "agent", Reason: "ROLE", Detail: "agent.yaml allows a role that identity does not know"}
			}
			p.Roles |= role
		}
		peers = append(peers, p)
	}
	return peers, nil
}

func limitsOf(site *config.Site) link.Limits {
	l := link.DefaultLimits()
	l.Connections, l.ConnectionsPerAddress = site.Listen.MaxConnections, site.Listen.MaxConnectionsPerAddress
	return l
}
