package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// askingFlags say who asks, why, and about whom.
type askingFlags struct {
	As               string `placeholder:"FILE" complete:"file" group:"Who asks" help:"YAML file with user_id, user_name, role_code, role_name, role_profile, organisation and organisation_name. The flags below replace single ones."`
	UserID           string `placeholder:"ID" group:"Who asks" help:"SDS user id, or the account in the user's own system."`
	UserName         string `placeholder:"NAME" group:"Who asks" help:"Name as a patient who asks who looked is told it."`
	RoleCode         string `placeholder:"CODE" group:"Who asks" help:"SDS job role or RBAC code, such as R0260."`
	RoleName         string `placeholder:"NAME" group:"Who asks" help:"The role in words."`
	RoleProfile      string `placeholder:"ID" group:"Who asks" help:"SDS role profile id, if there is one."`
	Organisation     string `placeholder:"ODS" group:"Who asks" help:"ODS code of the organisation in which the user works."`
	OrganisationName string `placeholder:"NAME" group:"Who asks" help:"Name of that organisation."`

	Purpose     string      `enum:"TREAT,ETREAT,BTG" default:"TREAT" group:"Why" help:"TREAT: direct care. ETREAT: in an emergency. BTG: break-glass, without asking; the site is alerted."`
	Permission  string      `enum:"ASKED,PATIENT_ABSENT,EMERGENCY,NOT_ASKED" required:"" group:"Why" help:"Outcome of asking the patient: ASKED (and agreed), PATIENT_ABSENT, EMERGENCY or NOT_ASKED."`
	Reason      string      `placeholder:"TEXT" group:"Why" help:"Why the patient was not asked; BTG needs one."`
	AlertReason alertReason `placeholder:"CODE" group:"Why" help:"The same as a code (SCR-AlertReason). BTG takes PUBLIC_INTEREST, STATUTE, COURT_ORDER and EMERGENCY; PATIENT_ABSENT takes PUBLIC_INTEREST, STATUTE, COURT_ORDER, SELF_CLAIMED_EMERGENCY and OTHER."`
	RequestID   string      `placeholder:"ID" group:"Why" help:"Unique id of the request; the agent makes one."`

	NHSNumber     string `name:"nhs-number" placeholder:"NUMBER" group:"The patient" help:"NHS number. Other users of this machine can see command lines: without this flag and --nhs-number-file the number is read from stdin."`
	NHSNumberFile string `name:"nhs-number-file" placeholder:"FILE" complete:"file" group:"The patient" help:"File whose first line is the NHS number; - is stdin."`
	FamilyName    string `placeholder:"NAME" group:"The patient" help:"Family name; the site compares it with its own."`
	GivenName     string `placeholder:"NAME" group:"The patient" help:"First given name; needed where the date of birth is not exact."`
	BirthDate     string `placeholder:"DATE" group:"The patient" help:"Date of birth: YYYY-MM-DD, or YYYY-MM or YYYY where no more is known."`
	Gender        string `placeholder:"GENDER" group:"The patient" help:"male, female, other or unknown; may be left out."`
}

// profile is a requester as the file of --as has one.
type profile struct {
	UserID           string `yaml:"user_id"`
	UserName         string `yaml:"user_name"`
	RoleCode         string `yaml:"role_code"`
	RoleName         string `yaml:"role_name"`
	RoleProfile      string `yaml:"role_profile"`
	Organisation     string `yaml:"organisation"`
	OrganisationName string `yaml:"organisation_name"`
}

// context returns what every request about a patient carries.
func (f *askingFlags) context(p *program) (*edgev1.Context, error) {
	requester, err := f.requester()
	if err != nil {
		return nil, err
	}
	number, err := f.number(p)
	if err != nil {
		return nil, err
	}
	purpose, _ := care.ParsePurpose(f.Purpose)
	permission, _ := care.ParsePermission(f.Permission)
	return &edgev1.Context{
		RequestId: f.RequestID, Software: "mcrctl/" + buildVersion(), Requester: requester,
		Purpose: edgev1.Purpose(purpose), Permission: edgev1.Permission(permission), Reason: f.Reason, AlertReason: edgev1.AlertReason(f.AlertReason),
		Subject: &edgev1.Subject{NhsNumber: number, FamilyName: f.FamilyName, GivenName: f.GivenName,
			BirthDate: f.BirthDate, Gender: f.Gender},
	}, nil
}

