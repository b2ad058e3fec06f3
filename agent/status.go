package agent

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
)

// Status tells how the agent and everything it depends on are.
func (a *Agent) Status() broker.Status {
	journal, keeper := a.journal.Status(), a.keeper.Status()
	s := broker.Status{
		SiteCode: a.site.Organisation.ODSCode, SiteName: a.site.Organisation.Name,
		Version: a.version, Started: a.started, ConfigHash: a.site.Fingerprint(), Ceiling: a.site.Sharing.Sections,
		Journal: care.Position{Sequence: journal.Entries, Leaf: journal.LastLeaf}, NotAfter: keeper.NotAfter,
	}
	for _, why := range a.blocked() {
		s.Attention = append(s.Attention, "Nothing is released: "+why)
	}
	s.Releasing = len(s.Attention) == 0
	if journal.Err != nil {
		s.JournalDown = care.Plain(journal.Err)
	}
	if a.unsound.Load() {
		s.Attention = append(s.Attention, "The journal is not as it was written: see mcr-agent audit verify.")
	}
	for _, src := range a.sources {
		st := src.lastStatus()
		s.Sources = append(s.Sources, st)
		if !st.Readable && !st.Checked.IsZero() {
			s.Attention = append(s.Attention, fmt.Sprintf("Source %s cannot be read: %s", st.Name, st.Detail))
		}
		if st.Writable {
			s.Attention = append(s.Attention, fmt.Sprintf("Source %s has a login that can write (allow_writable_login).", st.Name))
		}
	}
	s.Attention = append(s.Attention, a.choicesAttention()...)
	s.Attention = append(s.Attention, a.forwardAttention()...)
	s.Attention = append(s.Attention, certificateAttention(keeper)...)
	return s
}

// blocked says why nothing is released at present.
func (a *Agent) blocked() (why []string) {
	if !a.site.Sharing.Enabled {
		why = append(why, "sharing is switched off in agent.yaml (sharing.enabled)")
	}
	if err := a.journal.Status().Err; err != nil {
		why = append(why, "the journal cannot be written: "+care.Plain(err))
	}
	if flags := a.consent.Status(); flags.Doubt != "" {
		why = append(why, "the consent flags cannot be relied on ("+flags.Doubt+"); see mcr-agent consent stats")
	}
	if !slices.ContainsFunc(a.sources, func(s *source) bool { return s.lastStatus().Readable }) {
		why = append(why, "no source can be read")
	}
	return why
}

// certificateAttention warns of a certificate's end in good time: a new one
// takes people and days.
func certificateAttention(keeper identity.Status) (attention []string) {
	if keeper.LastError != nil {
		attention = append(attention, "The newest certificate files are not in use: "+detailOf(keeper.LastError))
	}
	switch days := int(time.Until(keeper.NotAfter).Hours() / 24); {
	case days < 1:
		attention = append(attention, "The agent's certificate ends within a day, or has ended; have it renewed.")
	case days < 90:
		attention = append(attention, fmt.Sprintf("The agent's certificate ends in %s; have it renewed.", care.Count(days, "day")))
	}
	return attention
}

// healthChanged makes the answer of the gRPC health check follow at once.
func (a *Agent) healthChanged() {
	select {
	case a.changed <- struct{}{}:
	default: // the news is on its way already
	}
}

// watchHealth keeps the answer of the gRPC health check current: every second,
// and at once when a source was found readable or not, or the consent store can
// be relied on or not.
func (a *Agent) watchHealth(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		state := grpc_health_v1.HealthCheckResponse_NOT_SERVING
		if len(a.blocked()) == 0 {
			state = grpc_health_v1.HealthCheckResponse_SERVING
		}
		a.health.SetServingStatus("", state)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-a.changed:
		}
	}
}

// identityChanged tells the log and the journal that certificate files changed.
func (a *Agent) identityChanged(before, now identity.Status) {
	e := a.event(care.CertificateChanged)
	switch {
	case now.LastError != nil:
		e.Refusal, e.Detail = care.KindOf(now.LastError), "new certificate files are faulty; the old ones stay in use: "+detailOf(now.LastError)
	case before.Fingerprint != now.Fingerprint:
		e.Detail = "the agent's certificate is now " + now.Fingerprint
	default:
		e.Detail = "the broker roots or the deny list changed"
	}
	a.journal.AppendLazily(e)
	a.log.Info("certificate files changed", "in_use", now.LastError == nil, "fingerprint", now.Fingerprint, "not_after", now.NotAfter)
}
