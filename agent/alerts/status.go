package alerts

import (
	"fmt"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// NotifyWithin is how soon a privacy officer is to be told of an alert (NHS
// Information Governance requirements for GP systems, version 4, Alerts).
const NotifyWithin = 10 * time.Minute

// Status is how it goes with a site's alerts.
type Status struct {
	Open   int       // alerts that nobody has dealt with
	Oldest Alert     // the first of them
	Untold int       // open alerts that the officer was not told of yet
	Since  time.Time // when the first of those happened

	ReadFailure error // why the journal's alerts cannot be read; nil if they can
	TellFailure error // why telling failed the last time; nil if it succeeded
}

// What can go wrong. Each is told to the log when it begins.
const (
	reading = "privacy alerts cannot be read; it is tried again"
	telling = "the privacy officer cannot be told of alerts; it is tried again"
	saving  = "how far privacy alerts were read and told cannot be saved"
)

// failed notes that something went wrong, or went well again.
func (n *Notifier) failed(what string, err error) {
	if err != nil && !n.failing[what] {
		n.o.Log.Warn(what, "error", err)
	}
	n.failing[what] = err != nil
	n.mu.Lock()
	defer n.mu.Unlock()
	switch what {
	case reading:
		n.status.ReadFailure = err
	case telling:
		n.status.TellFailure = err
	}
}

// publish makes what is known the status.
func (n *Notifier) publish() {
	open, fresh := n.book.open, n.book.untold()
	n.mu.Lock()
	defer n.mu.Unlock()
	s := Status{Open: len(open), Untold: len(fresh), ReadFailure: n.status.ReadFailure, TellFailure: n.status.TellFailure}
	if len(open) > 0 {
		s.Oldest = open[0].alert()
	}
	if len(fresh) > 0 {
		s.Since = fresh[0].alert().Time
	}
	n.status = s
}

// Status returns how it goes. It is zero until Run has read the journal.
func (n *Notifier) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status
}

// Attention returns what of a status a person at the site should know, in plain
// English. It names no patient.
func (s *Status) Attention(now time.Time) (attention []string) {
	if s.Untold > 0 && now.Sub(s.Since) >= NotifyWithin {
		why := "the program of alerts.command has not been run yet"
		if s.TellFailure != nil {
			why = detailOf(s.TellFailure)
		}
		attention = append(attention, fmt.Sprintf("The privacy officer was not told of %s within %d minutes: %s.", care.Count(s.Untold, "alert"), int(NotifyWithin.Minutes()), why))
	}
	if s.ReadFailure != nil {
		attention = append(attention, "Privacy alerts cannot be read: "+detailOf(s.ReadFailure)+".")
	}
	if s.Open > 0 {
		attention = append(attention, fmt.Sprintf("To be dealt with: %s, the first since %s; see mcr-agent alerts list.",
			care.Count(s.Open, "privacy alert"), s.Oldest.Time.Local().Format("2006-01-02 15:04 MST")))
	}
	return attention
}

// detailOf returns what an error says to people.
func detailOf(err error) string {
	if e, ok := err.(*care.Error); ok {
		return e.Detail
	}
	return care.KindOf(err).String()
}