func (f *askingFlags) requester() (*edgev1.Requester, error) {
	var as profile
	if f.As != "" {
		var err error
		if as, err = readProfile(f.As); err != nil {
			return nil, err
		}
	}
	or := func(flag, file string) string {
		if flag != "" {
			return flag
		}
		return file
	}
	return &edgev1.Requester{
		UserId: or(f.UserID, as.UserID), UserName: or(f.UserName, as.UserName),
		RoleCode: or(f.RoleCode, as.RoleCode), RoleName: or(f.RoleName, as.RoleName), RoleProfile: or(f.RoleProfile, as.RoleProfile),
		Organisation: or(f.Organisation, as.Organisation), OrganisationName: or(f.OrganisationName, as.OrganisationName),
	}, nil
}

// Limits of the files, in bytes.
const (
	maxProfile    = 16 << 10
	maxNumberLine = 64
)

// readProfile reads a requester. A key that it does not know is an error: a
// misspelt one would leave a part of the requester out.
func readProfile(path string) (profile, error) {
	var as profile
	file, err := os.Open(path)
	if err != nil {
		return as, fmt.Errorf("%s cannot be read; check the path and your rights", path)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxProfile+1))
	if err != nil || len(data) > maxProfile {
		return as, fmt.Errorf("%s cannot be read, or is larger than 16 KiB", path)
	}
	if err := yaml.UnmarshalWithOptions(data, &as, yaml.Strict()); err != nil {
		return as, fmt.Errorf("%s is not a requester: write lines such as \"user_id: 123\" with the keys user_id, user_name, "+
			"role_code, role_name, role_profile, organisation, organisation_name", path)
	}
	return as, nil
}

// number returns the NHS number from the flag, the file or stdin.
func (f *askingFlags) number(p *program) (string, error) {
	switch {
	case f.NHSNumber != "":
		return f.NHSNumber, nil
	case f.NHSNumberFile != "" && f.NHSNumberFile != "-":
		file, err := os.Open(f.NHSNumberFile)
		if err != nil {
			return "", fmt.Errorf("%s cannot be read; check the path and your rights", f.NHSNumberFile)
		}
		defer file.Close()
		return firstLine(file)
	}
	if terminal, ok := p.stdin.(*os.File); ok && isTerminal(terminal) {
		fmt.Fprint(p.stderr, "NHS number: ")
	}
	return firstLine(p.stdin)
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxNumberLine)).ReadString('\n')
	if line = strings.TrimSpace(line); line != "" {
		return line, nil
	}
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("the NHS number cannot be read")
	}
	return "", fmt.Errorf("no NHS number: write it to stdin, or use --nhs-number-file or --nhs-number")
}

// alertReason is a reason for an alert on the command line.
type alertReason care.AlertReason

// UnmarshalText reads a reason's code.
func (r *alertReason) UnmarshalText(text []byte) error {
	reason, ok := care.ParseAlertReason(string(text))
	if !ok {
		return fmt.Errorf("it must be one of PUBLIC_INTEREST, STATUTE, COURT_ORDER, SELF_CLAIMED_EMERGENCY, EMERGENCY and OTHER")
	}
	*r = alertReason(reason)
	return nil
}

// sectionName is a section on the command line; case and the choice of "-" or
// "_" do not matter.
type sectionName care.Section

// UnmarshalText reads a section's name.
func (s *sectionName) UnmarshalText(text []byte) error {
	section, ok := care.ParseSection(string(text))
	if !ok {
		return fmt.Errorf("there is no such section; they are %s", strings.ToLower(care.AllSections.String()))
	}
	*s = sectionName(section)
	return nil
}

// sectionFlags say which sections are meant.
type sectionFlags struct {
	Section []sectionName `placeholder:"NAME" complete:"section" group:"What" help:"Section to read, such as allergies or care-plans. Repeat it for more; without it all are read."`
}

func (f *sectionFlags) sections() []edgev1.Section {
	var list []edgev1.Section
	for _, s := range f.Section {
		list = append(list, edgev1.Section(s))
	}
	return list
}
