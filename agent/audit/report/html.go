package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed report.html
var page string

//go:embed report.css
var style string

var pageTemplate = template.Must(template.New("report").Parse(page))

// WriteHTML writes the report as one page that needs nothing else and runs
// nothing: no script, no picture, no font, no link. Its content security
// policy (W3C CSP 3) allows its own style and nothing more, and all that comes
// from the journal is escaped by package html/template.
func (r *Report) WriteHTML(w io.Writer) error { return pageTemplate.Execute(w, r.view()) }

// view is what the page shows, in words.
type view struct {
	Style                               template.CSS
	StyleHash                           string
	Number, Period, Made, MadeBy        string
	Site                                Site
	Guardian                            bool
	Entries                             int
	Viewed, People, Turned, Located, BT int
	Gaps, Limits                        []string
	Groups                              []group
	Events                              []eventRow
	Origin, Root                        string
	Size                                uint64
}

// group is a table of accesses.
type group struct {
	ID, Title, Caption, None string
	Alarm                    bool
	Rows                     []row
}

// row is one access.
type row struct {
	Entry                         uint64
	Stamp, When                   string
	Name, Role, Organisation      string
	UserID                        string
	What, Why, Typed, Permission  string
	Result                        string
	Parts                         []partRow
	Cut                           bool
	Document                      string
	TrueReason, Detail, Broker    string
	EndEntry                      uint64
	BreakGlass, Refused, Doubtful bool
}

type partRow struct{ Name, Words string }

type eventRow struct {
	Entry                           uint64
	Stamp, When, What, Who, By, Due string
	Detail                          string
}

func (r *Report) view() view {
	hash := sha256.Sum256([]byte(style))
	v := view{
		Style: template.CSS(style), StyleHash: base64.StdEncoding.EncodeToString(hash[:]), // #nosec: our own file
		Number: r.number(), Period: r.period(), Made: moment(r.Made, r.zone()), MadeBy: orElse(r.MadeBy, "not stated"),
		Site: r.Site, Guardian: r.guardian(), Entries: r.Entries, Limits: r.limits(),
		Origin: r.Journal.Origin, Root: hex.EncodeToString(r.Journal.Root[:]), Size: r.Journal.Size,
	}
	v.Viewed, v.People, v.Turned, v.Located, v.BT = r.tally()
	for _, g := range r.Gaps {
		v.Gaps = append(v.Gaps, g.words())
	}
	v.Groups = r.groups()
	for i := range r.Events {
		v.Events = append(v.Events, r.eventRow(&r.Events[i]))
	}
	return v
}

// groups sorts the accesses into the tables of the page.
func (r *Report) groups() []group {
	groups := []group{
		{ID: "break-glass", Title: "Viewed or asked for without asking you first (break-glass)", Alarm: true,
			Caption: "Requests by people who did not ask for permission and gave a reason instead. The site's privacy officer is told of each that was allowed.",
			None:    "Nobody did this in this period."},
		{ID: "shown", Title: "When the record was looked at, or may have been",
			Caption: "Requests that were allowed, with the parts of the record that were shown, newest first.",
			None:    "Nobody looked at the record in this period."},
		{ID: "found", Title: "When somebody asked whether there is a record here",
			Caption: "Requests that were told that this site holds a record, newest first.",
			None:    "Nobody did this in this period."},
		{ID: "refused", Title: "When nothing was shown",
			Caption: "Requests that were refused, or that failed, newest first.",
			None:    "There were no such requests in this period."},
	}
	for i := range r.Accesses {
		a := &r.Accesses[i]
		g := 1
		switch {
		case a.BreakGlass:
			g = 0
		case a.Result == Found:
			g = 2
		case a.Result == Refused:
			g = 3
		}
		groups[g].Rows = append(groups[g].Rows, r.row(a))
	}
	return groups
}

// row puts an access into words.
func (r *Report) row(a *Access) row {
	x := row{
		Entry: a.Entry, EndEntry: a.EndEntry, Stamp: a.Time.Format(time.RFC3339), When: moment(a.Time, r.zone()),
		Name: orElse(a.Who.Name, "Name not stated"), UserID: a.Who.UserID,
		Role: a.Who.role(), Organisation: a.Who.organisation(),
		What: in(interactionWords, a.Interaction), Why: orElse(in(purposeWords, a.Purpose), "Purpose not stated") + a.alertWords(), Typed: a.Reason,
		Permission: orElse(in(permissionWords, a.Permission), "Not stated"), Result: a.result(), Cut: a.PartsCut, Document: a.DocumentID,
		TrueReason: a.TrueReason, Detail: a.Detail,
		BreakGlass: a.BreakGlass, Refused: a.Result == Refused, Doubtful: a.Result == MayHaveBeen || a.Result == PartlyShown,
	}
	if r.guardian() {
		x.Broker = a.Broker
	}
	for _, p := range a.Parts {
		x.Parts = append(x.Parts, partRow{in(sectionWords, p.Section), p.words()})
	}
	return x
}

// eventRow puts an event into words.
func (r *Report) eventRow(e *Event) eventRow {
	x := eventRow{Entry: e.Entry, Stamp: e.Time.Format(time.RFC3339), When: moment(e.Time, r.zone()),
		What: e.words(), Who: orElse(e.Actor, "not stated"), By: e.By, Detail: e.Detail}
	if !e.Effective.IsZero() {
		x.Due = moment(e.Effective, r.zone())
	}
	return x
}

// Count says how many, in words.
func (view) Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
