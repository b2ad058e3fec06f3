// Package view shows an agent's answer: as text for a reader, as JSON, as one
// resource on a line, or as a FHIR bundle.
//
// The text view is for people who decide on what they see. It never lets
// absence look like emptiness: each section that was asked for is there, and
// says in plain words how it ended (Outcome). What comes from a record is
// cleaned of everything that a terminal could obey (Clean). An answer that is
// not whole says so on its first and on its last line.
package view

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Text writes a record for a reader. Context is that of the request.
func Text(w io.Writer, asked *edgev1.Context, record *edge.Record) error {
	out := bufio.NewWriter(w)
	loud := NotWhole(record.Reasons())
	for _, line := range loud {
		fmt.Fprintln(out, line)
	}
	heading(out, "RECORD", record.Opening)
	asking(out, asked)
	counts(out, record.Sections)
	for i := range record.Sections {
		Section(out, &record.Sections[i])
	}
	fmt.Fprintln(out)
	Receipt(out, record.Closing)
	for _, line := range loud {
		fmt.Fprintln(out, line)
	}
	return out.Flush()
}

// NotWhole returns the lines that say loudly why an answer is not whole, and
// none when there is no reason.
func NotWhole(reasons []string) []string {
	if len(reasons) == 0 {
		return nil
	}
	lines := []string{"!!! NOT WHOLE: do not take this for everything that the site holds."}
	for _, r := range reasons {
		lines = append(lines, "!!!   "+Clean(r))
	}
	return lines
}

// heading writes who answers about whom.
func heading(w io.Writer, what string, o *edgev1.Opening) {
	if o == nil {
		fmt.Fprintln(w, what+" OF NOBODY KNOWN: the answer does not say whose it is")
		return
	}
	name := humanName{Family: o.GetFamilyName(), Given: o.GetGivenNames()}
	fmt.Fprintln(w, Clean(join(", ", what+" of "+name.String(), "born "+o.GetBirthDate(), o.GetGender())))
	fmt.Fprintln(w, "  held by     "+Clean(o.GetSiteName()+" ("+o.GetSiteCode()+"); name and birth date are as held there"))
	fmt.Fprintln(w, "  retrieved   "+instant(o.GetRetrievedAt()))
	fmt.Fprintln(w, "  request     "+Clean(o.GetRequestId()))
}

// asking writes who asked and why.
func asking(w io.Writer, asked *edgev1.Context) {
	r := asked.GetRequester()
	fmt.Fprintln(w, "  asked by    "+Clean(join(", ", r.GetUserName(), join(" ", r.GetRoleName(), r.GetRoleCode()), join(" ", r.GetOrganisationName(), r.GetOrganisation()))))
	purpose, permission := care.Purpose(asked.GetPurpose()), care.Permission(asked.GetPermission())
	fmt.Fprintln(w, "  because     "+Clean(join(", ", "purpose "+purpose.String(), "permission "+permission.String(), alertReason(asked), asked.GetReason())))
}

// alertReason says by its code why an alert may be raised, or nothing.
func alertReason(asked *edgev1.Context) string {
	if asked.GetAlertReason() == edgev1.AlertReason_ALERT_REASON_UNSPECIFIED {
		return ""
	}
	return "alert reason " + care.AlertReason(asked.GetAlertReason()).String()
}

// counts writes how many sections ended in which way.
func counts(w io.Writer, sections []edge.Section) {
	var count [care.Disabled + 1]int
	for i := range sections {
		count[sections[i].State()]++
	}
	var parts []string
	for state := range count {
		if n := count[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ToLower(Marker(care.State(state))), n))
		}
	}
	fmt.Fprintln(w, "  sections    "+strings.Join(parts, ", "))
}

// Section writes one section. What has ended stands apart from what has not,
// so that a resolved allergy is never read as one that holds.
func Section(w io.Writer, s *edge.Section) {
	fmt.Fprintf(w, "\n%s\n", strings.ToUpper(s.Section.Title()))
	fmt.Fprintln(w, "  "+Outcome(s))
	for _, n := range notices(s.Outcome) {
		fmt.Fprintln(w, "  "+Clean(n))
	}
	var current, ended []Summary
	for _, r := range s.Records {
		if r.GetEnded() {
			ended = append(ended, Summarise(r))
		} else {
			current = append(current, Summarise(r))
		}
	}
	entries(w, current)
	if len(ended) > 0 {
		fmt.Fprintf(w, "\n  %s\n", endedHeading(s.Section))
		entries(w, ended)
	}
}

func endedHeading(s care.Section) string {
	if s == care.Allergies {
		return "RESOLVED ALLERGIES (ended; not current)"
	}
	return "ENDED (not current)"
}

// entries writes entries in the order in which they came, dates in a column.
func entries(w io.Writer, list []Summary) {
	width := 0
	for i := range list {
		width = max(width, utf8.RuneCountInString(list[i].Date))
	}
	for i := range list {
		s := &list[i]
		first := s.Main
		if s.Marker != "" {
			first = s.Marker + ": " + first
		}
		fmt.Fprintf(w, "  %-*s  %s\n", width, s.Date, first)
		if rest := join(" | ", strings.Join(s.Details, " | "), s.Organisation); rest != "" {
			fmt.Fprintf(w, "  %*s  %s\n", width, "", rest)
		}
	}
}

// Receipt writes where the request stands in the site's journal.
func Receipt(w io.Writer, c *edgev1.Closing) {
	if c == nil {
		fmt.Fprintln(w, "JOURNAL: the answer does not say where it stands in the site's journal")
		return
	}
	fmt.Fprintf(w, "JOURNAL: the site wrote this request down as entries %d and %d\n", c.GetDecision().GetSequence(), c.GetEnded().GetSequence())
}

// Located writes the answer to the question whether a site serves a patient.
func Located(w io.Writer, asked *edgev1.Context, found *edgev1.LocatePatientResponse) {
	heading(w, "LOCATED: record", found.GetOpening())
	asking(w, asked)
	fmt.Fprintln(w, "  sections    that a request of the same requester would be given:")
	for _, s := range found.GetSections() {
		if s < 0 || s > edgev1.Section(care.AboutMe) {
			s = 0
		}
		fmt.Fprintln(w, "    "+care.Section(s).String()+"  "+care.Section(s).Title())
	}
	Receipt(w, found.GetClosing())
}

// instant writes a time in UTC.
func instant(t *timestamppb.Timestamp) string {
	if !t.IsValid() {
		return "at a time that is not told"
	}
	return t.AsTime().UTC().Format(time.DateTime) + " UTC"
}
