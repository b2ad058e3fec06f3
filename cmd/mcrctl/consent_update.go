package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentUpdate is the command "consent update".
type consentUpdate struct {
	File  string `arg:"" complete:"file" help:"CSV file of the flags as they are now."`
	Since string `required:"" placeholder:"OLDFILE" complete:"file" group:"What" help:"The file that was last pushed to the site."`
	pushFlags
	formatFlag
	memoryFlags
}

// Help returns the examples.
func (*consentUpdate) Help() string {
	return `Pushes only what FILE says beyond OLDFILE. Changes cannot take anything back: to lift a dissent write a CONSENT of a later date, and to lift a restriction an UNRESTRICTED. When a statement of OLDFILE is neither in FILE nor overtaken there, nothing is pushed. More than 1,000 changes are pushed as a snapshot. Exit codes are those of push.

Example:

    mcrctl consent update flags-0302.csv --since flags-0301.csv --region ./region --sign region.key`
}

// Run pushes the difference of the two files.
func (c *consentUpdate) Run(p *program) error {
	old, _, err := c.open(p, c.Since)
	if err != nil {
		return err
	}
	defer old.Close()
	file, asOf, err := c.open(p, c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	push, err := c.push(asOf)
	if err != nil {
		return err
	}
	return c.remembering(p, true, func(ctx context.Context, client *edge.Client, m *memory) error {
		state, err := client.ConsentState(ctx)
		if err != nil {
			return err
		}
		ledger, err := held(edge.RegionSet(state), flagsOf(c.Since, old), push, m)
		if err != nil {
			return err
		}
		if err := advance(ledger, edge.RegionSet(state), flagsOf(c.File, file), push); err != nil {
			return err
		}
		client.Progress = progress(p.stderr, time.Now)
		state, err = client.Sync(ctx, ledger, push.Signer)
		return p.pushed(state, err, asOf, m, c.Format)
	})
}

// held returns the ledger of the old file, which is what the site must hold.
func held(set *edgev1.ConsentSet, old iter.Seq2[care.Directive, error], push edge.Push, m *memory) (*feed.Ledger, error) {
	listed := m.Listed
	if listed.IsZero() {
		listed = set.GetAsOf().AsTime()
	}
	ledger := feed.NewLedger(push.Name(), set.GetSequence(), listed)
	if err := ledger.AdmitAll(old); err != nil {
		return nil, fmt.Errorf("the old file: %w", err)
	}
	if d := ledger.Digest(); !set.GetFilled() || string(d[:]) != string(set.GetDigest()) {
		return nil, fmt.Errorf("the site does not hold the flags of the old file; push the new file whole: mcrctl consent push")
	}
	return ledger, nil
}

// advance makes the ledger's next state what the file says, if changes can lead
// there.
func advance(ledger *feed.Ledger, set *edgev1.ConsentSet, file iter.Seq2[care.Directive, error], push edge.Push) error {
	if push.AsOf.Before(set.GetAsOf().AsTime()) {
		return fmt.Errorf("the file is older than what the site was told last, of %s; give --as-of if its flags are right as of a later time",
			set.GetAsOf().AsTime().Format(time.RFC3339))
	}
	if push.Sequence == 0 {
		push.Sequence = set.GetSequence() + 1
	}
	if err := ledger.Next(push.Sequence, push.AsOf); err != nil {
		return err
	}
	now := feed.NewLedger(push.Name(), push.Sequence, push.AsOf)
	both := func(yield func(care.Directive, error) bool) {
		for d, err := range file {
			if err == nil {
				_, err = now.Admit(d)
			}
			if !yield(d, err) {
				return
			}
		}
	}
	if err := ledger.AdmitAll(both); err != nil {
		return err
	}
	if ledger.Digest() != now.Digest() {
		return fmt.Errorf("statements of the old file are missing in the new one, and changes cannot take them back: write what was stated later (CONSENT, UNRESTRICTED), or push the new file whole if they were wrong: mcrctl consent push")
	}
	return nil
}
