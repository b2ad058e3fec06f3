package rule

import (
	"fmt"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Explain says in plain English why Decide gave an answer, for a practice
// manager: first the answer, then what was said that bears on it, one sentence
// each. It names authorities, dates, organisations and sections, and no person.
func Explain(said *Said, ask *Ask, ages *Ages, model Model, answer care.ConsentAnswer) []string {
	lines := []string{outcome(ask, ages, model, answer)}
	if answer.Alert {
		lines = append(lines, "The patient did not agree to this viewing beforehand, so the site's privacy officer is told.")
	}
	for i := range said.entries {
		lines = said.recount(lines, i, ask, ages)
	}
	if len(said.entries) == 0 {
		lines = append(lines, "Nothing is known to have been said about this patient.")
	}
	return lines
}

// outcome returns the answer in words.
func outcome(ask *Ask, ages *Ages, model Model, answer care.ConsentAnswer) string {
	switch {
	case answer.Refusal != care.OK:
		return reasonText(answer.Reason, ask, ages, model)
	case answer.Withheld != 0:
		return "The record may be shared, without " + titles(answer.Withheld) + "."
	case answer.Alert || model == OptOut:
		return "The record may be shared: nothing that was said stands against it."
	}
	return "The record may be shared: the request says that the patient was asked, or why that could not be."
}

// reasonTexts are the reasons that need no more than a sentence.
var reasonTexts = map[string]string{
	ReasonDamaged:             "Nothing is released for anybody: the consent store is missing or fails its checks.",
	ReasonPoisoned:            "Nothing is released for anybody: a change could not be written to disk. The agent starts again by itself.",
	ReasonClosed:              "Nothing is released for anybody: the agent is stopping.",
	ReasonLost:                "Nothing is released for anybody: the consent store was lost or put back from an older copy, and is being filled again.",
	ReasonNeverFilled:         "Nothing is released for anybody: the region has not sent its list of patients' choices yet.",
	ReasonClock:               "Nothing is released while an objection could go unheard: this computer's clock is behind a time that was seen before. Set it right.",
	ReasonClockJumped:         "Nothing is released while an objection could go unheard: this computer's clock was set, and the region has not confirmed its list since.",
	ReasonUnvouched:           "Nothing is released while an objection could go unheard: the region has not confirmed its list since the agent started or the computer woke up.",
	ReasonRestricted:          "The patient is restricted: whoever asks is told that there is no such patient here. Nobody can override that.",
	ReasonDissent:             "The patient does not want the record shared. Nobody can override that, not even in an emergency.",
	ReasonDissentOrganisation: "The patient does not want the record shared with the organisation that asks. Nobody can override that, not even in an emergency.",
	ReasonDissentSections:     "The patient does not want any of the sections shared that were asked for. Nobody can override that, not even in an emergency.",
	ReasonNoPermission:        "The request does not say that the patient was asked, or why that could not be.",
	ReasonNoReason:            "Whoever does not ask the patient (break-glass) must give a reason, and none was given.",
}

// reasonText returns the reason of a refusal in words.
func reasonText(reason string, ask *Ask, ages *Ages, model Model) string {
	switch {
	case reason == ReasonStale, reason == ReasonSourceStale, reason == ReasonSourceNotRead:
		return "Nothing is released while an objection could go unheard: " + unheard(ages) + "."
	case reason == ReasonNoPermission && !ask.Purpose.Valid():
		return "The request states no purpose that is served here; only the patient's own care is."
	case reason == ReasonNoPermission && model != OptOut && model != AskPermission:
		return "The site's configuration does not say whether the region shares by opt-out or asks."
	}
	if text, ok := reasonTexts[reason]; ok {
		return text
	}
	return "The record may not be shared (" + reason + ")."
}

// unheard says who was not heard lately.
func unheard(ages *Ages) string {
	var who []string
	for v := range ages.Sets {
		set, name := &ages.Sets[v], nameOf(Voice(v), ages)
		switch {
		case !ages.counts(Voice(v)):
		case !set.Filled && set.AsOf.UnixMilli() > 0:
			who = append(who, name+" was not read since the agent started, as it must be for a person with several NHS numbers")
		case !set.Filled:
			who = append(who, name+" was never read")
		case ages.Age(Voice(v)) > set.MaxAge:
			who = append(who, fmt.Sprintf("%s was last heard %s, longer ago than %s", name, when(set.AsOf.UnixMilli()), set.MaxAge))
		}
	}
	return strings.Join(who, "; ")
}

// recount appends what one entry says, and why it does not stand in the way
// where it does not.
func (s *Said) recount(lines []string, i int, ask *Ask, ages *Ages) []string {
	at := &s.entries[i]
	who := nameOf(at.voice, ages)
	who = strings.ToUpper(who[:1]) + who[1:]
	rest, ok := at.statements()
	for ok && len(rest) > 0 {
		var v view
		if rest, ok = v.read(rest); !ok {
			break
		}
		if at.denials && !restrictive(v.kind) {
			continue
		}
		line := fmt.Sprintf("%s recorded %s, effective %s", who, v.words(), when(v.effective))
		if at.link != Own {
			line += fmt.Sprintf(", under another NHS number of the same person, linked %s", when(at.link))
		}
		switch {
		case restrictive(v.kind) && s.lifted(i, &v):
			line += "; a later statement under another of the person's numbers lifts it"
		case v.kind == care.Dissent && !v.concerns(ask):
			line += "; this request is not about that"
		}
		lines = append(lines, line+".")
	}
	if !ok {
		lines = append(lines, who+" recorded something that cannot be read.")
	}
	return lines
}

// concerns reports whether v is about anything that is asked.
func (v *view) concerns(ask *Ask) bool {
	switch {
	case v.organisation != nil:
		return ask.of(v.organisation)
	case v.section != 0:
		return ask.sections().Has(v.section)
	}
	return true
}

// words returns a statement in words.
func (v *view) words() string {
	about := "the whole record"
	switch {
	case v.organisation != nil:
		about = "the record with staff of " + string(v.organisation)
	case v.section != 0:
		about = "the section " + v.section.Title()
	}
	switch v.kind {
	case care.Dissent:
		return "a dissent to sharing " + about
	case care.ConsentGiven:
		return "consent to sharing " + about
	case care.Restriction:
		return "a restriction (the patient is not to be found)"
	}
	return "that a restriction was lifted"
}

// nameOf returns what people call a voice.
func nameOf(v Voice, ages *Ages) string {
	switch {
	case v == RegionVoice:
		return "the region"
	case v == SiteVoice:
		return "this site"
	case int(v) < len(ages.Sets) && ages.Sets[v].Name != "":
		return "the record system " + ages.Sets[v].Name
	}
	return "a record system"
}

// titles returns what people call some sections.
func titles(set care.SectionSet) string {
	var names []string
	for s := range set.All() {
		names = append(names, s.Title())
	}
	return strings.Join(names, "; ")
}

// when returns a time, in milliseconds since 1970, in words: without the hour if
// it is that of a date, the first or the last moment of a day.
func when(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	day := t.Truncate(24 * time.Hour)
	if t.Equal(day) || t.Equal(day.Add(24*time.Hour-time.Millisecond)) {
		return t.Format("on 2 January 2006")
	}
	return t.Format("on 2 January 2006 at 15:04 UTC")
}
