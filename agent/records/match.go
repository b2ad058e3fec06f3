package records

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Match says which sources hold the person asked for.
type Match struct {
	Patient care.Patient // as the first source that holds them has them
	held    []holding
	log     callLog
}

// Calls returns the calls of sources that were made for the request so far.
func (m *Match) Calls() []care.SourceCall { return m.log.all() }

// holding is what one source answered to Identify.
type holding struct {
	source  *source
	patient care.Patient
	state   holdingState
	reason  string // true reason of absent, differs, failed and unsaid
}

type holdingState uint8

const (
	confirmed  holdingState = iota // the same person, and may be served
	absent                         // not here, or not to be served
	differs                        // the number is here, the demographics are not those asked
	failed                         // could not be told
	dissented                      // the source holds a dissent
	restricted                     // the source marks the person sensitive
	unsaid                         // what the patient has said at the source about sharing cannot be read
)

// outcome is how the call went that led to the holding.
func (h *holding) outcome() care.Kind {
	switch h.state {
	case failed:
		return care.SourceUnavailable
	case unsaid:
		return care.ConsentUnavailable
	case absent:
		return care.PatientNotFound
	}
	return care.OK
}

// Identify asks every source for the patient. It refuses unless at least one
// source surely holds the person asked for: same NHS number, verified, active,
// not a test patient, demographics that agree. A source that marks the person
// restricted or dissenting speaks for the whole site. The error's Reason is
// the true one and is not for the caller.
func (r *Reader) Identify(ctx context.Context, subject care.Subject) (*Match, error) {
	began := time.Now()
	defer func() { // the average of about the last eight
		before := r.took.Load()
		r.took.Store(before + (int64(time.Since(began))-before)/8)
	}()
	m := &Match{held: make([]holding, len(r.sources)), log: callLog{calls: make([]care.SourceCall, 0, 2*len(r.sources))}}
	if len(r.sources) == 1 {
		m.held[0] = r.identify(ctx, &r.sources[0], subject, &m.log)
		return m, m.judge()
	}
	var all sync.WaitGroup
	for i := range r.sources {
		all.Go(func() { m.held[i] = r.identify(ctx, &r.sources[i], subject, &m.log) })
	}
	all.Wait()
	return m, m.judge()
}

func (r *Reader) identify(ctx context.Context, s *source, subject care.Subject, log *callLog) (h holding) {
	began := time.Now()
	defer func() {
		if recover() != nil { // a connector that panics is a source that failed
			h = holding{source: s, state: failed, reason: "DEFECT"}
		}
		log.add(s, "IDENTIFY", began, h.outcome(), h.reason)
	}()
	ctx, stop := context.WithTimeout(ctx, r.limits.Stall)
	defer stop()
	p, err := s.connector.Identify(ctx, subject.NHSNumber)
	switch kind := care.KindOf(err); {
	case kind == care.PatientNotFound:
		return holding{source: s, state: absent, reason: "ABSENT"}
	case kind == care.ConsentUnavailable:
		return holding{source: s, state: unsaid, reason: reasonOr(err, "FAILED")}
	case ctx.Err() != nil:
		return holding{source: s, state: failed, reason: "TIMEOUT"}
	case err != nil:
		return holding{source: s, state: failed, reason: reasonOr(err, "FAILED")}
	}
	state, reason := judgePatient(subject, &p)
	return holding{s, p, state, reason}
}

// judgePatient decides whether the patient a source returned is the one asked
// for and may be served. The order matters: a restricted person is restricted
// whatever else is wrong.
func judgePatient(subject care.Subject, p *care.Patient) (holdingState, string) {
	switch {
	case p.NHSNumber != subject.NHSNumber:
		return failed, "WRONG_PATIENT"
	case p.Restricted:
		return restricted, "SOURCE_RESTRICTED"
	case p.Dissent:
		return dissented, "SOURCE_DISSENT"
	case !p.Verified:
		return absent, "NUMBER_NOT_VERIFIED"
	case !p.Active:
		return absent, "NOT_ACTIVE"
	case p.Test && !subject.NHSNumber.IsTest():
		return absent, "TEST_PATIENT"
	case !Agrees(subject, p):
		return differs, "DEMOGRAPHICS_DIFFER"
	}
	return confirmed, ""
}

