package alerts

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// FileName is the name of the file in the agent's state folder that [Files].State
// names.
const FileName = "alerts"

// Files say which journal's alerts are meant.
type Files struct {
	Folder  string   // of the journal
	Archive string   // of its archived segments; may be empty
	State   string   // file that saves reading the whole journal; may be missing
	Key     [32]byte // secret, of State; that of the journal's search index
}

// archive returns the folder of archived segments, if it has been made.
func (f *Files) archive() string {
	if _, err := os.Stat(f.Archive); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return f.Archive
}

// List returns a site's open alerts, oldest first; with all, also those that
// were dealt with. For open alerts only what a running agent has not read yet
// is read of the journal; for all of them, all of it. It fails with
// care.AuditUnavailable if the journal cannot be read, and with the context's
// error. Alerts in archived or pruned segments that are not at hand are left
// out of all.
func List(ctx context.Context, f Files, all bool) ([]Alert, error) {
	b := book{whole: true}
	if !all {
		b, _ = f.load() // without it the journal is read from its beginning
	}
	if err := b.advance(ctx, &f, ended); err != nil {
		return nil, err
	}
	return b.alerts(), nil
}

// Find returns one alert and its entry, whose patient is sealed. It fails with
// care.RecordNotFound if there is no such alert, and as List does.
func Find(ctx context.Context, f Files, number uint64) (Alert, audit.Line, error) {
	none := &care.Error{Kind: care.RecordNotFound, Op: "alerts.Find", Reason: "NO_ALERT",
		Detail: "no entry with this number is an alert, or it was archived to a folder that is not at hand"}
	if number == 0 {
		return Alert{}, audit.Line{}, none
	}
	for entry, err := range audit.ReadWith(f.Folder, f.archive(), number, number) {
		if err != nil {
			return Alert{}, audit.Line{}, err
		}
		if !isAlert(&entry) {
			break
		}
		b := book{read: entry.Position(), open: []item{newItem(&entry)}, whole: true}
		if _, err := b.pass(ctx, &f, ended); err != nil {
			return Alert{}, audit.Line{}, err
		}
		return b.alerts()[0], entry, nil
	}
	return Alert{}, audit.Line{}, none
}

// ended rests for no time.
func ended(ctx context.Context) error { return ctx.Err() }
