package memory

import (
	"bytes"
	"context"
	"io"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// Content is what a document holds.
type Content struct {
	Type  string // MIME type
	Title string
	Size  int64            // bytes that Open gives
	Open  func() io.Reader // the content from its start, the same each time
}

// BytesContent returns a content that is held in memory.
func BytesContent(mimeType, title string, content []byte) Content {
	return Content{Type: mimeType, Title: title, Size: int64(len(content)),
		Open: func() io.Reader { return bytes.NewReader(content) }}
}

// document is a document of a person, with or without content.
type document struct {
	record  *care.Record // its DocumentReference
	content *Content     // nil for a placeholder
}

// keepDocuments remembers the documents under the ids of their records.
func (p *person) keepDocuments(encoder *ukcore.Encoder, patient *Patient) {
	keys := map[string]string{}
	for _, row := range patient.Rows {
		if d, ok := row.(*ukcore.Document); ok {
			keys[encoder.ID(d)] = d.ID
		}
	}
	if len(keys) == 0 {
		return
	}
	for i := range p.sections {
		for j := range p.sections[i].records {
			record := &p.sections[i].records[j]
			key, ok := keys[record.ID]
			if !ok {
				continue
			}
			d := document{record: record}
			if content, ok := patient.Documents[key]; ok {
				d.content = &content
			}
			p.documents = append(p.documents, d)
		}
	}
}

// Document opens one document of the patient.
func (c *Connector) Document(ctx context.Context, patient care.Patient, id string) (care.Document, error) {
	p, err := c.find(ctx, &patient, "memory.Document")
	if err != nil {
		return care.Document{}, err
	}
	for _, d := range p.documents {
		if d.record.ID == id {
			return c.content(ctx, d)
		}
	}
	return care.Document{}, &care.Error{Kind: care.RecordNotFound, Op: "memory.Document",
		Detail: "this patient has no document with that id"}
}

func (c *Connector) content(ctx context.Context, d document) (care.Document, error) {
	if d.content == nil {
		return care.Document{}, &care.Error{Kind: care.RecordNotFound, Op: "memory.Document", Reason: "PLACEHOLDER",
			Detail: "the source holds only a placeholder for this document"}
	}
	return care.Document{
		ID: d.record.ID, ContentType: d.content.Type, Title: d.content.Title, Size: d.content.Size,
		Origin: d.record.Origin, Confidentiality: d.record.Confidentiality, Codes: d.record.Codes, Links: d.record.Links,
		Body: &body{ctx: ctx, switches: &c.switches, content: d.content.Open()},
	}, nil
}

// body reads a content for as long as the source runs and the caller is there.
type body struct {
	ctx      context.Context
	switches *switches
	content  io.Reader
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.switches.ready(b.ctx); err != nil {
		return 0, err
	}
	return b.content.Read(p)
}

func (b *body) Close() error {
	b.content = bytes.NewReader(nil)
	return nil
}
