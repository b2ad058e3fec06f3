package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentStats tells how the store stands.
type consentStats struct {
	siteFlag
	JSON bool `help:"Print it as JSON."`
}

// Help shows examples.
func (consentStats) Help() string {
	return `Tells of the region, of this site and of each record system how many patients they have said something about, and when that was last known to be right. The digest of the region's flags is the same at the region and at every site that holds the same. No patient is named.

Exit codes: 0 the flags can be relied on, 4 they cannot: nothing is released, and it says what to do.

Examples:
  mcr-agent consent stats
  mcr-agent consent stats --json`
}

// Run tells it.
func (c consentStats) Run(s *streams) error {
	site, err := c.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	reply, err := site.consent.GetSiteConsentState(context.Background(), &edgev1.GetSiteConsentStateRequest{})
	if err != nil {
		return refusedBy(err)
	}
	state := reply.GetState()
	if c.JSON {
		err = view.Message(s.out, state)
	} else {
		err = showState(s.out, state, time.Now())
	}
	if err != nil {
		return err
	}
	if state.GetDoubt() != "" {
		return exitError(exitRefused)
	}
	return nil
}

// showState prints how the store stands at a time.
func showState(out io.Writer, state *edgev1.ConsentState, now time.Time) error {
	if doubt := state.GetDoubt(); doubt == "" {
		fmt.Fprintln(out, "The flags can be relied on.")
	} else {
		fmt.Fprintf(out, "Nothing is released for anybody while these flags cannot be relied on: %s.\n%s\n", doubt, adviceOn(doubt))
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FROM\tPATIENTS\tSTATEMENTS\tRIGHT AT\tAGE\tSEQUENCE\tDIGEST")
	for _, set := range state.GetSets() {
		as, age, sequence, digest := "never", "", "", base64.StdEncoding.EncodeToString(set.GetDigest())
		switch {
		case set.GetAuthority() == care.Site.String():
			as = "" // the site's own word does not age
		case set.GetFilled():
			as, age = localTime(set.GetAsOf().AsTime()), now.Sub(set.GetAsOf().AsTime()).Round(time.Second).String()
		default:
			digest = ""
		}
		if set.GetSequence() > 0 {
			sequence = fmt.Sprint(set.GetSequence())
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%s\t%s\n", authorityOf(&edgev1.Directive{Authority: set.GetAuthority(), Source: set.GetSource()}),
			set.GetPatients(), set.GetDirectives(), as, age, sequence, digest)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	vouched := "has not vouched for this run of the agent yet"
	if state.GetVouched() {
		vouched = "has vouched for this run of the agent"
	}
	fmt.Fprintf(out, "The region %s. Version of the store %d; newest journal entry %d.\n", vouched, state.GetEpoch(), state.GetJournalSequence())
	if staged := state.GetStaged(); staged != nil {
		fmt.Fprintf(out, "A new list of the region is arriving: %s so far. The one above is used until it is complete.\n", care.Count(staged.GetDirectives(), "statement"))
	}
	return nil
}

// advice says, for each reason that the flags cannot be relied on, what it is
// and what to do. packaging/doc/consent.md has the same in full.
var advice = map[string]string{
	rule.ReasonDamaged:       "The store fails its checks. Start the agent again: it sets the damaged file aside and asks for everything anew. Keep the file, and look at the disk.",
	rule.ReasonPoisoned:      "A change could not be written to disk. Look at the disk's space and health; the agent ends and starts again by itself.",
	rule.ReasonClosed:        "The agent is stopping.",
	rule.ReasonLost:          "The store was lost, or an old copy was put back. The region has to send its whole list, each record system has to be read, and the site's own statements have to be read back from the journal. If it stays so, look at the agent's log.",
	rule.ReasonNeverFilled:   "The region has not sent its list yet. Ask the region whether it can reach this site.",
	rule.ReasonClock:         "This computer's clock is behind a time that was seen before. Set it right.",
	rule.ReasonClockJumped:   "This computer's clock was set. The region has to confirm its list, which it does every few minutes.",
	rule.ReasonUnvouched:     "The region has to confirm its list after every start of the agent and after this computer slept. It does so when it connects; if it stays so, ask the region whether it can reach this site.",
	rule.ReasonSourceNotRead: "A record system was never read for its consent codes. Look at mcr-agent check and at the agent's log.",
	rule.ReasonStale:         "The region has not been heard for longer than consent.max_age in agent.yaml. Ask the region whether it can reach this site.",
	rule.ReasonSourceStale:   "A record system has not been read for its consent codes for longer than its consent.max_age. Look at whether it can be reached.",
}

// adviceOn returns the advice on a reason.
func adviceOn(doubt string) string {
	if text, ok := advice[doubt]; ok {
		return text
	}
	return "Look at the agent's log."
}
