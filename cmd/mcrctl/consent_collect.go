package main

import (
	"context"
	"fmt"
	"io"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
)

// consentCollect is the command "consent collect".
type consentCollect struct {
	After uint64 `required:"" placeholder:"CURSOR" group:"What" help:"The cursor that the last collection printed; 0 for everything."`
	Out   string `short:"o" default:"-" placeholder:"FILE" complete:"file" group:"What" help:"File to write, which must not be there yet; - is stdout. The file appears only when it is whole."`
	memoryFlags
}

// Help returns the examples.
func (*consentCollect) Help() string {
	return `Writes what was stated at the site after the cursor, by the site itself and in its record systems, as a CSV file of flags, so that the region can tell its other sites. The new cursor is printed on stdout, or on stderr when the flags go to stdout; keep it for the next time. The exit code is 3 when older statements may be missing, because the site keeps that part of its journal elsewhere: ask the site for them.

Example:

    mcrctl consent collect --after 0 --out stated.csv --region ./region`
}

// Run collects.
func (c *consentCollect) Run(p *program) error {
	return c.remembering(p, false, func(ctx context.Context, client *edge.Client, _ *memory) error {
		told := collection{cursor: c.After}
		write := func(w io.Writer) error { return told.write(ctx, client, w) }
		if c.Out == "-" {
			if err := write(p.stdout); err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "cursor %d\n", told.cursor)
		} else {
			if err := saved(c.Out, write); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(p.stdout, "cursor %d\n", told.cursor); err != nil {
				return err
			}
		}
		if told.oldest > 0 {
			fmt.Fprintf(p.stderr, "NOT WHOLE: the site's journal can be read from entry %d on; what was stated after entry %d and before that is missing here\n", told.oldest, c.After)
			return exit(exitNotWhole)
		}
		return nil
	})
}

// collection is what was stated at a site, and how far it was told.
type collection struct {
	cursor uint64
	oldest uint64 // first entry that could be read, if there is a gap before it
}

func (c *collection) write(ctx context.Context, client *edge.Client, w io.Writer) error {
	after := c.cursor
	return feed.WriteFile(w, func(yield func(care.Directive, error) bool) {
		for part, err := range client.LocalDirectives(ctx, after) {
			if err != nil {
				yield(care.Directive{}, err)
				return
			}
			for _, d := range part.Directives {
				if !yield(d, nil) {
					return
				}
			}
			if part.Gap(c.cursor) { // of the call that the part answers
				c.oldest = part.Oldest
			}
			c.cursor = max(c.cursor, part.Cursor)
		}
	})
}
