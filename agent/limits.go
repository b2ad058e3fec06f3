package agent

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/agent/alerts"
	"github.com/mycarerecord/edge-agent/agent/budget"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
)

// rulesOf returns the budgets of a site: those of its kind, and what agent.yaml
// says instead.
func rulesOf(site *config.Site) budget.Rules {
	rules := budget.Default(string(site.Organisation.Kind))
	limits := site.Limits
	adjust(&rules.User, limits.PatientsPerHour.User, limits.NotFoundPerHour.User, limits.NotFoundPercent.User, limits.NeighboursPerHour.User)
	adjust(&rules.Organisation, limits.PatientsPerHour.Organisation, limits.NotFoundPerHour.Organisation,
		limits.NotFoundPercent.Organisation, limits.NeighboursPerHour.Organisation)
	adjust(&rules.Broker, limits.PatientsPerHour.Broker, limits.NotFoundPerHour.Broker, limits.NotFoundPercent.Broker, limits.NeighboursPerHour.Broker)
	return rules
}

// adjust puts what agent.yaml gives, which is not 0, in the place of defaults.
func adjust(l *budget.Limits, patients, notFound, percent, neighbours int) {
	l.PatientsPerHour = cmp.Or(patients, l.PatientsPerHour)
	l.NotFoundPerHour = cmp.Or(notFound, l.NotFoundPerHour)
	l.NeighboursPerHour = cmp.Or(neighbours, l.NeighboursPerHour)
	if percent > 0 {
		l.NotFoundShare = float64(percent) / 100
	}
}

// newBudget returns the guard against enumeration, with what the journal tells.
func (a *Agent) newBudget() *budget.Keeper {
	keeper := budget.New(rulesOf(a.site), budget.Options{OnReached: a.reached})
	for _, p := range a.tail.past {
		keeper.Recall(p)
	}
	a.tail.past = nil
	return keeper
}

// reached writes down that somebody came to the end of a budget: the site's
// privacy officer is to look.
func (a *Agent) reached(r budget.Reached) {
	e := a.event(care.BudgetReached)
	e.Alert, e.TrueReason, e.Count = true, r.Reason, r.Count
	e.Broker = &care.Broker{Name: r.Broker}
	e.Detail = fmt.Sprintf("%d within the hour, the limit is %d; user %q of %q", r.Count, r.Limit, r.User, string(r.Organisation))
	a.journal.Append(e)
}

// newNotifier tells the site's privacy officer of alerts.
func (a *Agent) newNotifier() (*alerts.Notifier, error) {
	return alerts.New(alerts.Options{Files: AlertFiles(a.site, a.keys), Site: a.site.Organisation.ODSCode,
		Command: a.site.Alerts.Command, Log: a.log.Named("alerts"),
		Entries: func() uint64 { return a.journal.Status().Entries }})
}

// AlertFiles says which files tell of a site's alerts.
func AlertFiles(site *config.Site, keys JournalKeys) alerts.Files {
	return alerts.Files{Folder: JournalFolder(site), Archive: site.Journal.ArchiveFolder,
		State: filepath.Join(site.StateFolder, alerts.FileName), Key: keys.Index}
}

// noteConfig writes down that the agent runs with another configuration than
// the last time.
func (a *Agent) noteConfig() {
	before := a.tail.config
	if before == a.site.Fingerprint() {
		return
	}
	e := a.event(care.ConfigApplied)
	e.Detail = "agent.yaml"
	if before != "" {
		e.Detail += ", in the place of " + before
	}
	a.journal.Append(e)
}
