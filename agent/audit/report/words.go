package report

import (
	"fmt"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Codes in the words of the people who read reports. A code that this build
// does not know is shown as it is.
var (
	sectionWords = map[string]string{
		"DEMOGRAPHICS":       "Name, address and contact details",
		"ALERTS":             "Alerts and warnings for those who care for you",
		"ALLERGIES":          "Allergies and bad reactions",
		"MEDICATIONS":        "Medicines",
		"PROBLEMS":           "Conditions and health problems",
		"CONSULTATIONS":      "Notes of appointments and contacts",
		"HOSPITAL_ACTIVITY":  "Hospital stays and visits",
		"INVESTIGATIONS":     "Tests and their results",
		"OBSERVATIONS":       "Measurements, such as blood pressure and weight",
		"IMMUNISATIONS":      "Vaccinations",
		"PROCEDURES":         "Operations and other procedures",
		"REFERRALS":          "Referrals to other services",
		"RECALLS":            "Planned recalls and check-ups",
		"APPOINTMENTS":       "Appointments",
		"DOCUMENTS":          "Letters and other documents",
		"CARE_PLANS":         "Care plans",
		"SOCIAL_CARE":        "Social care",
		"CONTACTS":           "Next of kin and other contacts",
		"LEGAL_SAFEGUARDING": "Legal and safeguarding information",
		"URGENT_CARE_EVENTS": "Urgent and emergency care",
		"ABOUT_ME":           "About me: what you have said about yourself",
	}
	purposeWords = map[string]string{
		"TREAT":  "To give care",
		"ETREAT": "To give care in an emergency",
		"BTG":    "Viewed without asking first (break-glass)",
	}
	permissionWords = map[string]string{
		"ASKED":          "They said that you were asked and agreed",
		"PATIENT_ABSENT": "They said that you were not there to be asked, and that they were involved in your care",
		"EMERGENCY":      "They said that you could not be asked because of an emergency",
		"NOT_ASKED":      "They said that nobody asked you",
	}
	alertReasonWords = map[string]string{
		"PUBLIC_INTEREST":        "They said that it was in the public interest",
		"STATUTE":                "They said that a law demanded it",
		"COURT_ORDER":            "They said that a court had ordered it",
		"SELF_CLAIMED_EMERGENCY": "They said that it was an emergency",
		"EMERGENCY":              "They said that it was an emergency",
		"OTHER":                  "They said that there was another reason",
	}
	refusalWords = map[string]string{
		"INTERNAL_ERROR":               "a fault in the software stopped the request",
		"BAD_REQUEST":                  "the request was not complete",
		"INVALID_NHS_NUMBER":           "the request did not give an NHS number that can be used here",
		"INVALID_PATIENT_DEMOGRAPHICS": "the name or date of birth in the request was missing or did not match",
		"PATIENT_NOT_FOUND":            "the answer was that no record could be found here for the details in the request",
		"NO_RECORD_FOUND":              "the document that was asked for could not be found here",
		"NO_PATIENT_CONSENT":           "you have said that this record must not be shared",
		"NO_PERMISSION_TO_VIEW":        "the person did not say that you were asked, and gave no reason that stands in for asking",
		"ACCESS_DENIED":                "this site does not share this with that person or organisation",
		"UNAUTHENTICATED":              "the system that asked could not prove what it is",
		"CONSENT_UNAVAILABLE":          "it could not be checked at that time whether you agree to sharing",
		"AUDIT_UNAVAILABLE":            "the request could not be written down, and what cannot be written down is not shown",
		"SOURCE_UNAVAILABLE":           "the site's own record system could not be read at that time",
		"LIMIT_EXCEEDED":               "the request took too long or asked for too much",
		"CANCELLED":                    "the system that asked broke off",
		"NOT_SUPPORTED":                "this site cannot do what was asked",
	}
	resultWords = map[Result]string{
		Shown:       "Shown",
		PartlyShown: "Shown in part: sending stopped before its end",
		MayHaveBeen: "May have been shown: it was allowed, and how it ended is not recorded",
		Found: "They were told that this site holds a record, with the details that confirm who it is about, and which parts they could ask for. " +
			"Nothing else of the record was shown",
		Refused: "Nothing was shown",
	}
	interactionWords = map[string]string{
		"LOCATE_PATIENT": "Asked whether this site holds a record",
		"GET_RECORD":     "Asked for the record",
		"GET_DOCUMENT":   "Asked for one document",
	}
	directiveWords = map[string]string{
		"DISSENT":      "The record must not be shared",
		"CONSENT":      "The record may be shared",
		"RESTRICTION":  "The person must not be found by anyone who asks (restriction)",
		"UNRESTRICTED": "The restriction was lifted",
	}
	gapReasons = map[string]string{
		Archived: "moved to an archive that was not at hand",
		Pruned:   "deleted because the time for keeping them was over",
		Missing:  "not there, and nothing says why",
		Damaged:  "damaged, and so not readable",
		Sealed:   "whom they are about cannot be read, because they were sealed under another key of this site or are damaged",
	}
	authorityWords = map[string]string{
		"REGION": "received from the region",
		"SITE":   "recorded at this site",
		"SOURCE": "read from the site's own record system",
	}
)

// in returns the words for a code, or the code.
func in(words map[string]string, code string) string {
	if w, ok := words[code]; ok {
		return w
	}
	return code
}

// orElse returns text, or what stands for an empty one.
func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// moment is how a time is shown: in the zone of the site, with its offset.
func moment(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	return t.Format("2 January 2006, 15:04:05") + " (UTC" + t.Format("-07:00") + ")"
}

// role says in words what the person's role was.
func (p Person) role() string {
	switch {
	case p.RoleName != "" && p.RoleCode != "":
		return p.RoleName + " (" + p.RoleCode + ")"
	case p.RoleCode != "":
		return "role " + p.RoleCode
	}
	return orElse(p.RoleName, "role not stated")
}

// organisation says in words where the person works.
func (p Person) organisation() string {
	switch {
	case p.OrganisationName != "" && p.Organisation != "":
		return p.OrganisationName + " (" + p.Organisation + ")"
	case p.Organisation != "":
		return "organisation " + p.Organisation
	}
	return orElse(p.OrganisationName, "organisation not stated")
}

// result says what came of the request, and why if it was refused.
func (a *Access) result() string {
	text := resultWords[a.Result]
	if a.Refusal == "" {
		return text + "."
	}
	return text + ": " + in(refusalWords, a.Refusal) + "."
}

// words says what became of a part.
func (p Part) words() string {
	text := p.state()
	if p.Held > 0 {
		text += fmt.Sprintf("; %s held back", entries(p.Held))
	}
	return text
}

func (p Part) state() string {
	switch p.State {
	case "COMPLETE":
		return entries(p.Shown) + " shown"
	case "EMPTY":
		return "nothing recorded, so there was nothing to show"
	case "NIL_KNOWN":
		return "shown that there is nothing to record"
	case "IN_TRANSIT":
		return entries(p.Shown) + " shown; more may be on the way from another site"
	case "WITHHELD":
		return entries(p.Shown) + " shown; some were held back"
	case "TRUNCATED":
		return entries(p.Shown) + " shown, the newest; older ones were not shown"
	case "UNAVAILABLE":
		return entries(p.Shown) + " shown; the site's own system could not be read in full"
	case "NOT_PERMITTED":
		return "not shown: this person may not see it"
	case "DISABLED":
		return "not shown: this site does not share it"
	case "UNSUPPORTED":
		return "not shown: this site cannot share it"
	case partMayHave:
		return "may have been shown"
	case partCanBeAsked:
		return "could be asked for; not shown here"
	}
	return fmt.Sprintf("%s shown (%s)", entries(p.Shown), p.State)
}

// entries counts entries of a record.
func entries(n int64) string {
	switch n {
	case 0:
		return "no entries"
	case 1:
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// words says what happened.
func (e *Event) words() string {
	switch e.Kind {
	case care.ConsentChanged:
		what := "The choice about sharing this record was changed"
		if e.Refusal != "" {
			what = "A change of the choice about sharing this record was not accepted"
		}
		text := what + ": " + in(directiveWords, e.Directive)
		if e.Authority != "" {
			text += ", " + in(authorityWords, e.Authority)
		}
		return text + "."
	case care.ConsentShown:
		return "Somebody at this site looked at the choices about sharing this record."
	case care.JournalSearched:
		return "Somebody at this site looked up who has looked at this record."
	case care.JournalExported:
		return "Entries about this record were copied out of the journal."
	}
	return "Another event that concerns this record: " + string(e.Kind) + "."
}

// words says what is not covered, and why.
func (g Gap) words() string {
	where := fmt.Sprintf("Entries %d to %d of the journal", g.First, g.Last)
	switch all := g.Last - g.First + 1; {
	case g.First == g.Last:
		where = fmt.Sprintf("Entry %d of the journal", g.First)
	case g.Count < all:
		where = fmt.Sprintf("%d of the journal's entries between %d and %d", g.Count, g.First, g.Last)
	}
	return where + ": " + in(gapReasons, g.Why) + ". Requests for this record may be among them."
}

// limits says what no report covers, and what this one leaves out.
func (r *Report) limits() []string {
	list := []string{
		"This report covers requests for this record that came to this site from outside through the My Care Record service. It does not cover people who use the site's own record system, nor records at other sites.",
		"Choices about sharing that arrived from the region for many people at once are not listed person by person.",
	}
	if r.guardian() {
		list = append(list, "This is the version for the Caldicott Guardian. Where it says \"you\", it means the patient.")
	} else {
		list = append(list, "This is the version for the patient. It says of a refused request what the person who asked was told. "+
			"The site's internal reasons, how many entries were held back, and changes of protective settings, if there were any, are left out. The site's Caldicott Guardian can see them.")
	}
	return list
}

// period says which period the report covers.
func (r *Report) period() string {
	to := "until this report was made"
	if !r.To.IsZero() {
		to = "until " + moment(r.To, r.zone())
	}
	if r.From.IsZero() {
		return "From the beginning of the journal " + to
	}
	return "From " + moment(r.From, r.zone()) + " " + to
}

// number is how NHS numbers are printed: 999 000 0042.
func (r *Report) number() string {
	n := r.Patient.Reveal()
	if len(n) != 10 {
		return n
	}
	return n[:3] + " " + n[3:6] + " " + n[6:]
}

// tally counts accesses in words that stand at the top of the report.
func (r *Report) tally() (viewed, people, refused, found, breakGlass int) {
	who := map[[2]string]bool{}
	for i := range r.Accesses {
		a := &r.Accesses[i]
		if a.BreakGlass {
			breakGlass++
		}
		switch a.Result {
		case Refused:
			refused++
		case Found:
			found++
		default:
			viewed++
			who[[2]string{a.Who.Organisation, a.Who.UserID}] = true
		}
	}
	return viewed, len(who), refused, found, breakGlass
}