// judge decides for the site from what its sources answered.
func (m *Match) judge() error {
	worst := map[holdingState]string{}
	for i := range m.held {
		h := &m.held[i]
		if _, there := worst[h.state]; !there {
			worst[h.state] = h.reason
			if h.state == confirmed {
				m.Patient = h.patient
			}
		}
	}
	const op = "records.Identify"
	for _, v := range []struct {
		state  holdingState
		kind   care.Kind
		detail string
	}{
		{restricted, care.PatientNotFound, NotFoundDetail},
		{dissented, care.NoPatientConsent, "the patient has dissented from sharing this record"},
		{unsaid, care.ConsentUnavailable, "what the patient has said about sharing cannot be read at present, so nothing may leave; try later, or ask the site"},
		{confirmed, care.OK, ""},
		{failed, care.SourceUnavailable, "the site's record system could not be read; try again, or ask the site"},
		{differs, care.InvalidDemographics, "the demographics are not those of the patient with this NHS number; check the name and the date of birth"},
		{absent, care.PatientNotFound, NotFoundDetail},
	} {
		reason, there := worst[v.state]
		if !there {
			continue
		}
		if v.kind == care.OK {
			return nil
		}
		if v.state == restricted {
			return hidden(reason, m.WithoutPatient())
		}
		return &care.Error{Kind: v.kind, Op: op, Reason: reason, Detail: v.detail}
	}
	return &care.Error{Kind: care.SourceUnavailable, Op: op, Reason: "NO_SOURCE", Detail: "the site has no source configured"}
}

// WithoutPatient returns what would have been said had no source held such a
// patient: a restricted person must get the answer of one who is not there,
// also while a source cannot be read, and whatever is wrong with what another
// source holds of that person.
func (m *Match) WithoutPatient() error {
	others := Match{}
	for _, h := range m.held {
		if (h.state == failed || h.state == unsaid) && !ofOnePatient[h.reason] {
			others.held = append(others.held, h)
		}
	}
	if len(others.held) == 0 {
		return &care.Error{Kind: care.PatientNotFound, Op: "records.Identify", Reason: "ABSENT", Detail: NotFoundDetail}
	}
	return others.judge()
}

// hidden is the answer of somebody who is not there, with the true reason where
// the caller is not told a reason.
func hidden(reason string, absent error) error {
	if care.KindOf(absent) != care.PatientNotFound {
		return absent
	}
	return &care.Error{Kind: care.PatientNotFound, Op: "records.Identify", Reason: reason, Detail: NotFoundDetail}
}

// NotFoundDetail is the text of every PatientNotFound, whatever the reason.
const NotFoundDetail = "no patient with these details can be served here"

// Agrees reports whether a request's demographics are those of the patient:
// the exact date of birth and the family name; or two of the three parts of
// the date, the first three letters of the family name and the first letter of
// the given name (the Personal Demographics Service's cross-check, as GP
// Connect 1.6 "Find a patient" cites it; the family name is demanded in the
// first case too, because a mistyped number with a shared birthday is
// otherwise somebody else). Current and former names count; letter case,
// accents, spaces, hyphens and apostrophes do not.
func Agrees(subject care.Subject, p *care.Patient) bool {
	parts := sameDateParts(subject.BirthDate, p.BirthDate)
	if parts < 2 {
		return false
	}
	family, given := fold(subject.Family), fold(subject.Given)
	for _, n := range p.Names {
		held := fold(n.Family)
		if held == "" || family == "" {
			continue
		}
		if parts == 3 && (held == family || prefix(held, 3) == prefix(family, 3)) {
			return true
		}
		if given != "" && len(n.Given) > 0 && prefix(held, 3) == prefix(family, 3) &&
			prefix(fold(n.Given[0]), 1) == prefix(given, 1) {
			return true
		}
	}
	return false
}

// sameDateParts counts the parts of two dates, year, month and day, that both
// have and that agree.
func sameDateParts(a, b care.DateTime) int {
	n := 0
	known := min(a.Precision, b.Precision)
	ay, am, ad := a.Time.Date()
	by, bm, bd := b.Time.Date()
	for _, part := range []struct {
		needs care.Precision
		same  bool
	}{{care.ToYear, ay == by}, {care.ToMonth, am == bm}, {care.ToDay, ad == bd}} {
		if known >= part.needs && part.same {
			n++
		}
	}
	return n
}

// fold reduces a name to its bare letters in lower case.
func fold(name care.Private) string {
	var b strings.Builder
	for _, c := range norm.NFKD.String(name.Reveal()) {
		switch {
		case unicode.IsLetter(c):
			b.WriteString(plain(unicode.ToLower(c)))
		case unicode.IsDigit(c):
			b.WriteRune(c)
		}
	}
	return b.String()
}

// plain spells the letters that have no decomposition as British systems do.
func plain(c rune) string {
	switch c {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'þ':
		return "th"
	case 'ı':
		return "i"
	}
	return string(c)
}

// prefix returns the first n letters of a folded name, or all there are.
func prefix(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func reasonOr(err error, other string) string {
	if reason := care.ReasonOf(err); reason != "" {
		return reason
	}
	return other
}
