package view

import (
	"fmt"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Marker returns the words that begin the line of a section's state. No two
// states begin alike, and none that lacks something begins like one that does
// not.
func Marker(state care.State) string {
	switch state {
	case care.NotSupported:
		return "NOT KEPT HERE"
	case care.Empty:
		return "NOTHING RECORDED"
	case care.NilKnown:
		return "NIL KNOWN"
	case care.Complete:
		return "COMPLETE"
	case care.InTransit:
		return "IN TRANSIT"
	case care.Withheld:
		return "WITHHELD IN PART"
	case care.Truncated:
		return "CUT SHORT"
	case care.Unavailable:
		return "NOT AVAILABLE"
	case care.NotPermitted:
		return "NOT PERMITTED"
	case care.Disabled:
		return "SWITCHED OFF"
	}
	return "INCOMPLETE"
}

// Outcome returns one line that says how a section ended: the marker of its
// state, a colon, and what it means in plain words.
func Outcome(s *edge.Section) string {
	state := s.State()
	return Marker(state) + ": " + Clean(meaning(state, s))
}

// meaning says what a state means for the reader.
func meaning(state care.State, s *edge.Section) string {
	o := s.Outcome
	n := plural(int(o.GetSent()), "entry", "entries")
	switch state {
	case care.NotSupported:
		return "the site has no data of this kind; another organisation may have some."
	case care.Empty:
		return "the site holds no entry. Nobody has stated that there is nothing to record."
	case care.NilKnown:
		return "it is recorded that there is nothing, such as \"no known allergies\"."
	case care.Complete:
		return n + ", " + everything(o)
	case care.InTransit:
		return n + ". The transfer from a previous practice is not finished: entries before " + boundary(o) + " may be missing."
	case care.Withheld:
		return n + "; " + plural(int(o.GetWithheld()), "more is", "more are") + " held back for confidentiality. Which is not told."
	case care.Truncated:
		return fmt.Sprintf("%s. A limit of %d cut the list: entries before %s are not here.", n, o.GetLimit(), boundary(o))
	case care.Unavailable:
		return unavailable(o)
	case care.NotPermitted:
		return "this requester may not see the section. It may hold entries."
	case care.Disabled:
		return "the site has switched the section off. It may hold entries."
	}
	return incomplete(s)
}

func everything(o *edgev1.SectionOutcome) string {
	if n := int(o.GetOutsidePeriod()); n > 0 {
		return "everything that the site holds within the asked dates; " + plural(n, "entry", "entries") + " outside them left out."
	}
	return "everything that the site holds."
}

func unavailable(o *edgev1.SectionOutcome) string {
	why := "the source could not be read"
	if reason := o.GetReason(); reason != "" {
		why += " (" + reason + ")"
	}
	if failed := int(o.GetFailed()); failed > 0 {
		why += "; " + plural(failed, "entry", "entries") + " could not be passed on"
	}
	if sent := int(o.GetSent()); sent > 0 {
		return why + ". What is here, " + plural(sent, "entry", "entries") + ", is not all there is."
	}
	return why + ". This is not an empty list."
}

func incomplete(s *edge.Section) string {
	came := plural(len(s.Records), "entry", "entries") + " came. "
	if len(s.Faults) == 0 {
		return came + "The answer does not say how the section ended: do not take it for all there is."
	}
	return came + "The answer contradicts itself (" + strings.Join(s.Faults, "; ") + "): do not take it for all there is."
}

func boundary(o *edgev1.SectionOutcome) string {
	if o.GetBoundary() == "" {
		return "a date that is not told"
	}
	return date(o.GetBoundary())
}

// notices returns what a reader must know beside the state.
func notices(o *edgev1.SectionOutcome) []string {
	var list []string
	for _, w := range o.GetWarnings() {
		list = append(list, "WARNING: "+warning(w))
	}
	if o.GetState() != edgev1.SectionState_SECTION_STATE_COMPLETE && o.GetOutsidePeriod() > 0 {
		list = append(list, "NOTE: "+plural(int(o.GetOutsidePeriod()), "entry", "entries")+" outside the asked dates left out.")
	}
	if o.GetWithheld() > 0 && o.GetState() != edgev1.SectionState_SECTION_STATE_WITHHELD {
		list = append(list, "WARNING: "+plural(int(o.GetWithheld()), "entry is", "entries are")+" held back for confidentiality as well.")
	}
	if o.GetDataAsOf().IsValid() {
		list = append(list, "NOTE: not read live; the data left the source system at "+instant(o.GetDataAsOf())+".")
	}
	return list
}

// warning says a GP Connect list warning code in plain words (GP Connect 1.6,
// list warning codes); one that is not known is shown as it is.
func warning(code string) string {
	switch care.Warning(code) {
	case care.ConfidentialItems:
		return "items are left out for confidentiality or because the patient wished so (" + code + ")."
	case care.DataInTransit:
		return "the record is still on its way from a previous practice; older entries may be missing (" + code + ")."
	case care.DataAwaitingFiling:
		return "something has arrived at the site and is not filed yet (" + code + ")."
	}
	return Clean(code)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
