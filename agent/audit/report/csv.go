package report

import (
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// csvHeader names the columns; packaging/doc/audit-report.md describes them.
var csvHeader = []string{"row", "entry", "time", "time_local", "result", "break_glass", "user_id", "user_name", "role_code", "role",
	"organisation_code", "organisation", "request", "purpose", "reason", "permission", "parts", "explanation",
	"request_id", "document_id", "end_entry", "true_reason", "detail", "broker"}

// WriteCSV writes the report as a table (RFC 4180, UTF-8). Rows of the kind
// ABOUT and NOT_COVERED come first, so that what is not covered is stated
// before what is.
//
// It begins with a byte order mark: without one, Excel takes UTF-8 for a
// Windows code page and garbles names. A cell that a spreadsheet might take for
// a formula begins with an apostrophe (OWASP, CSV injection).
func (r *Report) WriteCSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	table := csv.NewWriter(w)
	table.UseCRLF = true
	_ = table.Write(csvHeader) // its error stays in the writer
	for _, line := range r.about() {
		writeRow(table, map[string]string{"row": "ABOUT", "explanation": line})
	}
	for _, line := range append(r.gapWords(), r.limits()...) {
		writeRow(table, map[string]string{"row": "NOT_COVERED", "explanation": line})
	}
	for i := range r.Accesses {
		writeRow(table, r.accessCells(&r.Accesses[i]))
	}
	for i := range r.Events {
		e := &r.Events[i]
		writeRow(table, map[string]string{"row": "EVENT", "entry": strconv.FormatUint(e.Entry, 10), "time": e.Time.Format(time.RFC3339Nano),
			"time_local": moment(e.Time, r.zone()), "result": string(e.Kind), "user_name": e.Actor, "explanation": e.words(), "detail": e.Detail})
	}
	table.Flush()
	return table.Error()
}

// writeRow writes cells under their columns.
func writeRow(table *csv.Writer, cells map[string]string) {
	line := make([]string, len(csvHeader))
	for i, column := range csvHeader {
		line[i] = Cell(cells[column])
	}
	_ = table.Write(line)
}

// about says in lines what the report is.
func (r *Report) about() []string {
	lines := []string{
		"Who has looked at the record of NHS number " + r.number(),
		"Site: " + r.Site.Name + " (" + string(r.Site.Code) + ")",
		"Period: " + r.period(),
		"Made: " + moment(r.Made, r.zone()) + ", by " + orElse(r.MadeBy, "not stated"),
		"Made for: " + string(r.audience()),
		fmt.Sprintf("Journal entries told of: %d", r.Entries),
	}
	if r.Journal.Size > 0 {
		lines = append(lines, fmt.Sprintf("Journal %s had %d entries and the root hash %s", r.Journal.Origin, r.Journal.Size, hex.EncodeToString(r.Journal.Root[:])))
	}
	return lines
}

func (r *Report) gapWords() []string {
	var lines []string
	for _, g := range r.Gaps {
		lines = append(lines, g.words())
	}
	return lines
}

func (r *Report) accessCells(a *Access) map[string]string {
	var parts []string
	for _, p := range a.Parts {
		parts = append(parts, in(sectionWords, p.Section)+": "+p.words())
	}
	if a.PartsCut {
		parts = append(parts, "and more than the journal keeps")
	}
	cells := map[string]string{
		"row": "ACCESS", "entry": strconv.FormatUint(a.Entry, 10), "time": a.Time.Format(time.RFC3339Nano), "time_local": moment(a.Time, r.zone()),
		"result": string(a.Result), "break_glass": yes(a.BreakGlass), "user_id": a.Who.UserID, "user_name": a.Who.Name,
		"role_code": a.Who.RoleCode, "role": a.Who.RoleName, "organisation_code": a.Who.Organisation, "organisation": a.Who.OrganisationName,
		"request": in(interactionWords, a.Interaction), "purpose": in(purposeWords, a.Purpose) + a.alertWords(), "reason": a.Reason,
		"permission": in(permissionWords, a.Permission), "parts": strings.Join(parts, " | "), "explanation": a.result(),
		"request_id": a.RequestID, "document_id": a.DocumentID,
	}
	if r.guardian() {
		cells["true_reason"], cells["detail"], cells["broker"] = a.TrueReason, a.Detail, a.Broker
	}
	if a.EndEntry > 0 {
		cells["end_entry"] = strconv.FormatUint(a.EndEntry, 10)
	}
	return cells
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Cell keeps a spreadsheet from taking a cell for a formula, also in the wide
// forms that East Asian versions take (OWASP, CSV injection).
func Cell(cell string) string {
	if first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, " ")); strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + cell
	}
	return cell
}
