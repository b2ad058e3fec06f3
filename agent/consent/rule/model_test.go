package rule

import (
	"slices"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"pgregory.net/rapid"
)

// The model decides from the list of all that was ever said, with nothing left
// out and nothing sorted: whatever withholds holds unless somebody lifted it.

// word is one statement, and where it was said.
type word struct {
	Statement
	voice  Voice
	number int // index of the NHS number
}

// person is a list of all that was ever said about one, and when each of the
// numbers was linked to the first.
type person struct {
	words []word
	links []int64
}

// said returns what the store would hold of it.
func (p *person) said(t testing.TB) *Said {
	s := new(Said)
	for v := range Voice(3) {
		for n, link := range p.links {
			var e Entry
			for _, w := range p.words {
				if w.voice != v || w.number != n {
					continue
				}
				if _, err := e.Admit(w.Statement); err != nil {
					t.Fatal(err)
				}
			}
			if len(e.said) > 0 {
				s.Add(v, e.Append(nil), link)
			}
		}
	}
	return s
}

// lifts reports whether a lifts w.
func (p *person) lifts(a, w word) bool {
	opposite := a.Kind == care.ConsentGiven && w.Kind == care.Dissent || a.Kind == care.Unrestricted && w.Kind == care.Restriction
	sameThing := a.Scope == Target{} || a.Scope == w.Scope
	later := a.Effective > w.Effective || a.Effective == w.Effective && a.Recorded > w.Recorded
	couldKnow := a.number == w.number || a.Effective > p.links[a.number] && a.Effective > p.links[w.number]
	return opposite && sameThing && later && couldKnow && a.voice == w.voice
}

// inForce returns what withholds something and was not lifted.
func (p *person) inForce() (all []word) {
	for _, w := range p.words {
		if (w.Kind == care.Dissent || w.Kind == care.Restriction) &&
			!slices.ContainsFunc(p.words, func(a word) bool { return p.lifts(a, w) }) {
			all = append(all, w)
		}
	}
	return all
}

// decide is Decide by the model, for asks with an organisation and sections.
func (p *person) decide(ask *Ask, ages *Ages, m Model) care.ConsentAnswer {
	switch {
	case ages.Failure != "":
		return refuse(care.ConsentUnavailable, ages.Failure)
	case ages.Lost:
		return refuse(care.ConsentUnavailable, "LOST")
	case !ages.Sets[0].Filled:
		return refuse(care.ConsentUnavailable, "NEVER_FILLED")
	}
	anyone, left := modelSilent(ask, ages, m), ask.Sections
	var restricted, dissent, organisation bool
	for _, w := range p.inForce() {
		switch {
		case w.Kind == care.Restriction:
			restricted = true
		case w.Scope.Organisation == ask.Organisation && w.Scope.Organisation != "":
			organisation = true
		case w.Scope.Section != 0:
			left = left.Without(w.Scope.Section)
		case w.Scope.Organisation == "":
			dissent = true
		}
	}
	if restricted && anyone.Refusal == care.OK {
		anyone.Refusal, anyone.Reason = care.PatientNotFound, "RESTRICTED"
		return anyone
	}
	for _, c := range []struct {
		holds  bool
		reason string
	}{{dissent, "DISSENT"}, {organisation, "DISSENT_ORGANISATION"}, {left == 0, "DISSENT_SECTIONS"}} {
		if c.holds && !restricted {
			return refuse(care.NoPatientConsent, c.reason)
		}
	}
	if anyone.Refusal == care.OK {
		anyone.Withheld = ask.Sections &^ left
	}
	return anyone
}

