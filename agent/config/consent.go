package config

import (
	"path/filepath"
	"time"
)

// Consent says how a patient's choice is applied and where it is read from.
type Consent struct {
	// What holds for a patient who has said nothing: opt-out shares, ask shares
	// only with the patient's permission to view. There is no default.
	Model ConsentModel `yaml:"model,required"`

	// How old the region's flags may be. Older ones refuse every patient.
	MaxAge time.Duration `yaml:"max_age" range:"5m..720h"`

	// Verifier keys of those who may sign the region's flags, as "mcrctl
	// consent key" prints them. Without any, whoever has the role consent may
	// replace all flags, signed or not.
	RegionKeys []string `yaml:"region_keys"`

	// Folder that is watched for CSV files of the site's own statements; see
	// consent.md.
	Folder string `yaml:"folder"`

	// CSV file that says what codes in record systems mean, in the place of the
	// list that comes with the agent; see consent-codes.md.
	Codes string `yaml:"codes"`
}

// ConsentModel is what holds for a patient who has said nothing.
type ConsentModel string

// The models.
const (
	OptOut ConsentModel = "opt-out"
	Ask    ConsentModel = "ask"
)

// Values returns the models.
func (ConsentModel) Values() []string { return []string{string(OptOut), string(Ask)} }

// SourceConsent says how a source's own consent codes are read. It matters only
// for a source whose settings say where they are.
type SourceConsent struct {
	// How often all of them are read. Those of the patient asked for are read
	// at every request where the source can tell them, unless the patient is
	// known to be restricted.
	Every time.Duration `yaml:"every" range:"1m..24h"`

	// How old the last whole reading may be. An older one refuses every
	// patient.
	MaxAge time.Duration `yaml:"max_age" range:"5m..720h"`
}

// PerHour is how much those who ask may do within an hour.
type PerHour struct {
	// By one user.
	User int `yaml:"user" range:"1..1000000"`

	// By one organisation.
	Organisation int `yaml:"organisation" range:"1..1000000"`

	// By one broker.
	Broker int `yaml:"broker" range:"1..10000000"`
}

// Percent is a share of the answers within an hour.
type Percent struct {
	// To one user.
	User int `yaml:"user" range:"1..100"`

	// To one organisation.
	Organisation int `yaml:"organisation" range:"1..100"`

	// To one broker.
	Broker int `yaml:"broker" range:"1..100"`
}

// Alerts says how the site's privacy officer is told of alerts.
type Alerts struct {
	// Program to run at an alert, as an absolute path, and its arguments. It is
	// given a reference on its standard input, never patient data; see
	// alerts.md. Without it alerts stand in the log and the status.
	Command []string `yaml:"command"`
}

func (c *Consent) validate(d *decoder) {
	checkFile(d, "$.consent.folder", c.Folder)
	checkFile(d, "$.consent.codes", c.Codes)
	seen := map[string]string{}
	for i, key := range c.RegionKeys {
		path := index("$.consent.region_keys", i)
		checkUnique(d, seen, path, key)
		if !verifierKey(key) {
			d.report(path, quote(key)+" is not a verifier key, such as region.example/consent+0a1b2c3d+BAbc...")
		}
	}
}

func (a *Alerts) validate(d *decoder) {
	if len(a.Command) > 0 && !filepath.IsAbs(a.Command[0]) {
		d.report("$.alerts.command[0]", quote(a.Command[0])+" is not an absolute path of a program")
	}
}

func (s *Source) validateConsent(d *decoder, path string) {
	if s.Consent.MaxAge < s.Consent.Every {
		d.report(path+".consent.max_age", "max_age is shorter than every ("+s.Consent.Every.String()+"), so every patient would be refused", path+".consent.every")
	}
}
