package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentCommand looks at and changes the site's consent flags.
type consentCommand struct {
	Set        consentSet        `cmd:"" help:"Record that a patient dissents, consents again, or is restricted."`
	Withdraw   consentWithdraw   `cmd:"" help:"Record that a dissent or a restriction no longer holds."`
	Show       consentShow       `cmd:"" help:"Show what is held about one patient, and explain what a request would be answered."`
	List       consentList       `cmd:"" help:"List the site's own statements."`
	Stats      consentStats      `cmd:"" help:"Tell how many flags are held, how old they are, and whether they can be relied on."`
	Import     consentImport     `cmd:"" help:"Record the statements of a CSV file."`
	Verify     consentVerify     `cmd:"" help:"Check the whole consent store on disk."`
	Link       consentLink       `cmd:"" help:"Record that two NHS numbers are one person's."`
	Unlink     consentUnlink     `cmd:"" help:"Record that two NHS numbers are not one person's."`
	NeverLink  consentNeverLink  `cmd:"" help:"Record that a person's former NHS number must never be known."`
	CheckStore consentCheckStore `cmd:"" hidden:"" help:"Check the consent store before the agent opens it."`
}

// numberFlag asks for an NHS number in a way that other users of the machine
// cannot see.
type numberFlag struct {
	NHSNumber     string `name:"nhs-number" placeholder:"N" help:"The patient's NHS number. Other users of this machine can see it while the command runs; --nhs-number-file keeps it from them."`
	NHSNumberFile string `name:"nhs-number-file" placeholder:"FILE" help:"File whose first line is the NHS number; - is standard input, which is asked anyway."`
}

// given reports whether a number was given as a flag or a file.
func (f numberFlag) given() bool { return f.NHSNumber != "" || f.NHSNumberFile != "" }

// read returns the number, and asks for it if it was not given.
func (f numberFlag) read(s *streams) (care.NHSNumber, error) { return f.ask(s, "NHS number: ") }

// ask is read with other words to ask for it.
func (f numberFlag) ask(s *streams, prompt string) (care.NHSNumber, error) {
	text := f.NHSNumber
	switch {
	case f.NHSNumber != "" && f.NHSNumberFile != "":
		return care.NHSNumber{}, keyError(care.BadRequest, "NHS_NUMBER", "give --nhs-number or --nhs-number-file, not both", nil)
	case f.NHSNumberFile != "" && f.NHSNumberFile != "-":
		content, err := readSome(s, f.NHSNumberFile)
		if err != nil {
			return care.NHSNumber{}, err
		}
		line, _, _ := bytes.Cut(content, []byte("\n"))
		text = string(line)
	case text == "":
		fmt.Fprint(s.err, prompt)
		line, err := readLine(s.in, maxNumber)
		if err != nil {
			return care.NHSNumber{}, &care.Error{Kind: care.InvalidNHSNumber, Op: ownOp, Detail: "no NHS number was given", Err: err}
		}
		text = line
	}
	return care.ParseNHSNumber(strings.TrimSpace(text))
}

// maxNumber is how long a line with an NHS number may be, in bytes.
const maxNumber = 64

// readLine reads one line of at most so many bytes and nothing after it, so that
// a second one can be asked for, and nobody has to end the input.
func readLine(in io.Reader, most int) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < most; {
		n, err := in.Read(one)
		if n > 0 && one[0] == '\n' {
			return string(line), nil
		}
		line = append(line, one[:n]...)
		if errors.Is(err, io.EOF) && len(line) > 0 {
			return string(line), nil
		}
		if err != nil {
			return "", err
		}
	}
	return string(line), nil
}

// statementFlags say about whom and about what a statement is.
type statementFlags struct {
	siteFlag
	numberFlag
	Organisation []string `placeholder:"ODS" help:"Only about requests of this organisation's staff. May be given more than once."`
	Section      []string `placeholder:"NAME" help:"Only about this section, such as MEDICATIONS. May be given more than once."`
	Effective    string   `placeholder:"DATE" help:"From when it holds: YYYY-MM-DD, or with a time and offset. Now, unless given."`
	By           string   `placeholder:"NAME" help:"Who recorded it, for the record. Your account is journalled in any case."`
}

// statement returns the statement of the flags.
func (f *statementFlags) statement(s *streams, kind care.DirectiveKind) (d care.Directive, err error) {
	d = care.Directive{Kind: kind, By: f.By}
	if err := checkBy(f.By); err != nil {
		return d, err
	}
	if d.Scope, err = f.scope(kind); err != nil {
		return d, err
	}
	if d.Effective, err = f.effective(kind); err != nil {
		return d, err
	}
	d.NHSNumber, err = f.read(s)
	return d, err
}

// checkBy checks who is to have recorded something.
func checkBy(name string) error {
	if len(name) <= rule.MaxBy && utf8.ValidString(name) && printable(name) == name {
		return nil
	}
	return keyError(care.BadRequest, "BY", fmt.Sprintf("--by is longer than %d bytes, or holds characters that cannot be printed", rule.MaxBy), nil)
}

