package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/consent/codes"
	"github.com/mycarerecord/edge-agent/agent/consent/inbox"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/lifecycle"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// This file puts together what the agent knows of patients' choices: the
// store, the sources and the folder that fill it, and the journal that it can
// be rebuilt from.

// ConsentPath returns the file of a site's consent store.
func ConsentPath(site *config.Site) string { return filepath.Join(site.StateFolder, ConsentFile) }

// openConsent opens the consent store. The journal tells how far the store had
// come, so that an older copy is noticed.
func (a *Agent) openConsent(ctx context.Context, key sitekey.Key, check func(context.Context) error) (err error) {
	model := rule.OptOut
	if a.site.Consent.Model == config.Ask {
		model = rule.AskPermission
	}
	a.consent, err = consent.Open(ctx, ConsentPath(a.site), consent.Options{
		Key: key, Model: model, MaxAge: a.site.Consent.MaxAge, Sources: a.heard(), OnlyKept: a.deskOnly, RegionKeys: a.site.Consent.RegionKeys,
		Anchor: a.tail.anchor, Check: check, OnDoubt: a.doubted, Log: a.log.Named("consent")})
	return err
}

// heard returns the sources that are heard about patients' choices. Who opens the
// stores alone opens no source, and has the last reading of each.
func (a *Agent) heard() (sources []consent.Source) {
	if a.deskOnly {
		for _, configured := range a.site.Sources {
			sources = append(sources, consent.Source{Name: configured.Name, MaxAge: configured.Consent.MaxAge})
		}
		return sources
	}
	for _, s := range a.sources {
		if _, holds := flagsOf(s.connector); holds {
			sources = append(sources, consent.Source{Name: s.configured.Name, MaxAge: s.configured.Consent.MaxAge})
		}
	}
	return sources
}

// doubted writes down that the consent store cannot be relied on any more, or
// can be again.
func (a *Agent) doubted(reason string) {
	if reason == rule.ReasonClosed {
		return // the agent stops, which is written down by itself
	}
	e := a.event(care.ConsentTrusted)
	if a.consent != nil { // not while it is opened; then AGENT_STARTED says how far it has come
		e.ConsentEpoch = a.consent.Committed()
	}
	if reason != "" {
		e.Kind, e.TrueReason = care.ConsentDoubted, reason
		switch reason {
		case rule.ReasonLost, rule.ReasonDamaged, rule.ReasonPoisoned:
			e.Alert = true
		}
	}
	a.journal.AppendLazily(e)
	a.healthChanged()
	a.log.Info("consent store", "relied_on", reason == "", "doubt", reason)
}

// keepConsent looks after the consent store, which also needs what the site
// itself has said when it has lost something. When the store fails the agent
// ends: what this process sees may differ from what is on disk, and only
// opening it again tells.
func (a *Agent) keepConsent(ctx context.Context) error {
	return lifecycle.Run(ctx, a.consent.Run, a.restoreSite)
}

// choicesAttention says what a person at the site should know of the consent
// flags, the budgets and the privacy officer's alerts.
func (a *Agent) choicesAttention() (attention []string) {
	if len(a.site.Consent.RegionKeys) == 0 {
		attention = append(attention, "The region's flags need no signature: agent.yaml names no consent.region_keys.")
	}
	for _, set := range a.consent.Status().Sets {
		if set.Late {
			attention = append(attention, fmt.Sprintf("The consent flags of %s are %s old; after %s nothing is released.",
				cmp.Or(set.Source, "the region"), set.Age.Round(time.Minute), set.MaxAge))
		}
	}
	for _, w := range a.readings {
		if st := w.status(); st.Failed != "" {
			attention = append(attention, fmt.Sprintf("The consent codes of source %s cannot be read: %s", st.Source, st.Failed))
		}
	}
	budgets := a.budget.Status()
	attention = append(attention, budgetAttention(&budgets)...)
	alerts := a.notifier.Status()
	return append(attention, alerts.Attention(time.Now())...)
}

// codesOf returns what codes of record systems mean at the site, which may have
// a list of its own.
func codesOf(path string) (*codes.List, error) {
	if path == "" {
		return codes.Shipped(), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, &care.Error{Kind: care.BadRequest, Op: "agent", Reason: "CODES", Err: err,
			Detail: "the list of consent codes " + path + " cannot be read; check its path and rights"}
	}
	defer file.Close()
	list, err := codes.Load(file)
	if fault, ours := errors.AsType[*care.Error](err); ours {
		named := *fault
		named.Detail = path + ": " + fault.Detail
		return nil, &named
	}
	return list, err
}

// consultSources has every source that holds patients' choices asked for them,
// on schedule and whenever it is asked for a patient.
func (a *Agent) consultSources() error {
	list, err := codesOf(a.site.Consent.Codes)
	if err != nil {
		return err
	}
	for _, s := range a.sources {
		from, holds := flagsOf(s.connector)
		if !holds {
			continue
		}
		f := &flags{source: s.configured.Name, from: from, codes: list, store: a.consent, changed: desk{a}.noteRead}
		a.readings = append(a.readings, &flagsWatch{flags: f, every: s.configured.Consent.Every, log: a.log.Named(s.configured.Name)})
		s.connector = consult(s.connector, f)
	}
	return nil
}

// watchDirectives reads what the sources say of patients' choices, on
// schedule.
func (a *Agent) watchDirectives(ctx context.Context) error {
	var tasks []lifecycle.Task
	for _, w := range a.readings {
		tasks = append(tasks, w.run)
	}
	return lifecycle.Run(ctx, tasks...)
}

// watchInbox takes the site's own statements from a folder, if there is one.
func (a *Agent) watchInbox(ctx context.Context) error {
	if a.site.Consent.Folder == "" {
		<-ctx.Done()
		return nil
	}
	return inbox.Run(ctx, inbox.Options{Folder: a.site.Consent.Folder, Record: desk{a}.recordFile, Log: a.log.Named("inbox")})
}
