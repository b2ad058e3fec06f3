package report

import (
	"cmp"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// newAccess joins a decision or refusal with its end. Either may be nil, not
// both.
func newAccess(about *About, begun, end *audit.Line) Access {
	l := begun
	if l == nil {
		l = end
	}
	a := Access{
		Entry: l.Sequence, Leaf: l.Leaf, Time: when(l).UTC(),
		BreakGlass: l.Purpose == care.BreakGlass.String() || l.Alert, Interaction: clean(l.Interaction),
		Who: Person{clean(l.UserID), clean(l.UserName), clean(l.RoleCode), clean(l.RoleName),
			clean(string(l.Organisation)), clean(l.OrganisationName)},
		Purpose: clean(l.Purpose), Permission: clean(l.Permission), AlertReason: clean(l.AlertReason), Reason: clean(l.Reason), Asked: cleanAll(l.Sections),
		DocumentID: clean(l.DocumentID), RequestID: clean(l.RequestID), Broker: clean(l.Broker), Peer: clean(l.Peer),
	}
	a.Result, a.Refusal = outcome(begun, end)
	a.Parts, a.PartsCut = parts(about, &a, begun, end)
	if about.guardian() {
		told := l
		if end != nil {
			told = end
			a.EndEntry = end.Sequence
		}
		a.TrueReason, a.Detail = clean(told.TrueReason), clean(told.Detail)
	}
	return a
}

// alertWords says, as a further sentence, which reason stood in for asking.
func (a *Access) alertWords() string {
	if a.AlertReason == "" {
		return ""
	}
	return ". " + in(alertReasonWords, a.AlertReason)
}

// outcome tells what came of a request, and what the caller was told if it was
// refused. The end counts, for it was written last: of a restricted patient it
// holds what anybody would have been told.
func outcome(begun, end *audit.Line) (Result, string) {
	switch {
	case end == nil && begun.Kind == care.ReleaseRefused:
		return Refused, clean(begun.Refusal)
	case end == nil:
		return MayHaveBeen, ""
	case end.Refusal == "" && end.Interaction == care.Locate.String():
		return Found, ""
	case end.Refusal == "":
		return Shown, ""
	case end.Records > 0 || end.Bytes > 0:
		return PartlyShown, clean(end.Refusal)
	}
	return Refused, clean(end.Refusal)
}

// parts tells what became of the sections that were asked for.
func parts(about *About, a *Access, begun, end *audit.Line) (list []Part, cut bool) {
	switch {
	case a.Result == Refused:
		return nil, false
	case a.Result == Found:
		return partsOf(allowed(begun, end), partCanBeAsked), false
	case a.Result == MayHaveBeen:
		return partsOf(allowed(begun, end), partMayHave), false
	case a.Interaction == care.ReadDocument.String():
		state := care.Complete.String()
		if a.Result == PartlyShown {
			state = partMayHave
		}
		return []Part{{Section: care.Documents.String(), State: state, Shown: 1}}, false
	}
	for i := range end.Outcomes {
		o := &end.Outcomes[i]
		p := Part{Section: clean(o.Section), State: clean(o.State), Shown: o.Sent}
		if about.guardian() {
			p.Held = o.Withheld
		}
		list = append(list, p)
	}
	if a.Result == PartlyShown { // sections that had begun have no outcome yet
		for _, s := range allowed(begun, end) {
			if !slices.ContainsFunc(list, func(p Part) bool { return p.Section == s }) {
				list = append(list, Part{Section: s, State: partMayHave})
			}
		}
	}
	return list, end.OutcomesCut
}

// allowed returns the sections that might leave. Where the decision cannot be
// read, these are all that were asked for.
func allowed(begun, end *audit.Line) []string {
	if begun == nil {
		return cleanAll(end.Sections)
	}
	return cleanAll(begun.Released)
}

func partsOf(sections []string, state string) []Part {
	list := make([]Part, 0, len(sections))
	for _, s := range sections {
		list = append(list, Part{Section: s, State: state})
	}
	return list
}

// newEvent makes an event of an entry that is not about a request.
func newEvent(about *About, l *audit.Line) Event {
	e := Event{Entry: l.Sequence, Leaf: l.Leaf, Time: when(l).UTC(), Kind: care.EventKind(clean(string(l.Kind))),
		Actor: clean(l.Actor), Refusal: clean(l.Refusal)}
	if d := l.Directive; d != nil {
		e.Directive, e.Authority, e.By, e.Effective = clean(d.Kind), clean(d.Authority), clean(d.By), d.Effective.UTC()
	}
	if about.guardian() {
		e.Detail = clean(cmp.Or(l.Query, l.Detail))
	}
	return e
}
