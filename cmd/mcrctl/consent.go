package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
)

// consentPush is the command "consent push".
type consentPush struct {
	File     string    `arg:"" complete:"file" help:"CSV file with the header nhs_number,directive,effective,by; - is stdin."`
	Sequence uint64    `placeholder:"NUMBER" group:"What" help:"Number of the snapshot, greater than that of every earlier push; without it, one more than the site's last."`
	AsOf     time.Time `placeholder:"TIME" group:"What" help:"When the region knew these flags to be right, such as 2026-03-01T02:00:00Z; without it, when the file was last written."`
	formatFlag
	regionFlags
}

// Help returns the examples.
func (*consentPush) Help() string {
	return `The file is a snapshot: flags of the region that are not in it are gone. The site uses the old ones until the new ones are complete and on its disk. A directive is DISSENT, CONSENT, RESTRICTION or UNRESTRICTED. A fault in any line gives the whole push up.

Examples:

    mcrctl consent push flags.csv --region ./region

    mcrctl consent push - --sequence 812 --as-of 2026-03-01T02:00:00Z --region ./region < flags.csv`
}

// Run pushes the file.
func (c *consentPush) Run(p *program) error {
	file, asOf, err := c.open(p)
	if err != nil {
		return err
	}
	defer file.Close()
	return c.call(func(ctx context.Context, client *edge.Client) error {
		push := edge.Push{Sequence: c.Sequence, AsOf: asOf}
		if push.Sequence == 0 {
			state, err := client.ConsentState(ctx)
			if err != nil {
				return err
			}
			push.Sequence = state.GetSequence() + 1
		}
		state, err := client.PushSnapshot(ctx, push, consent.ParseFile(file))
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return view.Message(p.stdout, state)
		}
		view.ConsentState(p.stdout, state)
		return nil
	})
}

// open opens the file and tells when its flags were right. Now is never
// assumed: an old file must not make old flags look fresh.
func (c *consentPush) open(p *program) (io.ReadCloser, time.Time, error) {
	if c.File == "-" {
		if c.AsOf.IsZero() {
			return nil, time.Time{}, fmt.Errorf("from stdin, --as-of must say when these flags were right")
		}
		return io.NopCloser(p.stdin), c.AsOf, nil
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s cannot be read; check the path and your rights", c.File)
	}
	if !c.AsOf.IsZero() {
		return file, c.AsOf, nil
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, time.Time{}, fmt.Errorf("%s does not tell when it was written; give --as-of", c.File)
	}
	return file, info.ModTime(), nil
}

// consentState is the command "consent state".
type consentState struct {
	formatFlag
	regionFlags
}

// Help returns the examples.
func (*consentState) Help() string {
	return `Example:

    mcrctl consent state --region ./region`
}

// Run asks and shows the answer.
func (c *consentState) Run(p *program) error {
	return c.call(func(ctx context.Context, client *edge.Client) error {
		state, err := client.ConsentState(ctx)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return view.Message(p.stdout, state)
		}
		view.ConsentState(p.stdout, state)
		return nil
	})
}
