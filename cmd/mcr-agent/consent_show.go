package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentShow shows what is held about one patient.
type consentShow struct {
	siteFlag
	numberFlag
	Organisation string `placeholder:"ODS" help:"Explain what a request of this organisation's staff would be answered."`
}

// Help shows examples.
func (consentShow) Help() string {
	return `Shows every statement in force and what a request for the whole record, for direct care and with the patient's permission, would be answered now, and why. That you looked is journalled.

Examples:
  mcr-agent consent show                        asks for the NHS number
  mcr-agent consent show --organisation RWH`
}

// Run shows what is held about one patient.
func (c consentShow) Run(s *streams) error {
	number, err := c.read(s)
	if err != nil {
		return err
	}
	site, err := c.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	reply, err := site.consent.GetDirectives(context.Background(),
		&edgev1.GetDirectivesRequest{NhsNumber: number.Reveal(), Organisation: strings.ToUpper(c.Organisation)})
	if err != nil {
		return refusedBy(err)
	}
	if len(reply.GetDirectives()) == 0 {
		fmt.Fprintln(s.out, "Nobody has made a statement about this patient.")
	}
	for _, d := range reply.GetDirectives() {
		fmt.Fprintln(s.out, statementLine(d))
	}
	if n := reply.GetLinked(); n > 0 {
		fmt.Fprintf(s.out, "Known to be this person's: %s. What was said under any of them is shown above as well.\n", care.Count(n, "other NHS number"))
	}
	if err := site.readings(s.out); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "A request for direct care, with the patient's permission, would now be answered: %s%s\n", reply.GetAnswer(), because(reply.GetReason()))
	for _, sentence := range reply.GetBecause() {
		fmt.Fprintln(s.out, "  "+printable(sentence))
	}
	for _, section := range reply.GetWithheld() {
		fmt.Fprintln(s.out, "  Held back: "+care.Section(section).Title())
	}
	return nil
}

// readings says of when the statements of record systems are that an agent which
// does not run cannot ask.
func (l *local) readings(out io.Writer) error {
	if !l.alone {
		return nil
	}
	reply, err := l.consent.GetSiteConsentState(context.Background(), &edgev1.GetSiteConsentStateRequest{})
	if err != nil {
		return refusedBy(err)
	}
	for _, set := range reply.GetState().GetSets() {
		if set.GetSource() == "" {
			continue
		}
		read := "was never read"
		if set.GetFilled() {
			read = "is shown as it was read at " + localTime(set.GetAsOf().AsTime())
		}
		fmt.Fprintf(out, "Not asked: record system %s %s. Start the agent to hear it again.\n", printable(set.GetSource()), read)
	}
	return nil
}

// statementLine shows a statement on one line.
func statementLine(d *edgev1.Directive) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-7s %-12s from %s", authorityOf(d), care.DirectiveKind(d.GetKind()), localTime(d.GetEffective().AsTime()))
	if about := scopeOf(d); about != "" {
		b.WriteString(", about " + printable(about))
	}
	if by := d.GetRecordedBy(); by != "" {
		b.WriteString(", recorded by " + printable(by))
	}
	if d.GetCode() != "" {
		b.WriteString(", code " + printable(d.GetCode()))
	}
	return b.String()
}