// modelSilent is the answer about somebody of whom nothing is known.
func modelSilent(ask *Ask, ages *Ages, m Model) care.ConsentAnswer {
	tooFar := ages.Floor.Sub(ages.Now) > 5*time.Minute
	reason := ""
	for i := len(ages.Sets) - 1; i >= 0; i-- {
		s := ages.Sets[i]
		if i > 0 && !s.Required {
			continue
		}
		tooFar = tooFar || s.AsOf.Sub(ages.Now) > 5*time.Minute
		if ages.Now.Sub(s.AsOf) > s.MaxAge || ages.Uptime-s.Since > s.MaxAge {
			reason = [...]string{"STALE", "SOURCE_STALE"}[min(i, 1)]
		}
		if !s.Filled {
			reason = "SOURCE_NOT_READ"
		}
	}
	switch {
	case tooFar:
		return refuse(care.ConsentUnavailable, "CLOCK")
	case ages.Jumped:
		return refuse(care.ConsentUnavailable, "CLOCK_JUMPED")
	case !ages.Vouched:
		return refuse(care.ConsentUnavailable, "UNVOUCHED")
	case reason != "":
		return refuse(care.ConsentUnavailable, reason)
	case ask.Purpose == 0:
		return refuse(care.NoPermissionToView, "NO_PERMISSION")
	case ask.Purpose == care.BreakGlass && ask.Reason == "":
		return refuse(care.NoPermissionToView, "NO_REASON")
	case ask.Purpose == care.BreakGlass:
		return care.ConsentAnswer{Alert: true}
	case m == AskPermission && (ask.Permission == 0 || ask.Permission == care.PermissionNotAsked):
		return refuse(care.NoPermissionToView, "NO_PERMISSION")
	case m == AskPermission && ask.Permission != care.PermissionAsked:
		return care.ConsentAnswer{Alert: true}
	}
	return care.ConsentAnswer{}
}

func drawPerson(t *rapid.T) *person {
	p := &person{links: []int64{Own}}
	for range rapid.IntRange(0, 2).Draw(t, "numbers") {
		p.links = append(p.links, noon(rapid.Int64Range(0, 5).Draw(t, "linked")))
	}
	for range rapid.IntRange(0, 10).Draw(t, "words") {
		p.words = append(p.words, p.drawWord(t))
	}
	return p
}

func (p *person) drawWord(t *rapid.T) word {
	return word{drawStatement(t), Voice(rapid.IntRange(0, 2).Draw(t, "voice")), rapid.IntRange(0, len(p.links)-1).Draw(t, "number")}
}

func drawAsk(t *rapid.T) *Ask {
	return &Ask{
		Organisation: rapid.SampledFrom([]care.ODSCode{"RWH", "RGT", "RYC"}).Draw(t, "organisation"),
		Sections: rapid.SampledFrom([]care.SectionSet{care.AllSections, care.SetOf(care.Alerts), care.SetOf(care.Alerts, care.Documents),
			care.SetOf(care.Documents, care.Allergies)}).Draw(t, "sections"),
		Purpose:    care.Purpose(rapid.IntRange(0, 3).Draw(t, "purpose")),
		Permission: care.Permission(rapid.IntRange(0, 4).Draw(t, "permission")),
		Reason:     rapid.SampledFrom([]string{"", "found unconscious"}).Draw(t, "reason"),
	}
}

// worsen draws ways in which what is known is less than fresh.
var worsen = []func(*Ages){
	func(a *Ages) { a.Failure = ReasonDamaged },
	func(a *Ages) { a.Lost = true },
	func(a *Ages) { a.Vouched = false },
	func(a *Ages) { a.Jumped = true },
	func(a *Ages) { a.Floor = a.Now.Add(time.Hour) },
	func(a *Ages) { a.Sets[0].Filled = false },
	func(a *Ages) { a.Sets[0].AsOf = a.Now.Add(-2 * time.Hour) },
	func(a *Ages) { a.Sets[0].AsOf = a.Now.Add(time.Hour) },
	func(a *Ages) { a.Sets[0].Since = a.Uptime - 2*time.Hour },
	func(a *Ages) { a.Sets[2].Filled = false },
	func(a *Ages) { a.Sets[2].AsOf = a.Now.Add(-2 * time.Hour) },
	func(a *Ages) { a.Sets[2].AsOf = a.Now.Add(time.Hour) },
	func(a *Ages) { a.Sets[2].Since = a.Uptime - 2*time.Hour },
	func(a *Ages) { a.Sets[1].AsOf = a.Now.Add(time.Hour) }, // the site's own need not be heard
}

