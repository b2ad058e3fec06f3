package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentWithdraw records that something no longer holds.
type consentWithdraw struct {
	Directive string `arg:"" enum:"dissent,restriction" help:"dissent or restriction."`
	statementFlags
}

// Help shows examples.
func (consentWithdraw) Help() string {
	return `Nothing is erased: that it was withdrawn is recorded as a statement of its own. It lifts what this site has recorded; what the region or a record system says is for them to withdraw, and is shown. A dissent about an organisation or a section is withdrawn with the same --organisation or --section, or together with all others by withdrawing without.

Where this site has recorded none, nothing is changed, and it says so. That it looked is journalled.

Exit codes: 0 withdrawn, or nobody has recorded any; 4 nothing was changed, and one that the region or a record system has recorded goes on.

Examples:
  mcr-agent consent withdraw dissent                 asks for the NHS number
  mcr-agent consent withdraw dissent --organisation RWH
  mcr-agent consent withdraw restriction`
}

// Run records that it no longer holds, if this site said that it does.
func (c *consentWithdraw) Run(s *streams) error {
	withheld, lifted := care.Dissent, care.ConsentGiven
	if c.Directive == "restriction" {
		withheld, lifted = care.Restriction, care.Unrestricted
	}
	d, err := c.statement(s, lifted)
	if err != nil {
		return err
	}
	site, err := c.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	return site.withdraw(s, &d, withheld)
}

// withdraw hands in a statement that lifts what the site has recorded of a kind,
// if there is any, and tells of what others have.
func (l *local) withdraw(s *streams, lifting *care.Directive, withheld care.DirectiveKind) error {
	ours, others, err := l.standing(lifting, withheld)
	if err != nil {
		return err
	}
	what := strings.ToLower(withheld.String())
	if ours {
		err = l.record(s, lifting)
	} else {
		fmt.Fprintf(s.out, "Nothing was changed: this site has recorded no such %s of this patient that is in force.\n", what)
	}
	if err != nil || len(others) == 0 {
		return err
	}
	fmt.Fprintf(s.out, "The %s goes on all the same. These are not this site's to withdraw:\n", what)
	for _, other := range others {
		fmt.Fprintln(s.out, "  "+statementLine(other))
	}
	if !ours {
		return exitError(exitRefused)
	}
	return nil
}

// standing returns what is in force of the kind that a statement would lift:
// whether the site has recorded any, and what others have. A store that has
// lost what the site said may hold less than that, so that it is taken to.
func (l *local) standing(lifting *care.Directive, withheld care.DirectiveKind) (ours bool, others []*edgev1.Directive, err error) {
	ctx := context.Background()
	held, err := l.consent.GetDirectives(ctx, &edgev1.GetDirectivesRequest{NhsNumber: lifting.NHSNumber.Reveal()})
	if err != nil {
		return false, nil, refusedBy(err)
	}
	for _, d := range held.GetDirectives() {
		switch {
		case care.DirectiveKind(d.GetKind()) != withheld || !concerns(&lifting.Scope, d):
		case d.GetAuthority() == care.Site.String():
			ours = true
		default:
			others = append(others, d)
		}
	}
	if ours {
		return ours, others, nil
	}
	reply, err := l.consent.GetSiteConsentState(ctx, &edgev1.GetSiteConsentStateRequest{})
	return reply.GetState().GetDoubt() == rule.ReasonLost, others, refusedBy(err)
}

// concerns reports whether a statement is about some of what a scope names.
// What names nothing is about everything.
func concerns(scope *care.Scope, d *edgev1.Directive) bool {
	if scope.IsZero() || len(d.GetOrganisations()) == 0 && len(d.GetSections()) == 0 {
		return true
	}
	return slices.ContainsFunc(d.GetOrganisations(), func(code string) bool {
		return slices.Contains(scope.Organisations, care.ODSCode(strings.ToUpper(code)))
	}) || slices.ContainsFunc(d.GetSections(), func(section edgev1.Section) bool { return scope.Sections.Has(care.Section(section)) })
}
