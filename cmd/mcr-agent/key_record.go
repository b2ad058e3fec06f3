package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// record has the journal tell that a copy of the key is made, before anybody
// gets it. Whoever may read the key could copy its file as well, so without a
// journal a copy is not forbidden, only not made by mistake.
func (c keyCopy) record(s *streams, site *config.Site, key sitekey.Key) error {
	err := recordKey(s, site, care.SiteKeyCopied, fmt.Sprintf("key %s, %s", key.ID(sitekey.Self), c.opener()))
	if err == nil {
		return nil
	}
	if !c.Unrecorded {
		return keyError(care.AuditUnavailable, "UNRECORDED", fmt.Sprintf(
			"the journal cannot tell of the copy, so none was made (%v); mend that, or add --unrecorded and write down yourself who has the copy", err), err)
	}
	fmt.Fprintf(s.err, "The journal does not tell of this copy: %v\nWrite down who has it.\n", err)
	return nil
}

// opener says what opens the copy: of public keys enough to know them by.
func (c keyCopy) opener() string {
	if c.PassphraseFile != "" {
		return "for a passphrase"
	}
	const shown = 24
	var keys []string
	for _, k := range c.Recipient {
		if len(k) > shown {
			k = k[:shown] + "..."
		}
		keys = append(keys, k)
	}
	return "for " + strings.Join(keys, ", ")
}

// recordRestored has the journal tell that the key was put back, where there is
// one. It could not be opened before, and the key is in its place by now, so a
// failure is only told.
func recordRestored(s *streams, site *config.Site, from *sitekey.Copy) {
	if !agent.HasJournal(site) {
		return
	}
	detail := fmt.Sprintf("key %s, from a copy sealed on %s", from.Key.ID(sitekey.Self), from.Made.Format(time.DateOnly))
	if err := recordKey(s, site, care.SiteKeyRestored, detail); err != nil {
		fmt.Fprintf(s.err, "The journal does not tell that the key was put back: %v\n", err)
	}
}

// recordKey has the running agent, or this command if none runs, write down what
// is done with the site key.
func recordKey(s *streams, site *config.Site, kind care.EventKind, detail string) error {
	ctx, e := context.Background(), care.Event{Kind: kind, Detail: detail}
	line, err := running(site)
	if err != nil {
		return err
	}
	if line == nil {
		return agent.Note(ctx, site, e, logger("warn", s.err))
	}
	defer line.close()
	return line.note(ctx, s, e)
}
