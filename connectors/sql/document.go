package sql

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// maxDocument is the most bytes of one document.
const maxDocument = 16 << 20

// documentColumns are the columns of the document query.
var documentColumns = []string{"content_type", "title", "content"}

func (s *source) servesDocuments() bool {
	return s.plan.document != nil && s.deps.Sections.Has(care.Documents)
}

// Document opens a document that the DOCUMENTS query lists for the patient;
// what that query does not list does not exist here.
func (s *source) Document(ctx context.Context, patient care.Patient, id string) (care.Document, error) {
	if !s.servesDocuments() {
		return care.Document{}, &care.Error{Kind: care.Unsupported, Op: s.origin.Source, Detail: "the source serves no documents"}
	}
	if err := s.admit(ctx); err != nil {
		return care.Document{}, err
	}
	t, err := s.begin(ctx)
	if err != nil {
		return care.Document{}, s.explain(ctx, err)
	}
	defer t.end()
	d, key, err := s.findDocument(t, patient, id)
	if err == nil {
		err = s.content(t, patient, key, &d)
	}
	if err != nil {
		return care.Document{}, s.explain(ctx, err)
	}
	return d, nil
}

func (s *source) noDocument() error {
	return &care.Error{Kind: care.RecordNotFound, Op: s.origin.Source, Detail: "this patient has no such document"}
}

// findDocument finds the document in the patient's list and returns what decides
// whether it may leave, and its key in the source.
func (s *source) findDocument(t *transaction, patient care.Patient, id string) (care.Document, string, error) {
	c, err := t.query(s.plan.sections[care.Documents], patientParams(patient))
	defer c.close()
	if err != nil {
		return care.Document{}, "", err
	}
	b, err := s.bind(care.Documents, c)
	if err != nil {
		return care.Document{}, "", err
	}
	m := b.Mapper(ukcore.NewEncoder(s.origin, patient.LocalID), s.plan.zone)
	at := slices.IndexFunc(c.columns, func(name string) bool { return strings.EqualFold(name, "id") })
	for range defaultRows {
		values, err := c.row()
		if err != nil {
			return care.Document{}, "", err
		}
		if values == nil {
			break
		}
		if !isOf(patient, values, c.numberColumn()) {
			return care.Document{}, "", s.stranger()
		}
		record, err := m.Row(values)
		if err != nil || record == nil || record.ID != id {
			continue // a row that cannot be mapped is not a document that may leave
		}
		r := patientRow{at: []int{at}, values: values}
		return care.Document{ID: id, Origin: s.origin, Confidentiality: record.Confidentiality,
			Codes: slices.Clone(record.Codes), Links: slices.Clone(record.Links)}, r.text(0), nil
	}
	return care.Document{}, "", s.noDocument()
}

// content reads the document itself, which must be one row.
func (s *source) content(t *transaction, patient care.Patient, key string, d *care.Document) error {
	params := patientParams(patient)
	params[paramDocument] = key
	c, err := t.query(*s.plan.document, params)
	defer c.close()
	if err != nil {
		return err
	}
	at, err := s.documentColumns(c)
	if err != nil {
		return err
	}
	values, err := c.row()
	if err != nil {
		return err
	}
	if values == nil {
		return s.noDocument()
	}
	if err := s.fill(d, at, values); err != nil {
		return err
	}
	if values, err = c.row(); err == nil && values != nil {
		err = s.unavailable(reasonAmbiguous, "the document query returned two rows for one document")
	}
	return err
}

func (s *source) documentColumns(c *cursor) ([]int, error) {
	return s.positions("document_query", c, documentColumns, 0)
}

func (s *source) fill(d *care.Document, at []int, values []ukcore.Value) error {
	r := patientRow{at: at, values: values}
	d.ContentType, d.Title = r.text(0), r.text(1)
	content := values[at[2]]
	body := content.Bytes
	if content.Kind == ukcore.TextValue {
		body = []byte(content.Text)
	}
	switch {
	case r.fault != "" || d.ContentType == "" || body == nil:
		return s.unavailable(reasonRow, "the document cannot be mapped: content_type and content must be there")
	case len(body) > maxDocument:
		return &care.Error{Kind: care.LimitExceeded, Op: s.origin.Source, Reason: "DOCUMENT_SIZE",
			Detail: "the document is larger than 16 MiB"}
	}
	d.Size, d.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	return nil
}