func drawAges(t *rapid.T) *Ages {
	a := freshAges()
	a.Uptime = 9 * time.Hour
	a.Sets[0].Since = a.Uptime
	source := a.Sets[0]
	source.Required = true
	a.Sets = append(a.Sets, Set{}, source)
	if rapid.IntRange(0, 2).Draw(t, "doubted") == 0 {
		for range rapid.IntRange(1, 3).Draw(t, "doubts") {
			rapid.SampledFrom(worsen).Draw(t, "doubt")(a)
		}
	}
	return a
}

func drawModel(t *rapid.T) Model {
	return rapid.SampledFrom([]Model{OptOut, AskPermission}).Draw(t, "model")
}

func TestDecideIsTheModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, ask, ages, m := drawPerson(r), drawAsk(r), drawAges(r), drawModel(r)
		got, want := Decide(p.said(t), ask, ages, m), p.decide(ask, ages, m)
		if got != want {
			r.Fatalf("got %+v, want %+v\n%+v", got, want, p)
		}
		if len(Explain(p.said(t), ask, ages, m, got)) < 2 {
			r.Fatal("nothing is explained")
		}
	})
}

// released is what an answer lets go.
func released(a care.ConsentAnswer, ask *Ask) care.SectionSet {
	if a.Refusal != care.OK {
		return 0
	}
	return ask.sections() &^ a.Withheld
}

// Nobody gets more for a dissent or a restriction that was added, whenever it is
// of and under whichever number.
func TestWithholdingNeverReleases(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, ask, ages, m := drawPerson(r), drawAsk(r), drawAges(r), drawModel(r)
		before := released(Decide(p.said(t), ask, ages, m), ask)
		w := p.drawWord(r)
		w.Kind = rapid.SampledFrom([]care.DirectiveKind{care.Dissent, care.Restriction}).Draw(r, "withholds")
		if w.Kind == care.Restriction {
			w.Scope = Target{}
		}
		p.words = append(p.words, w)
		if after := released(Decide(p.said(t), ask, ages, m), ask); after&^before != 0 {
			r.Fatalf("%+v released %v: %+v", w, after&^before, p)
		}
	})
}

// No purpose, permission, reason, model or organisation gets past a dissent to
// everything or a restriction that is in force.
func TestNobodyOverrides(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, ages := drawPerson(r), drawAges(r)
		held := slices.ContainsFunc(p.inForce(), func(w word) bool { return w.Scope == Target{} })
		said := p.said(t)
		ask := drawAsk(r)
		for purpose := range care.BreakGlass + 2 {
			for permission := range care.PermissionNotAsked + 2 {
				for m := range AskPermission + 2 {
					ask.Purpose, ask.Permission = purpose, permission
					if a := Decide(said, ask, ages, m); held && a.Refusal == care.OK {
						r.Fatalf("%v, %v, %v: %+v", purpose, permission, m, a)
					}
				}
			}
		}
	})
}

// Knowing less never releases more, and doubt about silence releases nothing.
func TestDoubtNeverReleases(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, ask, ages, m := drawPerson(r), drawAsk(r), drawAges(r), drawModel(r)
		before := released(Decide(p.said(t), ask, ages, m), ask)
		rapid.SampledFrom(worsen).Draw(r, "worse")(ages)
		after := released(Decide(p.said(t), ask, ages, m), ask)
		if after&^before != 0 || ages.Doubt() != "" && after != 0 {
			r.Fatalf("released %v before, %v after: %s", before, after, ages.Doubt())
		}
	})
}

// A restricted patient cannot be told from one of whom nothing is known but by
// PatientNotFound, which the source answers where nobody is, also not by whether
// the privacy officer is told.
func TestRestrictedIsLikeUnknown(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, ask, ages, m := drawPerson(r), drawAsk(r), drawAges(r), drawModel(r)
		p.words = append(p.words, word{Statement: whole(care.Restriction, 9)})
		got, unknown := Decide(p.said(t), ask, ages, m), Decide(new(Said), ask, ages, m)
		if unknown.Refusal == care.OK {
			unknown.Refusal, unknown.Reason = care.PatientNotFound, ReasonRestricted
		}
		if got != unknown {
			r.Fatalf("got %+v, unknown %+v", got, unknown)
		}
	})
}
