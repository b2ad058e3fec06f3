package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentCommand looks at and changes the site's consent flags.
type consentCommand struct {
	Set    consentSet    `cmd:"" help:"Record that a patient dissents, consents again, or is restricted."`
	Show   consentShow   `cmd:"" help:"Show what is held about one patient, and what a request would be answered."`
	Import consentImport `cmd:"" help:"Record the statements of a CSV file."`
}

// numberFlag asks for an NHS number in a way that other users of the machine
// cannot see.
type numberFlag struct {
	NHSNumber     string `name:"nhs-number" placeholder:"N" help:"The patient's NHS number. Other users of this machine can see it while the command runs; --nhs-number-file keeps it from them."`
	NHSNumberFile string `name:"nhs-number-file" placeholder:"FILE" help:"File whose first line is the NHS number; - is standard input."`
}

// given reports whether a number was given as a flag or a file.
func (f numberFlag) given() bool { return f.NHSNumber != "" || f.NHSNumberFile != "" }

// read returns the number, and asks for it if it was not given.
func (f numberFlag) read(s *streams) (care.NHSNumber, error) {
	text := f.NHSNumber
	switch {
	case f.NHSNumber != "" && f.NHSNumberFile != "":
		return care.NHSNumber{}, keyError(care.BadRequest, "NHS_NUMBER", "give --nhs-number or --nhs-number-file, not both", nil)
	case f.NHSNumberFile != "":
		content, err := readSome(s, f.NHSNumberFile)
		if err != nil {
			return care.NHSNumber{}, err
		}
		line, _, _ := strings.Cut(string(content), "\n")
		text = strings.TrimSpace(line)
	case f.NHSNumber == "":
		fmt.Fprint(s.err, "NHS number: ")
		line, err := bufio.NewReader(io.LimitReader(s.in, 64)).ReadString('\n')
		if err != nil && line == "" {
			return care.NHSNumber{}, &care.Error{Kind: care.InvalidNHSNumber, Op: "mcr-agent", Detail: "no NHS number was given"}
		}
		text = strings.TrimSpace(line)
	}
	return care.ParseNHSNumber(text)
}

// consentSet records one statement.
type consentSet struct {
	siteFlag
	numberFlag
	Directive string `arg:"" enum:"dissent,consent,restriction,unrestricted" help:"dissent, consent, restriction or unrestricted."`
	Effective string `placeholder:"DATE" help:"From when it holds: YYYY-MM-DD, or with a time and offset. Now, unless given."`
	By        string `placeholder:"NAME" help:"Who recorded it, for the record. Your account is journalled in any case."`
}

// Help shows examples.
func (consentSet) Help() string {
	return `It takes effect at the very next request. A dissent cannot be overridden by anyone who asks for the record; only a later consent lifts it.

Examples:
  mcr-agent consent set dissent                      asks for the NHS number
  mcr-agent consent set consent --effective 2026-03-01
  echo 9990000018 | mcr-agent consent set restriction`
}

// Run records the statement.
func (c consentSet) Run(s *streams) error {
	number, err := c.read(s)
	if err != nil {
		return err
	}
	effective, err := c.effective()
	if err != nil {
		return err
	}
	kind, _ := care.ParseDirectiveKind(strings.ToUpper(c.Directive))
	site, err := c.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	reply, err := site.record(context.Background(), care.Directive{NHSNumber: number, Kind: kind, Effective: effective, By: c.By})
	if err != nil {
		return err
	}
	if !reply.GetChanged() {
		fmt.Fprintln(s.out, "Nothing changed: the site has already recorded the same or a later statement.")
		return nil
	}
	fmt.Fprintf(s.out, "Recorded, and in force from the next request. Journal entry %d.\n", reply.GetJournalSequence())
	return nil
}

// effective returns from when the statement holds.
func (c consentSet) effective() (time.Time, error) {
	if c.Effective == "" {
		return time.Now().UTC(), nil
	}
	d, err := care.ParseDateTime(c.Effective, time.Local)
	if err != nil || d.Precision < care.ToDay {
		return time.Time{}, &care.Error{Kind: care.BadRequest, Op: "mcr-agent", Detail: "--effective is not a date; write YYYY-MM-DD"}
	}
	return d.Time, nil
}

// consentShow shows what is held about one patient.
type consentShow struct {
	siteFlag
	numberFlag
}

// Help shows examples.
func (consentShow) Help() string {
	return `That you looked is journalled.

Examples:
  mcr-agent consent show                 asks for the NHS number`
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
	reply, err := site.show(context.Background(), number)
	if err != nil {
		return err
	}
	if len(reply.GetDirectives()) == 0 {
		fmt.Fprintln(s.out, "Nobody has made a statement about this patient.")
	}
	for _, d := range reply.GetDirectives() {
		fmt.Fprintf(s.out, "%-7s %-12s from %s%s\n", d.GetAuthority(), care.DirectiveKind(d.GetKind()), localTime(d.GetEffective().AsTime()), by(d.GetRecordedBy()))
	}
	fmt.Fprintf(s.out, "A request for direct care, with the patient's permission, would now be answered: %s%s\n", reply.GetAnswer(), because(reply.GetReason()))
	return nil
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return ", recorded by " + printable(who)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// consentImport records the statements of a file.
type consentImport struct {
	siteFlag
	File string `arg:"" type:"existingfile" help:"CSV file with the header nhs_number,directive,effective,by."`
}

// Help shows the format and examples.
func (consentImport) Help() string {
	return `The file is read and checked as a whole first: one line that is wrong, and nothing is recorded.

  nhs_number,directive,effective,by
  9990000018,DISSENT,2026-03-01,Reception

directive is DISSENT, CONSENT, RESTRICTION or UNRESTRICTED; effective is a date or a time with its offset.

Examples:
  mcr-agent consent import optouts.csv`
}

// Run records the statements of the file.
func (c consentImport) Run(s *streams) error {
	file, err := os.Open(c.File)
	if err != nil {
		return &care.Error{Kind: care.BadRequest, Op: "mcr-agent", Detail: "the file " + c.File + " cannot be opened", Err: err}
	}
	defer file.Close()
	var all []care.Directive
	for d, err := range consent.ParseFile(file) {
		if err != nil {
			return err
		}
		all = append(all, d)
	}
	site, err := c.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	changed := 0
	for i, d := range all {
		reply, err := site.record(context.Background(), d)
		if err != nil {
			return fmt.Errorf("after %d of %d statements: %w", i, len(all), err)
		}
		if reply.GetChanged() {
			changed++
		}
		if (i+1)%1000 == 0 {
			fmt.Fprintf(s.err, "%d of %d\n", i+1, len(all))
		}
	}
	fmt.Fprintf(s.out, "%d statements read, %d of them changed something. All are in force.\n", len(all), changed)
	return nil
}

func directiveMessage(d care.Directive) *edgev1.Directive {
	return &edgev1.Directive{NhsNumber: d.NHSNumber.Reveal(), Kind: edgev1.DirectiveKind(d.Kind), Effective: timestamppb.New(d.Effective), RecordedBy: d.By}
}
