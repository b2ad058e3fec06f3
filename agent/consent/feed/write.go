package feed

import (
	"bufio"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// WriteFile writes directives as CSV with all columns that ParseFile reads, and
// ends with the first error of the sequence or of w. Of a directive without By
// the column says where it comes from: its source or its authority.
func WriteFile(w io.Writer, all iter.Seq2[care.Directive, error]) error {
	out := bufio.NewWriter(w)
	if _, err := out.WriteString(strings.Join(columnNames[:], ",") + "\n"); err != nil {
		return err
	}
	var line []byte
	for d, err := range all {
		if err != nil {
			return err
		}
		line = appendLine(line[:0], &d)
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// appendLine appends one line of a file.
func appendLine(dst []byte, d *care.Directive) []byte {
	by := d.By
	if by == "" {
		if by = d.Source; by == "" {
			by = d.Authority.String()
		}
	}
	organisations := make([]string, len(d.Scope.Organisations))
	for i, code := range d.Scope.Organisations {
		organisations[i] = string(code)
	}
	fields := [columns]string{
		numberColumn: d.NHSNumber.Reveal(), directiveColumn: d.Kind.String(),
		effectiveColumn: fileTime(d.Effective), byColumn: by, recordedColumn: fileTime(d.Recorded),
		organisationsColumn: strings.Join(organisations, " "), sectionsColumn: strings.Join(d.Scope.Sections.Names(), " "),
		systemColumn: d.Code.System, codeColumn: d.Code.Code,
	}
	for i, field := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendField(dst, field)
	}
	return append(dst, '\n')
}

// fileTime writes a time, or nothing for the zero time.
func fileTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeFormat)
}

// appendField appends a field, in quotes where it needs them (RFC 4180).
func appendField(dst []byte, field string) []byte {
	if !strings.ContainsAny(field, "\",\r\n") {
		return append(dst, field...)
	}
	return append(append(append(dst, '"'), strings.ReplaceAll(field, `"`, `""`)...), '"')
}
