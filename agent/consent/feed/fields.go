package feed

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// fieldReaders put a field into a directive, or say what to write instead. They
// run in the order of the columns.
var fieldReaders = [columns]func(p *fileParser, d *care.Directive, text string) string{
	numberColumn: func(_ *fileParser, d *care.Directive, text string) string {
		number, err := care.ParseNHSNumber(text)
		if err != nil {
			return "not a valid NHS number"
		}
		d.NHSNumber = number
		return ""
	},
	directiveColumn: func(_ *fileParser, d *care.Directive, text string) string {
		kind, ok := care.ParseDirectiveKind(text)
		if !ok {
			return "write DISSENT, CONSENT, RESTRICTION or UNRESTRICTED"
		}
		d.Kind = kind
		return ""
	},
	effectiveColumn: func(_ *fileParser, d *care.Directive, text string) string {
		return readTime(&d.Effective, d.Kind, text)
	},
	byColumn: func(p *fileParser, d *care.Directive, text string) string {
		if text == "" || !plain(text, rule.MaxBy) {
			return "write 1 to 64 bytes of plain text"
		}
		d.By = p.text(text)
		return ""
	},
	recordedColumn: func(_ *fileParser, d *care.Directive, text string) string {
		if text == "" {
			return ""
		}
		return readTime(&d.Recorded, d.Kind, text)
	},
	organisationsColumn: readOrganisations,
	sectionsColumn:      readSections,
	systemColumn: func(p *fileParser, d *care.Directive, text string) string {
		if !plain(text, rule.MaxSystem) {
			return fmt.Sprintf("write at most %d bytes of plain text", rule.MaxSystem)
		}
		d.Code.System = p.text(text)
		return ""
	},
	codeColumn: func(p *fileParser, d *care.Directive, text string) string {
		if !plain(text, rule.MaxCode) || (text == "") != (d.Code.System == "") {
			return fmt.Sprintf("write at most %d bytes of plain text, together with code_system", rule.MaxCode)
		}
		d.Code.Code = p.text(text)
		return ""
	},
}

// readTime reads a time or a date within the years that can be kept.
func readTime(into *time.Time, kind care.DirectiveKind, text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
		if kind == care.Dissent || kind == care.Restriction {
			t = t.AddDate(0, 0, 1).Add(-time.Millisecond)
		}
	}
	if err != nil || t.UTC().Year() < firstYear || t.UTC().Year() > lastYear {
		return "write YYYY-MM-DD, or YYYY-MM-DDThh:mm:ss with an offset"
	}
	*into = t.Truncate(time.Millisecond)
	return ""
}

func readOrganisations(p *fileParser, d *care.Directive, text string) string {
	for code := range strings.FieldsSeq(text) {
		organisation := care.ODSCode(p.text(code))
		if !organisation.Valid() || slices.Contains(d.Scope.Organisations, organisation) || len(d.Scope.Organisations) == rule.MaxOrganisations {
			return fmt.Sprintf("write at most %d ODS codes, each once, separated by spaces", rule.MaxOrganisations)
		}
		d.Scope.Organisations = append(d.Scope.Organisations, organisation)
	}
	return narrowed(d)
}

func readSections(_ *fileParser, d *care.Directive, text string) string {
	for name := range strings.FieldsSeq(text) {
		section, ok := care.ParseSection(name)
		if !ok {
			return "write names of sections, such as ALLERGIES, separated by spaces"
		}
		d.Scope.Sections = d.Scope.Sections.With(section)
	}
	return narrowed(d)
}

// narrowed says what is wrong with a directive's scope, or nothing.
func narrowed(d *care.Directive) string {
	switch {
	case d.Scope.IsZero():
		return ""
	case d.Kind != care.Dissent && d.Kind != care.ConsentGiven:
		return "only a DISSENT or CONSENT can be about some organisations or sections"
	case len(d.Scope.Organisations) > 0 && d.Scope.Sections != 0:
		return "write organisations or sections, not both"
	}
	return ""
}
