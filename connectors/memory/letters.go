package memory

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// letter files a document whose content is a letter in plain text.
func (c *chart) letter(day int, from ukcore.Organisation, title string, paragraphs ...string) *ukcore.Document {
	return c.file(day, from, title, "text/plain", []byte(c.written(day, from, title, paragraphs)))
}

// scan files a document whose content is a letter as a PDF.
func (c *chart) scan(day int, from ukcore.Organisation, title string, paragraphs ...string) *ukcore.Document {
	return c.file(day, from, title, "application/pdf", pdf(c.written(day, from, title, paragraphs)))
}

// placeholder files a document whose content the practice cannot give.
func (c *chart) placeholder(day int, from ukcore.Organisation, title, why string) {
	row := c.document(day, from, title)
	row.Placeholder = why
}

func (c *chart) file(day int, from ukcore.Organisation, title, mimeType string, content []byte) *ukcore.Document {
	row := c.document(day, from, title)
	row.ContentType, row.Size = mimeType, strconv.Itoa(len(content))
	if c.patient.Documents == nil {
		c.patient.Documents = map[string]Content{}
	}
	c.patient.Documents[row.ID] = BytesContent(mimeType, title, content)
	return row
}

// document writes the row of a document, filed four days after it was written.
func (c *chart) document(day int, from ukcore.Organisation, title string) *ukcore.Document {
	row := &ukcore.Document{Entry: c.on(day), Type: text(title), Status: "current", Title: title}
	row.Recorded, row.Author, row.Organisation = c.at(min(day+4, 0), 8, 15), ukcore.Person{}, from
	c.add(row)
	return row
}

// written returns the text of a letter.
func (c *chart) written(day int, from ukcore.Organisation, title string, paragraphs []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n%s\n\n", from.Name, c.date(day).Format("2 January 2006"), title)
	fmt.Fprintf(&b, "Re: %s %s, born %s\n    %d %s, %s\n\nDear Doctor,\n\n", c.given, c.family, c.birth.String(), c.house, c.street, c.town)
	for _, p := range paragraphs {
		wrap(&b, p)
		b.WriteString("\n")
	}
	b.WriteString("Yours sincerely,\n\nThis letter is about an invented person.\n")
	return b.String()
}

// wrap writes a paragraph in lines of at most 78 characters.
func wrap(b *strings.Builder, paragraph string) {
	width := 0
	for word := range strings.FieldsSeq(paragraph) {
		switch {
		case width == 0:
		case width+1+len(word) > 78:
			b.WriteString("\n")
			width = 0
		default:
			b.WriteString(" ")
			width++
		}
		b.WriteString(word)
		width += len(word)
	}
	b.WriteString("\n")
}

// pdf sets a text on one page (ISO 32000-1, file structure). Characters beyond
// ASCII become question marks: the page uses a standard font.
func pdf(written string) []byte {
	var page strings.Builder
	page.WriteString("BT /F1 10 Tf 50 790 Td 14 TL\n")
	for line := range strings.Lines(written) {
		page.WriteString("(")
		for _, r := range strings.TrimRight(line, "\n") {
			switch {
			case r == '(' || r == ')' || r == '\\':
				page.WriteString("\\" + string(r))
			case r < ' ' || r > '~':
				page.WriteString("?")
			default:
				page.WriteRune(r)
			}
		}
		page.WriteString(") Tj T*\n")
	}
	page.WriteString("ET")
	return pdfFile(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", page.Len(), page.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
}

// pdfFile writes objects, the table of where they are, and the trailer. The
// first object is the catalogue.
func pdfFile(objects ...string) []byte {
	var b bytes.Buffer
	var at []int
	b.WriteString("%PDF-1.4\n")
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}
