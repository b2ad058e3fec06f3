package agent

import (
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// What the journal derives from the site key. The texts can never change:
// journal-format.md and every journal that was written depend on them.
const (
	purposePatient = "mcr journal v1: patient"
	purposeHead    = "mcr journal v1: head"
	purposeIndex   = "mcr journal v1: index"
)

// KeySource says where a site keeps its key.
func KeySource(site *config.Site) sitekey.Source {
	k := site.SiteKey
	switch {
	case k.SystemdCredential != "":
		return sitekey.Source{Place: sitekey.Credential, Path: os.Getenv("CREDENTIALS_DIRECTORY"), Name: k.SystemdCredential}
	case k.DPAPIFile != "":
		return sitekey.Source{Place: sitekey.DPAPI, Path: k.DPAPIFile}
	case k.File != "":
		return sitekey.Source{Path: k.File}
	}
	return sitekey.Source{Path: filepath.Join(site.StateFolder, KeyFile)}
}

// openKey opens the site key. A key is made only for a site that has stored
// nothing yet: beside old stores a new key would fit none of them, and hide
// that the right one is on a disk that is not mounted.
func openKey(site *config.Site) (sitekey.Key, error) {
	if hasStores(site) {
		return sitekey.Open(KeySource(site))
	}
	return sitekey.OpenOrCreate(KeySource(site))
}

// JournalKeys are the keys of a site's journal.
type JournalKeys struct {
	Box    *audit.Box   // seals what names a patient
	Signer *tree.Signer // signs the journal's heads
	Index  [32]byte     // of the search index
}

// JournalKeysOf derives the keys of a site's journal.
func JournalKeysOf(site *config.Site, key sitekey.Key) (JournalKeys, error) {
	box, err := audit.NewBox(key.Derive(purposePatient), key.ID(purposePatient))
	if err != nil {
		return JournalKeys{}, err
	}
	seed := key.Derive(purposeHead)
	signer, err := tree.NewSigner(Origin(site.Organisation.ODSCode), &seed)
	if err != nil {
		return JournalKeys{}, err
	}
	return JournalKeys{Box: box, Signer: signer, Index: key.Derive(purposeIndex)}, nil
}

// Origin is the name of a site's journal in its signed heads.
func Origin(site care.ODSCode) string { return "mycarerecord/" + string(site) + "/journal" }

func (a *Agent) journalOptions(keys JournalKeys) audit.Options {
	return audit.Options{Box: keys.Box, Signer: keys.Signer, Witnesses: a.site.Journal.Witnesses,
		MaxBytes: int64(a.site.Journal.MaxSize), Log: a.log.Named("audit")}
}

// RenewJournal begins a new journal in the place of one that lost entries. The
// agent must not be running.
func RenewJournal(site *config.Site, reason string, log hclog.Logger) error {
	key, err := sitekey.Open(KeySource(site))
	if err != nil {
		return err
	}
	a := &Agent{site: site, log: log}
	if a.keys, err = JournalKeysOf(site, key); err != nil {
		return err
	}
	return audit.Renew(JournalFolder(site), a.journalOptions(a.keys), reason)
}
