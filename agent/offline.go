package agent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// reasonFaulty is the reason in the entry of an agent.yaml that was refused.
const reasonFaulty = "FAULTY"

// HasJournal reports whether a site has a journal, or something in its place.
func HasJournal(site *config.Site) bool {
	_, err := os.Lstat(JournalFolder(site))
	return !errors.Is(err, fs.ErrNotExist)
}

// openExisting opens the journal of a site whose agent does not run. It fails,
// and changes nothing, if there is no journal with a head that this site's key
// has signed, if it belongs to another account, or if another process has it open.
func openExisting(site *config.Site, log hclog.Logger) (*Agent, error) {
	key, err := sitekey.Open(KeySource(site))
	if err != nil {
		return nil, err
	}
	a := &Agent{site: site, log: log}
	if a.keys, err = JournalKeysOf(site, key); err != nil {
		return nil, err
	}
	info, err := os.Lstat(JournalFolder(site))
	if err == nil && !ownedHere(info) {
		return nil, &care.Error{Kind: care.AuditUnavailable, Op: "agent", Reason: audit.ReasonPermissions,
			Detail: "the journal belongs to another account, which could not go on with what this one writes; run it as that account"}
	}
	head, err := os.ReadFile(filepath.Join(JournalFolder(site), "checkpoint"))
	if err == nil {
		_, _, err = tree.ParseHead(head, a.keys.Signer.VerifierKey())
	}
	if err != nil {
		return nil, &care.Error{Kind: care.AuditUnavailable, Op: "agent", Reason: audit.ReasonMissing, Err: err,
			Detail: "there is no journal in " + JournalFolder(site) + " that the site's key has signed"}
	}
	a.journal, err = audit.Open(JournalFolder(site), a.journalOptions(a.keys))
	return a, err
}

// Note writes down what the account of this process does at a site whose agent
// does not run. It returns once the entry is on disk. It fails, and changes
// nothing, if there is no journal of that site or another process has it open.
func Note(ctx context.Context, site *config.Site, e care.Event, log hclog.Logger) error {
	a, err := openExisting(site, log)
	if err != nil {
		return err
	}
	e.Actor, e.ConfigHash = ownAccount(), site.Fingerprint()
	return errors.Join(a.journal.Append(e).Wait(ctx), a.journal.Close())
}

// NoteRefused writes down that agent.yaml was refused for its faults, unless
// that is known since the agent last ran: a service manager tries again and
// again. The site is what config.Refused returned. It returns once the entry is
// on disk; it fails, and changes nothing, if the journal there is not that site's
// or another process has it open. Where there is none yet it does nothing.
func NoteRefused(ctx context.Context, site *config.Site, faults int, log hclog.Logger) error {
	if !HasJournal(site) {
		return nil
	}
	a, err := openExisting(site, log)
	if err != nil {
		return err
	}
	known, err := a.refusedBefore()
	if err == nil && !known {
		err = a.journal.Append(care.Event{Kind: care.ConfigRefused, Actor: "agent", Detail: "agent.yaml", TrueReason: reasonFaulty,
			Count: faults, ConfigHash: site.Fingerprint()}).Wait(ctx)
	}
	return errors.Join(err, a.journal.Close())
}

// refusedBefore reports whether the newest entries tell, since the last run,
// that this very file was refused.
func (a *Agent) refusedBefore() (known bool, err error) {
	err = backwards(a.site, a.journal.Status().Entries, func(lines []audit.Line) bool {
		for i := range lines {
			switch lines[i].Kind {
			case care.AgentStarted:
				known = false
			case care.ConfigRefused:
				known = lines[i].ConfigHash == a.site.Fingerprint()
			}
		}
		return false
	})
	return known, err
}
