package agent

import (
	"context"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// auditDesk is the journal as witnesses and people at the site use it.
type auditDesk struct{ agent *Agent }

// Head returns the signed head of all entries on disk.
func (d auditDesk) Head() (uint64, []byte, error) { return d.agent.journal.Head() }

// Consistency proves that the journal begins with its first old entries.
func (d auditDesk) Consistency(old uint64) ([]byte, [][32]byte, error) {
	_, note, proof, err := d.agent.journal.Consistency(old)
	return note, proof, err
}

// Countersigned keeps a countersigned head.
func (d auditDesk) Countersigned(_ context.Context, note []byte) (care.Position, error) {
	_, at, err := d.agent.journal.Countersigned(note)
	return at, err
}

// VerifierKey is the key by which heads are checked.
func (d auditDesk) VerifierKey() string { return d.agent.keys.Signer.VerifierKey() }

// Note writes down what a person at the site does with the journal. While the
// journal cannot be written they may go on all the same: what they do is kept
// and written once it can be.
func (d auditDesk) Note(ctx context.Context, e care.Event) (care.Position, error) {
	e.ConfigHash = d.agent.site.Fingerprint()
	entry := d.agent.journal.Append(e)
	err := entry.Wait(ctx)
	if care.KindOf(err) == care.AuditUnavailable {
		return care.Position{}, nil
	}
	return entry.Position(), err
}

// Archive moves closed segments to the archive folder.
func (d auditDesk) Archive(ctx context.Context, actor string, before time.Time) (int, error) {
	folder := d.agent.site.Journal.ArchiveFolder
	if folder == "" {
		return 0, &care.Error{Kind: care.BadRequest, Op: "agent.Archive", Reason: "NO_FOLDER",
			Detail: "agent.yaml names no journal.archive_folder to move segments to"}
	}
	closed, err := d.agent.journal.Closed()
	if err != nil {
		return 0, err
	}
	var upTo uint64
	for _, s := range closed {
		if s.Until.Before(before) {
			upTo = s.Last
		}
	}
	if upTo == 0 {
		return 0, nil
	}
	return d.agent.journal.Archive(ctx, folder, upTo, care.Event{Actor: actor, ConfigHash: d.agent.site.Fingerprint()})
}
