package agent

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"github.com/mycarerecord/edge-agent/agent/alerts"
	"github.com/mycarerecord/edge-agent/agent/audit"
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

// newBudget returns the guard against enumeration, with what the last hour of
// the journal tells.
func (a *Agent) newBudget() (*budget.Keeper, error) {
	keeper := budget.New(rulesOf(a.site), budget.Options{OnReached: a.reached})
	asked, told := []audit.Line{}, map[uint64]care.Kind{}
	err := since(a.site, a.journal.Status().Entries, time.Now().Add(-time.Hour), func(line *audit.Line) {
		refusal, _ := care.ParseKind(line.Refusal) // OK for none
		switch line.Kind {
		case care.ReleaseDecided:
			asked = append(asked, *line)
		case care.ReleaseRefused:
			asked = append(asked, *line)
			if refusal != care.PatientNotFound { // a restricted patient, of whom there is an end
				told[line.Sequence] = refusal
			}
		case care.ReleaseEnded:
			told[line.Decision] = refusal
		}
	})
	for i := range asked {
		a.recall(keeper, &asked[i], told)
	}
	return keeper, err
}

// recall counts a request of the past if it was counted then, or refused by
// the budget.
func (a *Agent) recall(keeper *budget.Keeper, line *audit.Line, told map[uint64]care.Kind) {
	answer, ended := told[line.Sequence]
	refusal, _ := care.ParseKind(line.Refusal)
	if line.Kind == care.ReleaseRefused && refusal != care.PatientNotFound && !counted(refusal, line.TrueReason) {
		return
	}
	if a.keys.Box.Reveal(line) != nil || line.NHSNumber.IsZero() {
		return // sealed under an older key
	}
	keeper.Recall(budget.Past{At: line.Time, Broker: line.Broker, User: line.UserID, Organisation: line.Organisation,
		Number: line.NHSNumber, Told: answer, Ended: ended})
}

// counted reports whether a refusal, other than for a restricted patient, came
// after the budget was asked, or from the budget.
func counted(told care.Kind, reason string) bool {
	switch told {
	case care.NoPatientConsent, care.ConsentUnavailable, care.NoPermissionToView:
		return true
	case care.LimitExceeded:
		return reason != "TIME" && reason != "WAITING"
	}
	return false
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
	before := ""
	err := backwards(a.site, a.journal.Status().Entries, func(lines []audit.Line) bool {
		for i := len(lines) - 1; i >= 0 && before == ""; i-- {
			if lines[i].Kind == care.AgentStarted {
				before = lines[i].ConfigHash
			}
		}
		return before == ""
	})
	if err != nil || before == a.site.Fingerprint() {
		return
	}
	e := a.event(care.ConfigApplied)
	e.Detail = "agent.yaml"
	if before != "" {
		e.Detail += ", in the place of " + before
	}
	a.journal.Append(e)
}
