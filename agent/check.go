package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/alerts"
	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/inbox"
	"github.com/mycarerecord/edge-agent/agent/identity"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// Check looks at everything that a site's agent.yaml names and returns every
// fault for which New would refuse to start, or a part of the agent would not do
// its work, by paths below "$". Sources are opened, which calls nothing, and
// closed again. Nothing is made, changed or called, and what the stores hold is
// not looked at.
func Check(ctx context.Context, site *config.Site, open OpenSource) config.Problems {
	c := &checks{}
	for _, p := range identity.CheckFiles(filesOf(site), time.Now()) {
		c.found = append(c.found, care.Problem{Path: "identity." + p.Path, Detail: p.Detail})
	}
	c.consent(&site.Consent)
	c.journal(&site.Journal)
	c.state(site)
	if command := site.Alerts.Command; len(command) > 0 {
		c.add("alerts.command[0]", alerts.CheckCommand(command[0]))
	}
	for i, source := range site.Sources {
		connector, err := open(ctx, source, hclog.NewNullLogger())
		if err == nil {
			err = connector.Close()
		}
		c.add(fmt.Sprintf("sources[%d].settings", i), err)
	}
	return site.Problems("$", c.found)
}

// checks gathers faults.
type checks struct{ found []care.Problem }

// add adds what an error says, if there is one, at a path below "$".
func (c *checks) add(path string, err error) {
	if err == nil {
		return
	}
	detail := "it cannot be used"
	if e, ours := errors.AsType[*care.Error](err); ours && e.Detail != "" {
		detail = e.Detail
	}
	c.found = append(c.found, care.Problem{Path: path, Detail: detail})
}

// consent looks at what the consent store is filled from.
func (c *checks) consent(s *config.Consent) {
	for i, key := range s.RegionKeys {
		if feed.CheckKeys([]string{key}) != nil {
			c.add(fmt.Sprintf("consent.region_keys[%d]", i), mistyped("mcrctl consent key"))
		}
	}
	_, err := codesOf(s.Codes)
	c.add("consent.codes", err)
	if s.Folder != "" {
		c.add("consent.folder", inbox.CheckFolder(s.Folder))
	}
}

// journal looks at who vouches for the journal and who gets copies of it.
func (c *checks) journal(j *config.Journal) {
	for i, key := range j.Witnesses {
		if _, _, err := tree.ParseHead(nil, key); care.ReasonOf(err) == tree.ReasonKey {
			c.add(fmt.Sprintf("journal.witnesses[%d]", i), mistyped("mcrctl audit witness --show-key"))
		}
	}
	if j.ArchiveFolder != "" {
		c.add("journal.archive_folder", audit.CheckFolder(j.ArchiveFolder))
	}
	for i := range j.Forward {
		_, err := receiverTLS(&j.Forward[i])
		c.add(fmt.Sprintf("journal.forward[%d]", i), err)
	}
}

// mistyped is the fault of a key that has the form of one and is none.
func mistyped(command string) error {
	return &care.Error{Kind: care.BadRequest, Detail: "this is not a key as " + command + " has printed one; copy it anew"}
}

// maxSocketPath is the longest path of a local socket, in bytes: sun_path has
// 108 with the zero at its end (unix(7) of Linux, afunix.h of Windows).
const maxSocketPath = 107

// state looks at the state folder and the site key.
func (c *checks) state(site *config.Site) {
	if len(SocketPath(site)) > maxSocketPath {
		c.found = append(c.found, care.Problem{Path: "state_folder",
			Detail: fmt.Sprintf("its path has more than %d bytes, so that the local socket in it cannot be opened; choose a shorter one", maxSocketPath-len(socketFile)-1)})
	}
	for at := site.StateFolder; ; at = filepath.Dir(at) { // what is there of its path
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			c.found = append(c.found, care.Problem{Path: "state_folder", Detail: at + " is not a folder"})
			return
		}
		if err == nil || filepath.Dir(at) == at {
			break
		}
	}
	c.add("state_folder", audit.CheckFolder(JournalFolder(site)))
	key := site.SiteKey
	if key.SystemdCredential != "" && os.Getenv("CREDENTIALS_DIRECTORY") == "" {
		return // only the service has it
	}
	_, err := sitekey.Open(KeySource(site))
	switch reason := care.ReasonOf(err); {
	case reason == "KEY_PROTECTED": // opens for the agent's account alone
	case reason == "KEY_MISSING" && !hasStores(site) && key.SystemdCredential == "": // is made by the first start
	default:
		c.add(cmp.Or(keyPath(&key), "state_folder"), err)
	}
}

// keyPath is where agent.yaml says where the site key is kept, if it does.
func keyPath(key *config.SiteKey) string {
	switch {
	case key.File != "":
		return "site_key.file"
	case key.DPAPIFile != "":
		return "site_key.dpapi_file"
	case key.SystemdCredential != "":
		return "site_key.systemd_credential"
	}
	return ""
}

// hasStores reports whether a site has stored anything yet.
func hasStores(site *config.Site) bool {
	for _, store := range []string{ConsentPath(site), JournalFolder(site)} {
		if _, err := os.Lstat(store); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