// scope returns what the statement is about.
func (f *statementFlags) scope(kind care.DirectiveKind) (scope care.Scope, err error) {
	fail := func(detail string) (care.Scope, error) {
		return care.Scope{}, keyError(care.BadRequest, "SCOPE", detail, nil)
	}
	for _, code := range f.Organisation {
		code := care.ODSCode(strings.ToUpper(code))
		if !code.Valid() {
			return fail("--organisation is not an ODS code, such as RWH or E82001")
		}
		scope.Organisations = append(scope.Organisations, code)
	}
	for _, name := range f.Section {
		section, ok := care.ParseSection(name)
		if !ok {
			return fail("--section is not the name of a section; names are those of the configuration, such as MEDICATIONS")
		}
		scope.Sections = scope.Sections.With(section)
	}
	switch {
	case len(scope.Organisations) > 0 && scope.Sections != 0:
		return fail("give --organisation or --section, not both")
	case !scope.IsZero() && (kind == care.Restriction || kind == care.Unrestricted):
		return fail("a restriction is about the whole patient; leave out --organisation and --section")
	}
	return scope, nil
}

// effective returns from when the statement holds; the zero time is from now on,
// which the agent dates itself: this machine's clock may be wrong. Of a day whose hour is not
// known, what withholds holds from its end and what permits from its beginning:
// of two statements on one day the one that withholds wins.
func (f *statementFlags) effective(kind care.DirectiveKind) (time.Time, error) {
	if f.Effective == "" {
		return time.Time{}, nil
	}
	d, err := care.ParseDateTime(f.Effective, time.Local)
	if err != nil || d.Precision < care.ToDay {
		return time.Time{}, &care.Error{Kind: care.BadRequest, Op: ownOp, Detail: "--effective is not a date; write YYYY-MM-DD"}
	}
	if d.Precision == care.ToDay && (kind == care.Dissent || kind == care.Restriction) {
		return d.Time.AddDate(0, 0, 1).Add(-time.Millisecond), nil
	}
	return d.Time, nil
}

// consentSet records one statement.
type consentSet struct {
	Directive string `arg:"" enum:"dissent,consent,restriction,unrestricted" help:"dissent, consent, restriction or unrestricted."`
	statementFlags
	Code       string `placeholder:"CODE" help:"Code of the entry in the patient's record that says so, with --code-system."`
	CodeSystem string `placeholder:"URI" help:"System of the code, such as http://snomed.info/sct."`
}

// Help shows examples.
func (consentSet) Help() string {
	return `It takes effect at the very next request. A dissent cannot be overridden by anyone who asks for the record; only a later consent lifts it. With --organisation or --section it is about requests of those organisations' staff, or about those sections, only.

Examples:
  mcr-agent consent set dissent                      asks for the NHS number
  mcr-agent consent set dissent --organisation RWH
  mcr-agent consent set dissent --section MEDICATIONS --by Reception
  mcr-agent consent set consent --effective 2026-03-01
  echo 9990000018 | mcr-agent consent set restriction`
}

// Run records the statement.
func (c *consentSet) Run(s *streams) error {
	if (c.Code == "") != (c.CodeSystem == "") {
		return keyError(care.BadRequest, "CODE", "give --code and --code-system together", nil)
	}
	kind, _ := care.ParseDirectiveKind(strings.ToUpper(c.Directive))
	d, err := c.statement(s, kind)
	if err != nil {
		return err
	}
	d.Code = care.Coding{System: c.CodeSystem, Code: c.Code}
	site, err := c.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	return site.record(s, &d)
}

// record hands in one statement and tells what became of it.
func (l *local) record(s *streams, d *care.Directive) error {
	reply, err := l.consent.RecordDirectives(context.Background(), &edgev1.RecordDirectivesRequest{Directives: []*edgev1.Directive{directiveMessage(d)}})
	if err != nil {
		err = refusedBy(err)
		if refused, ok := errors.AsType[*refusedError](err); ok { // whoever hands in one need not be told which
			refused.text = strings.Replace(refused.text, ": directive 1: ", ": ", 1)
		}
		return err
	}
	if reply.GetChanged() == 0 {
		fmt.Fprintln(s.out, "Written to the journal, but it changes nothing: the site holds the same statement, or one of a later date, which counts. What holds now: mcr-agent consent show.")
		return nil
	}
	fmt.Fprintf(s.out, "Recorded, and in force from the next request. Journal entry %d.\n", reply.GetJournalSequence())
	return nil
}

// directiveMessage is how a statement of the site is handed in.
func directiveMessage(d *care.Directive) *edgev1.Directive {
	m := &edgev1.Directive{NhsNumber: d.NHSNumber.Reveal(), Kind: edgev1.DirectiveKind(d.Kind),
		RecordedBy: d.By, CodeSystem: d.Code.System, Code: d.Code.Code}
	if !d.Effective.IsZero() {
		m.Effective = timestamppb.New(d.Effective)
	}
	if !d.Recorded.IsZero() {
		m.Recorded = timestamppb.New(d.Recorded)
	}
	for _, code := range d.Scope.Organisations {
		m.Organisations = append(m.Organisations, string(code))
	}
	for section := range d.Scope.Sections.All() {
		m.Sections = append(m.Sections, edgev1.Section(section))
	}
	return m
}

// because puts the reason of an answer in brackets.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// authorityOf names who has made a statement: "SITE", or "SOURCE clinical".
func authorityOf(d *edgev1.Directive) string {
	return strings.TrimSpace(d.GetAuthority() + " " + printable(d.GetSource()))
}

// scopeOf names what a statement is about, or nothing if that is everything.
func scopeOf(d *edgev1.Directive) string {
	var names []string
	for _, section := range d.GetSections() {
		names = append(names, care.Section(section).String())
	}
	return cmp.Or(strings.Join(d.GetOrganisations(), " "), strings.Join(names, " "))
}
