package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/verify/export"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// auditExport copies entries out of the journal.
type auditExport struct {
	siteFlag
	From uint64 `help:"Number of the first entry." default:"1"`
	To   uint64 `help:"Number of the last entry. The newest that is signed, unless given."`
	Out  string `required:"" placeholder:"FILE" type:"path" help:"New ZIP file, for your account only. A file that is there is never overwritten."`
}

// Help shows examples.
func (auditExport) Help() string {
	return `Copies entries to a ZIP file together with the proofs that they are in this journal. Anyone who has the journal's public key can verify it with 'mcrctl audit verify'. Patients' numbers in it stay encrypted; names of staff do not. That entries are copied is journalled first.

Examples:
  mcr-agent audit export --out journal.zip
  mcr-agent audit export --from 1200 --to 1300 --out entries.zip`
}

// Run exports entries.
func (c auditExport) Run(s *streams) error {
	if c.To != 0 && c.To < c.From {
		return keyError(care.BadRequest, "ENTRIES", "--to is the number of an entry before --from", nil)
	}
	journal, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	x, err := export.Prepare(export.Options{
		Folder: journal.Folder, Archive: journal.Archive, Keys: journal.VerifierKeys, From: c.From, To: c.To,
	})
	if err != nil {
		return err
	}
	if err := journal.Note(ctx, care.Event{Kind: care.JournalExported, From: x.From, To: x.To}); err != nil {
		return err
	}
	if err := c.write(ctx, x); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Entries %d to %d are in %s.\nThe journal's public key, which whoever verifies them needs: %s\n", x.From, x.To, c.Out, journal.VerifierKeys[0])
	return nil
}

// write writes the file, or leaves none.
func (c auditExport) write(ctx context.Context, x *export.Export) error {
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		detail := "the file cannot be made; see the rights of its folder"
		if errors.Is(err, os.ErrExist) {
			detail = "there is a file of that name; choose another"
		}
		return &care.Error{Kind: care.BadRequest, Op: ownOp, Reason: "OUT", Detail: detail, Err: err}
	}
	err = x.Write(ctx, f, time.Now())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	return nil
}
