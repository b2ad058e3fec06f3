package main

import (
	"context"
	"fmt"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// pairFlags name two NHS numbers.
type pairFlags struct {
	siteFlag
	Old numberFlag `embed:"" prefix:"old-"`
	New numberFlag `embed:"" prefix:"new-"`
	By  string     `placeholder:"NAME" help:"Who found it, for the record. Your account is journalled in any case."`
}

// record hands in what was found about the two numbers.
func (f *pairFlags) record(s *streams, link edgev1.PatientLink, done string) error {
	if f.Old.NHSNumberFile == "-" && f.New.NHSNumberFile == "-" {
		return keyError(care.BadRequest, "NHS_NUMBER", "only one number can come from standard input as a file; without flags both are asked for, a line each", nil)
	}
	if err := checkBy(f.By); err != nil {
		return err
	}
	old, err := f.Old.ask(s, "Old NHS number: ")
	if err != nil {
		return fmt.Errorf("the first number, which is the old one: %w", err)
	}
	now, err := f.New.ask(s, "New NHS number: ")
	if err != nil {
		return fmt.Errorf("the second number, which is the new one: %w", err)
	}
	if old == now {
		return keyError(care.BadRequest, "NHS_NUMBER", "the first number and the second are the same", nil)
	}
	return f.link(s, &edgev1.LinkPatientsRequest{OldNhsNumber: old.Reveal(), NewNhsNumber: now.Reveal(), Link: link, RecordedBy: f.By}, done)
}

// link hands in a link and tells what became of it.
func (f siteFlag) link(s *streams, m *edgev1.LinkPatientsRequest, done string) error {
	site, err := f.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	reply, err := site.consent.LinkPatients(context.Background(), m)
	if err != nil {
		return refusedBy(err)
	}
	fmt.Fprintf(s.out, "%s Journal entry %d.\n", done, reply.GetJournalSequence())
	return nil
}

// consentLink links two numbers.
type consentLink struct{ pairFlags }

// Help shows examples.
func (consentLink) Help() string {
	return `For a merge or a supersession on PDS. What was said under either number then counts for both; what withholds wins until the person says otherwise.

Never link the numbers of a person whose former number must not be known, as after adoption or gender recognition: see never-link.

Examples:
  mcr-agent consent link               asks for the old and the new number
  mcr-agent consent link --old-nhs-number-file old.txt --new-nhs-number-file new.txt`
}

// Run links them.
func (c *consentLink) Run(s *streams) error {
	return c.record(s, edgev1.PatientLink_PATIENT_LINK_SAME_PERSON, "Recorded: what was said under either number counts for both.")
}

// consentUnlink unlinks two numbers.
type consentUnlink struct{ pairFlags }

// Help shows examples.
func (consentUnlink) Help() string {
	return `For numbers that were linked in error. What was said under each then counts for that one alone.

Examples:
  mcr-agent consent unlink             asks for both numbers`
}

// Run unlinks them.
func (c *consentUnlink) Run(s *streams) error {
	return c.record(s, edgev1.PatientLink_PATIENT_LINK_NOT_SAME_PERSON, "Recorded: what was said under each number counts for that one alone.")
}

// consentNeverLink keeps a number from ever being linked.
type consentNeverLink struct {
	siteFlag
	numberFlag
	By string `placeholder:"NAME" help:"Who found it, for the record. Your account is journalled in any case."`
}

// Help shows examples.
func (consentNeverLink) Help() string {
	return `For a person whose former number must never be known, as after adoption or gender recognition. Give the present number only. Any link of it is dropped, and none is ever made again. What was said under the former number then counts no longer for the present one: first record under the present number, with consent set, every dissent and restriction that is to go on.

Examples:
  mcr-agent consent never-link         asks for the NHS number`
}

// Run records it.
func (c consentNeverLink) Run(s *streams) error {
	if err := checkBy(c.By); err != nil {
		return err
	}
	number, err := c.read(s)
	if err != nil {
		return err
	}
	return c.link(s, &edgev1.LinkPatientsRequest{NewNhsNumber: number.Reveal(), Link: edgev1.PatientLink_PATIENT_LINK_NEVER, RecordedBy: c.By},
		"Recorded: this number has no link, and will have none. What was said under another number counts for it no longer; check it with consent show.")
}
