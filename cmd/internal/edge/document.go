package edge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Document is what this side found out about a document's answer. The content
// itself went to a writer.
type Document struct {
	// Opening says what the document is. Nil when the answer had none.
	Opening *edgev1.DocumentOpening
	// Closing is the proof that the request is in the journal. Nil when it
	// did not come.
	Closing *edgev1.Closing
	// Size is how many bytes of content came.
	Size int64
	// SHA256 of the content that came, in hexadecimal.
	SHA256 string
	// Whole is true when there are no faults.
	Whole bool
	// Faults say why the content must not be taken for the document.
	Faults []string
}

// GetDocument reads one document and writes its content as it comes. What was
// written may be used only if the Document is whole: the digest comes last.
//
// The Document is never nil. With an error, of the call or of the writer, it
// holds what came before and is not whole.
func (c *Client) GetDocument(ctx context.Context, request *edgev1.GetDocumentRequest, content io.Writer) (*Document, error) {
	d := &documentRead{content: content, hash: sha256.New()}
	err := c.readDocument(ctx, request, d)
	if err != nil {
		d.fault("the call failed before the document was there")
	} else {
		d.end()
	}
	d.SHA256 = hex.EncodeToString(d.hash.Sum(nil))
	d.Whole = len(d.Faults) == 0
	return &d.Document, err
}

func (c *Client) readDocument(ctx context.Context, request *edgev1.GetDocumentRequest, d *documentRead) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stream, err := c.records.GetDocument(ctx, request)
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.message(message, request.GetDocumentId()); err != nil {
			return err
		}
	}
}

// documentRead is the reading of one document.
type documentRead struct {
	Document
	content  io.Writer
	hash     hash.Hash
	messages int
}

func (d *documentRead) fault(what string) {
	if !slices.Contains(d.Faults, what) {
		d.Faults = append(d.Faults, what)
	}
}

func (d *documentRead) message(m *edgev1.GetDocumentResponse, id string) error {
	d.messages++
	if d.Closing != nil {
		d.fault("something came after the closing")
	}
	switch o := m.GetOpening(); {
	case o == nil && d.messages == 1:
		d.fault("the first message has no opening, so it is not known whose document this is")
	case o != nil && d.messages > 1:
		d.fault("an opening came later than in the first message")
	case o != nil:
		d.Opening = o
		if o.GetDocumentId() != id {
			d.fault("the document is not the one that was asked for")
		}
	}
	if m.GetClosing() != nil {
		d.Closing = m.GetClosing()
	}
	d.Size += int64(len(m.GetChunk()))
	d.hash.Write(m.GetChunk())
	_, err := d.content.Write(m.GetChunk())
	return err
}

// end checks what is known only at the end.
func (d *documentRead) end() {
	if d.Opening != nil && d.Opening.GetSize() >= 0 && d.Opening.GetSize() != d.Size {
		d.fault(fmt.Sprintf("the document has %s and %d came", care.Count(d.Opening.GetSize(), "byte"), d.Size))
	}
	if d.Closing == nil {
		d.fault("the closing is missing")
		return
	}
	for _, why := range checkClosing(d.Closing, hex.EncodeToString(d.hash.Sum(nil))) {
		d.fault(why)
	}
}
