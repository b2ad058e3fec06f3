package main

import (
	"context"
	"fmt"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// journalFiles is a site's journal as commands read it: the files, and the keys
// to them. It may be used whether or not the agent runs.
type journalFiles struct {
	Folder       string
	Archive      string // of archived segments; may be empty
	Box          *audit.Box
	IndexKey     [32]byte
	VerifierKeys []string // the journal's own, then its witnesses'
	Site         *config.Site

	flag    siteFlag
	streams *streams
}

// openJournal finds the journal of a site and its keys.
func openJournal(f siteFlag, s *streams) (*journalFiles, error) {
	site, err := f.load()
	if err != nil {
		return nil, err
	}
	key, err := sitekey.Open(agent.KeySource(site))
	if err != nil {
		return nil, err
	}
	keys, err := agent.JournalKeysOf(site, key)
	if err != nil {
		return nil, err
	}
	return &journalFiles{
		Folder: agent.JournalFolder(site), Archive: site.Journal.ArchiveFolder,
		Box: keys.Box, IndexKey: keys.Index,
		VerifierKeys: append([]string{keys.Signer.VerifierKey()}, site.Journal.Witnesses...),
		Site:         site, flag: f, streams: s,
	}, nil
}

// journalUses says how the agent is told of each use of the journal or the key.
var journalUses = map[care.EventKind]edgev1.JournalUse{
	care.JournalSearched:  edgev1.JournalUse_JOURNAL_USE_SEARCH,
	care.JournalExported:  edgev1.JournalUse_JOURNAL_USE_EXPORT,
	care.IntegrityChecked: edgev1.JournalUse_JOURNAL_USE_VERIFY,
	care.SiteKeyCopied:    edgev1.JournalUse_JOURNAL_USE_KEY_COPIED,
	care.SiteKeyRestored:  edgev1.JournalUse_JOURNAL_USE_KEY_RESTORED,
}

// Note has the running agent, or this command if none runs, write down what is
// done with the journal. It comes before any result is shown. That the journal
// cannot be written at present keeps nobody at the site from reading it.
func (j *journalFiles) Note(ctx context.Context, e care.Event) error {
	line, err := j.flag.open(j.streams)
	if err != nil {
		return err
	}
	defer line.close()
	return line.note(ctx, j.streams, e)
}

// note has the agent write down what is done at the site.
func (l *local) note(ctx context.Context, s *streams, e care.Event) error {
	use := &edgev1.NoteUseRequest{Use: journalUses[e.Kind], Query: e.Query, From: e.From, To: e.To, Finding: e.Detail, Faulty: e.Alert}
	if e.Request != nil {
		use.NhsNumber = e.Request.Subject.NHSNumber.Reveal()
	}
	reply, err := l.audit.NoteUse(ctx, use)
	if err != nil {
		return refusedBy(err)
	}
	if reply.GetNoted().GetSequence() == 0 {
		fmt.Fprintln(s.err, "The journal cannot be written at present: what you do is written down once it can be.")
	}
	return nil
}
