package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// documentGet is the command "document get".
type documentGet struct {
	ID  string `arg:"" help:"Id of the DocumentReference, as the record's section DOCUMENTS has it."`
	Out string `required:"" short:"o" placeholder:"FILE" complete:"file" group:"What" help:"File to write, which must not be there yet; - is stdout. The file appears only when the document is whole."`
	askingFlags
	regionFlags
}

// Help returns the examples.
func (*documentGet) Help() string {
	return `The document's digest comes last. A file is therefore given its name only when everything has come and the digest is right; on stdout only the exit code tells.

Example:

    mcrctl document get letter-7 --out letter.pdf --region ./region --as gp.yaml --permission ASKED --family-name Example --birth-date 1950-03-01 < number.txt`
}

// Run reads the document.
func (c *documentGet) Run(p *program) error {
	asked, err := c.context(p)
	if err != nil {
		return err
	}
	request := &edgev1.GetDocumentRequest{Context: asked, DocumentId: c.ID}
	return c.call(func(ctx context.Context, client *edge.Client) error {
		if c.Out == "-" {
			return p.document(ctx, client, request, p.stdout)
		}
		return saved(c.Out, func(w io.Writer) error { return p.document(ctx, client, request, w) })
	})
}

// document reads a document and tells about it on stderr.
func (p *program) document(ctx context.Context, client *edge.Client, request *edgev1.GetDocumentRequest, w io.Writer) error {
	d, err := client.GetDocument(ctx, request, w)
	if err != nil && !brokenOff(d.Opening != nil, err) {
		return err
	}
	if o := d.Opening; o != nil {
		fmt.Fprintf(p.stderr, "%s, %s, %d bytes, SHA-256 %s\n", view.Clean(o.GetTitle()), view.Clean(o.GetContentType()), d.Size, d.SHA256)
	}
	view.Receipt(p.stderr, d.Closing)
	for _, line := range view.NotWhole(d.Faults) {
		fmt.Fprintln(p.stderr, line)
	}
	if !d.Whole {
		return exit(exitNotWhole)
	}
	return nil
}

// saved fills a new file beside path, which gets its name only when fill has
// succeeded. What is at path already is kept: linking, unlike renaming, never
// replaces a file.
func saved(path string, fill func(io.Writer) error) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; choose another name", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".mcrctl-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written; check that its folder exists and has room", path)
	}
	defer os.Remove(f.Name())
	if err := fill(f); err != nil {
		_ = f.Close()
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%s cannot be written to its end", path)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return fmt.Errorf("%s cannot be made; is there a file of that name?", path)
	}
	return nil
}
