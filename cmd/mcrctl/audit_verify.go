package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/mycarerecord/edge-agent/agent/audit/verify"
)

// auditVerify is the command "audit verify".
type auditVerify struct {
	formatFlag
	File    string   `arg:"" type:"path" help:"ZIP file that mcr-agent audit export made."`
	Key     []string `required:"" placeholder:"KEY" sep:"none" help:"The journal's public key. May be given more than once."`
	Witness []string `placeholder:"KEY" sep:"none" help:"Public key of a witness. May be given more than once."`
}

// Help returns the examples.
func (*auditVerify) Help() string {
	return `Verifies exported journal entries with public keys alone: no connection, no site, no secret. Take the keys from somebody other than the sender of the file.

The exit code is 6 if something is wrong.

Example:

    mcrctl audit verify entries.zip --key "$(cat journal.vkey)" --witness "$(cat broker.vkey)"`
}

// Run verifies the file and shows what was found.
func (c *auditVerify) Run(p *program) error {
	f, err := os.Open(c.File)
	if err != nil {
		return errors.New("the file cannot be read; check its name and rights")
	}
	defer func() { _ = f.Close() }() // only read from
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return errors.New("that is no file")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := verify.CheckExport(ctx, f, info.Size(), append(c.Key, c.Witness...))
	if err != nil {
		return err
	}
	if c.Format == "json" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s\n", text)
	} else if err := report.Write(p.stdout); err != nil {
		return err
	}
	if !report.Fine() {
		return exit(exitHistory)
	}
	return nil
}
