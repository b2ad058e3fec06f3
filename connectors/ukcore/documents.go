package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Document is a document that the source holds (UKCore-DocumentReference).
// Effective is when it was written (created), Recorded when the source filed it
// (indexed).
type Document struct {
	Entry
	Type        Concept
	Status      string // current, superseded or entered-in-error; empty means current
	Title       string
	ContentType string // MIME type
	Size        string // bytes; whole number
	Episode     Period // time that the document is about
	Placeholder string // why the content cannot be had, such as its size; empty means it can
	Replaces    string // key of the Document that it replaces
}

var documentShape = &shape{section: care.Documents, resource: "DocumentReference", profile: "DocumentReference", kind: "document", noNote: true}

func (*Document) shape() *shape { return documentShape }

func (d *Document) encode(w *writer) {
	status := d.Status
	if status == "" {
		status = "current"
	}
	w.text("status", status)
	w.concept("type", &d.Type)
	w.subject("subject")
	w.instant("date", d.Recorded)
	w.performers("author", &d.Entry)
	w.organisation("custodian", &Organisation{Code: w.enc.origin.Organisation, Name: w.enc.origin.OrganisationName})
	d.encodeReplaced(w)
	w.text("description", d.Title)
	d.encodeContent(w)
	d.encodeContext(w)
}

func (d *Document) encodeReplaced(w *writer) {
	if d.Replaces == "" {
		return
	}
	list := w.array("relatesTo")
	one := w.object("")
	w.text("code", "replaces")
	w.ref("target", documentShape, d.Replaces)
	w.closeObject(one)
	w.closeArray(list)
}

// encodeContent appends the attachment. Its content is asked for by the id of
// the DocumentReference, which is that of the Binary too. A document whose
// content cannot be had says why in its title (GP Connect 1.6, Access
// Document, placeholders).
func (d *Document) encodeContent(w *writer) {
	list := w.array("content")
	one := w.object("")
	at := w.object("attachment")
	w.text("contentType", d.ContentType)
	if d.Placeholder == "" {
		w.buf = append(w.buf, `"url":"Binary/`...)
		w.buf = appendID(w.buf, w.enc.source, documentShape.kind, d.ID)
		w.buf = append(w.buf, '"', ',')
		w.text("title", d.Title)
	} else {
		w.text("title", d.Placeholder)
	}
	w.count("size", d.Size)
	w.date("creation", d.Effective)
	w.closeObject(at)
	w.closeObject(one)
	w.closeArray(list)
}

func (d *Document) encodeContext(w *writer) {
	at := w.object("context")
	list := w.array("encounter")
	w.visit("", &d.Entry)
	w.closeArray(list)
	w.period("period", d.Episode.Start, d.Episode.End)
	list = w.array("related")
	for _, p := range d.Problems {
		w.refTo("", problemShape, p)
	}
	w.closeArray(list)
	w.closeObject(at)
}

var documentsLayout = &Layout{Section: care.Documents, Kinds: []Kind{
	define("document", documentShape, "A document; effective is when it was written, recorded_at when it was filed.",
		concept("type", "Type of document", func(d *Document) *Concept { return &d.Type }),
		choice("status", "Status; empty means current.", []string{"current", "superseded", enteredInError}, func(d *Document) *string { return &d.Status }),
		text("title", "Title.", func(d *Document) *string { return &d.Title }),
		key("content_type", "MIME type of the content, such as application/pdf.", func(d *Document) *string { return &d.ContentType }),
		count("size", "Size of the content in bytes.", func(d *Document) *string { return &d.Size }),
		date("period_start", "Start of the time it is about.", func(d *Document) *care.DateTime { return &d.Episode.Start }),
		date("period_end", "End of the time it is about.", func(d *Document) *care.DateTime { return &d.Episode.End }),
		text("placeholder", "Why the content cannot be had, such as its size; empty means it can.", func(d *Document) *string { return &d.Placeholder }),
		key("replaces_id", "Id of the document that it replaces.", func(d *Document) *string { return &d.Replaces }),
	),
}}
