package rule_test

// decisions is every case that was thought of, for people who answer for
// patients' confidentiality as much as for the tests: TestDecisions runs it and
// TestDecisionsDocument prints it. The small language that it is written in is
// read by parseCase.
//
// Unless a case says something else, the region shares by opt-out, everything
// known is fresh, and staff of the hospital RWH ask for the whole record for the
// patient's care, and have asked the patient.
var decisions = []group{
	{"Nobody has said anything", []decision{
		{name: "the ordinary case", answer: "shared"},
		{name: "nobody asked the patient, and the region does not require it", asks: "care, nobody asked", answer: "shared"},
		{name: "the region asks, and the patient agreed", model: "asks", answer: "shared"},
		{name: "the region asks, and the patient was not there", model: "asks", asks: "care, patient absent", answer: "shared, alerted"},
		{name: "the region asks, and the patient could not be asked", model: "asks", asks: "emergency care, could not be asked", answer: "shared, alerted"},
		{name: "the region asks, and nobody asked", model: "asks", asks: "care, nobody asked", answer: "NO_PERMISSION_TO_VIEW (NO_PERMISSION)"},
		{name: "the region asks, and the request does not say", model: "asks", asks: "care, nothing stated", answer: "NO_PERMISSION_TO_VIEW (NO_PERMISSION)"},
		{name: "an emergency alone is no permission", model: "asks", asks: "emergency care, nobody asked", answer: "NO_PERMISSION_TO_VIEW (NO_PERMISSION)"},
		{name: "break-glass stands in for asking", model: "asks", asks: "break-glass, nobody asked", answer: "shared, alerted"},
		{name: "break-glass is told of where asking is not required, too", asks: "break-glass, nobody asked", answer: "shared, alerted"},
		{name: "break-glass needs a reason", asks: "break-glass without a reason, nobody asked", answer: "NO_PERMISSION_TO_VIEW (NO_REASON)"},
		{name: "break-glass needs a reason even if the patient agreed", model: "asks", asks: "break-glass without a reason, asked", answer: "NO_PERMISSION_TO_VIEW (NO_REASON)"},
		{name: "research, planning, or no purpose at all", asks: "no purpose known here, asked", answer: "NO_PERMISSION_TO_VIEW (NO_PERMISSION)"},
		{name: "a site that was not told the region's rule", model: "none", answer: "NO_PERMISSION_TO_VIEW (NO_PERMISSION)"},
	}},
	{"What is about something else", []decision{
		{name: "national data opt-out: research and planning only, kept nationally", said: "nothing here", answer: "shared"},
		{name: "type 1 opt-out, Read v2", said: "emis: code 9Nu0. of Read v2 on 3 March 2026", answer: "shared"},
		{name: "type 1 opt-out, CTV3", said: "emis: code XaZ89 of CTV3 on 3 March 2026", answer: "shared"},
		{name: "type 1 opt-out, SNOMED CT", said: "emis: code 827241000000103 of SNOMED CT on 3 March 2026", answer: "shared"},
		{name: "type 2 opt-out, Read v2", said: "emis: code 9Nu4. of Read v2 on 3 March 2026", answer: "shared"},
		{name: "type 2 opt-out, CTV3", said: "emis: code XaaVL of CTV3 on 3 March 2026", answer: "shared"},
		{name: "type 2 opt-out, SNOMED CT", said: "emis: code 881561000000100 of SNOMED CT on 3 March 2026", answer: "shared"},
		{name: "Summary Care Record: express dissent, Read v2", said: "emis: code 9Ndo. of Read v2 on 3 March 2026", answer: "shared"},
		{name: "Summary Care Record: express dissent, CTV3", said: "emis: code XaXj6 of CTV3 on 3 March 2026", answer: "shared"},
		{name: "refused upload to a national record", said: "emis: code 416308001 of SNOMED CT on 3 March 2026", answer: "shared"},
		{name: "Summary Care Record consent lifts no dissent", said: "emis: code 93C1. of Read v2 on 3 March 2026; emis: code 9Ndn. of Read v2 on 4 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
	}},
	{"Dissent, and consent given again", []decision{
		{name: "told to the region", said: "region: dissent on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "told to this site", said: "site: dissent on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "coded in the record system, SNOMED CT", said: "emis: code 416409005 of SNOMED CT on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "coded in the record system, Read v2 with its term", said: "emis: code 9Nd1.00 of Read v2 on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "coded in the record system, CTV3", said: "emis: code XaKRw of CTV3 on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "to a third party that the code does not name", said: "emis: code 320011000000108 of SNOMED CT on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "given again to the same authority", said: "region: dissent on 3 March 2026; region: consent on 4 March 2026", answer: "shared"},
		{name: "given again, coded", said: "emis: code 93C1. of Read v2 on 3 March 2026; emis: code 93C0. of Read v2 on 4 March 2026", answer: "shared"},
		{name: "given again to another authority", said: "region: dissent on 3 March 2026; site: consent on 4 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "another authority never heard of the dissent", said: "site: dissent on 3 March 2026; region: consent on 4 March 2026; emis: code 9Nd7. of Read v2 on 5 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "an older consent that arrives later", said: "region: dissent on 4 March 2026; region: consent on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "both of one day: the one recorded later", said: "region: dissent on 3 March 2026; region: consent on 3 March 2026, recorded 5 March 2026", answer: "shared"},
		{name: "both of one moment", said: "region: consent on 3 March 2026; region: dissent on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "a consent is not permission to view", model: "asks", said: "region: consent on 3 March 2026", asks: "care, nobody asked", answer: "NO_PERMISSION_TO_VIEW (NO_PERMISSION)"},
		{name: "a dissent dated next year holds now", said: "region: dissent on 3 March 2027", answer: "NO_PATIENT_CONSENT (DISSENT)"},
	}},
	{"A dissent is not overridden", everyWay("region: dissent on 3 March 2026", "NO_PATIENT_CONSENT (DISSENT)")},
	{"Dissent to one organisation", []decision{
		{name: "its staff ask", said: "region: dissent for staff of RWH on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT_ORGANISATION)"},
		{name: "its staff ask and break the glass", said: "region: dissent for staff of RWH on 3 March 2026", asks: "break-glass, nobody asked", answer: "NO_PATIENT_CONSENT (DISSENT_ORGANISATION)"},
		{name: "others ask", said: "region: dissent for staff of RWH on 3 March 2026", asks: "care, asked, by RGT", answer: "shared"},
		{name: "it is not known who asks", said: "region: dissent for staff of RWH on 3 March 2026", asks: "care, asked, by nobody", answer: "NO_PATIENT_CONSENT (DISSENT_ORGANISATION)"},
		{name: "a later consent to everything", said: "region: dissent for staff of RWH on 3 March 2026; region: consent on 4 March 2026", answer: "shared"},
		{name: "an earlier consent to everything", said: "region: dissent for staff of RWH on 4 March 2026; region: consent on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT_ORGANISATION)"},
		{name: "everything but one, said at once", said: "region: consent on 3 March 2026; region: dissent for staff of RWH on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT_ORGANISATION)"},
		{name: "a later consent to the same organisation", said: "region: dissent for staff of RWH on 3 March 2026; region: consent for staff of RWH on 4 March 2026", answer: "shared"},
		{name: "a later consent to another organisation", said: "region: dissent for staff of RWH on 3 March 2026; region: consent for staff of RGT on 4 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT_ORGANISATION)"},
		{name: "a later consent to one does not lift a dissent to all", said: "region: dissent on 3 March 2026; region: consent for staff of RWH on 4 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "a later consent of another authority", said: "region: dissent for staff of RWH on 3 March 2026; site: consent on 4 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT_ORGANISATION)"},
	}},
	{"Dissent for some sections", []decision{
		{name: "they are left out", said: "region: dissent for section CONSULTATIONS on 3 March 2026", answer: "shared without CONSULTATIONS"},
		{name: "they are left out under break-glass", said: "region: dissent for section CONSULTATIONS on 3 March 2026", asks: "break-glass, nobody asked", answer: "shared without CONSULTATIONS, alerted"},
		{name: "something else is asked for", said: "region: dissent for section CONSULTATIONS on 3 March 2026", asks: "care, asked, wants ALLERGIES", answer: "shared"},
		{name: "nothing else is asked for", said: "region: dissent for section CONSULTATIONS on 3 March 2026", asks: "care, asked, wants CONSULTATIONS", answer: "NO_PATIENT_CONSENT (DISSENT_SECTIONS)"},
		{name: "two authorities, one section each", said: "region: dissent for section CONSULTATIONS on 3 March 2026; site: dissent for section DOCUMENTS on 3 March 2026", answer: "shared without CONSULTATIONS,DOCUMENTS"},
		{name: "between them all that is asked for", said: "region: dissent for section CONSULTATIONS on 3 March 2026; site: dissent for section DOCUMENTS on 3 March 2026", asks: "care, asked, wants DOCUMENTS CONSULTATIONS", answer: "NO_PATIENT_CONSENT (DISSENT_SECTIONS)"},
		{name: "a later consent for one of them", said: "region: dissent for section CONSULTATIONS on 3 March 2026; region: dissent for section DOCUMENTS on 3 March 2026; region: consent for section DOCUMENTS on 4 March 2026", answer: "shared without CONSULTATIONS"},
		{name: "a later consent to everything", said: "region: dissent for section CONSULTATIONS on 3 March 2026; region: consent on 4 March 2026", answer: "shared"},
		{name: "a later consent for a section does not lift a dissent to all", said: "region: dissent on 3 March 2026; region: consent for section ALLERGIES on 4 March 2026", asks: "care, asked, wants ALLERGIES", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "and nobody gave permission to see the rest", model: "asks", said: "region: dissent for section CONSULTATIONS on 3 March 2026", asks: "care, nobody asked", answer: "NO_PERMISSION_TO_VIEW (NO_PERMISSION)"},
	}},
	{"Restricted patients (S-flag)", []decision{
		{name: "not to be found", said: "region: restriction on 3 March 2026", answer: "PATIENT_NOT_FOUND (RESTRICTED)"},
		{name: "not even by break-glass; the site is told of the attempt, as of one for somebody who is not here", said: "region: restriction on 3 March 2026", asks: "break-glass, nobody asked", answer: "PATIENT_NOT_FOUND (RESTRICTED), alerted"},
		{name: "restriction and dissent: the dissent is not told of", said: "region: restriction on 3 March 2026; region: dissent on 3 March 2026", answer: "PATIENT_NOT_FOUND (RESTRICTED)"},
		{name: "refused like anyone: no reason", said: "region: restriction on 3 March 2026", asks: "break-glass without a reason, asked", answer: "NO_PERMISSION_TO_VIEW (NO_REASON)"},
		{name: "refused like anyone: nobody asked", model: "asks", said: "region: restriction on 3 March 2026", asks: "care, nobody asked", answer: "NO_PERMISSION_TO_VIEW (NO_PERMISSION)"},
		{name: "refused like anyone: too old", said: "region: restriction on 3 March 2026", known: "region heard 25 hours ago", answer: "CONSENT_UNAVAILABLE (STALE)"},
		{name: "refused like anyone: not vouched for", said: "region: restriction on 3 March 2026; site: dissent on 3 March 2026", known: "region has not vouched", answer: "CONSENT_UNAVAILABLE (UNVOUCHED)"},
		{name: "lifted by the same authority", said: "region: restriction on 3 March 2026; region: unrestricted on 4 March 2026", answer: "shared"},
		{name: "not lifted by another", said: "region: restriction on 3 March 2026; site: unrestricted on 4 March 2026", answer: "PATIENT_NOT_FOUND (RESTRICTED)"},
		{name: "not lifted by consent", said: "region: restriction on 3 March 2026; region: consent on 4 March 2026", answer: "PATIENT_NOT_FOUND (RESTRICTED)"},
		{name: "lifting it lifts no dissent", said: "region: dissent on 3 March 2026; region: unrestricted on 4 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
	}},
	{"How far silence, or a consent, can be relied on", []decision{
		{name: "nothing was ever loaded", known: "never filled", answer: "CONSENT_UNAVAILABLE (NEVER_FILLED)"},
		{name: "nothing was ever loaded, but a dissent at the site", said: "site: dissent on 3 March 2026", known: "never filled", answer: "CONSENT_UNAVAILABLE (NEVER_FILLED)"},
		{name: "the store is damaged", said: "region: restriction on 3 March 2026", known: "damaged", asks: "break-glass, nobody asked", answer: "CONSENT_UNAVAILABLE (DAMAGED)"},
		{name: "a change could not be written", said: "region: dissent on 3 March 2026", known: "poisoned", answer: "CONSENT_UNAVAILABLE (POISONED)"},
		{name: "the agent is stopping", known: "closed", answer: "CONSENT_UNAVAILABLE (CLOSED)"},
		{name: "the store was lost or put back from the past", said: "region: dissent on 3 March 2026", known: "lost", answer: "CONSENT_UNAVAILABLE (LOST)"},
		{name: "the region was heard just lately enough", known: "region heard 24 hours ago", answer: "shared"},
		{name: "the region was heard too long ago", known: "region heard 25 hours ago", answer: "CONSENT_UNAVAILABLE (STALE)"},
		{name: "the clock was set back to hide that", known: "region heard 25 hours ago by the clock that cannot be set", answer: "CONSENT_UNAVAILABLE (STALE)"},
		{name: "too long ago, and a dissent is known", said: "site: dissent on 3 March 2026", known: "region heard 25 hours ago", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "too long ago, and break-glass", known: "region heard 25 hours ago", asks: "break-glass, nobody asked", answer: "CONSENT_UNAVAILABLE (STALE)"},
		{name: "too long ago, and the patient agreed", model: "asks", known: "region heard 25 hours ago", answer: "CONSENT_UNAVAILABLE (STALE)"},
		{name: "the record system was never read", known: "emis never read", answer: "CONSENT_UNAVAILABLE (SOURCE_NOT_READ)"},
		{name: "the record system was never read, and a dissent is known", said: "region: dissent on 3 March 2026", known: "emis never read", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "the record system was read too long ago", said: "emis: code 93C0. of Read v2 on 3 March 2026", known: "emis read 25 hours ago", answer: "CONSENT_UNAVAILABLE (SOURCE_STALE)"},
		{name: "the region has not vouched for the agent since its start", known: "region has not vouched", answer: "CONSENT_UNAVAILABLE (UNVOUCHED)"},
		{name: "not vouched for, and a consent is known", said: "region: consent on 3 March 2026; site: consent on 4 March 2026", known: "region has not vouched", answer: "CONSENT_UNAVAILABLE (UNVOUCHED)"},
		{name: "not vouched for, and a dissent is known", said: "region: dissent on 3 March 2026", known: "region has not vouched", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "the clock is behind what the store has seen", known: "clock behind the store", answer: "CONSENT_UNAVAILABLE (CLOCK)"},
		{name: "the clock is behind the region's", known: "clock behind the region", answer: "CONSENT_UNAVAILABLE (CLOCK)"},
		{name: "the clock is behind, and a section is dissented to", said: "region: dissent for section CONSULTATIONS on 3 March 2026", known: "clock behind the store", asks: "care, asked, wants CONSULTATIONS", answer: "NO_PATIENT_CONSENT (DISSENT_SECTIONS)"},
		{name: "the clock was set", known: "clock was set", answer: "CONSENT_UNAVAILABLE (CLOCK_JUMPED)"},
	}},
	{"Two NHS numbers of one person", []decision{
		{name: "a dissent under the other number", said: "region, other number linked 1 May 2026: dissent on 3 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "a consent from before they were linked could not know of it", said: "region, other number linked 1 May 2026: dissent on 3 March 2026; region: consent on 4 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "a consent from after they were linked is the person's latest word", said: "region, other number linked 1 May 2026: dissent on 3 March 2026; region: consent on 2 May 2026", answer: "shared"},
		{name: "the same, the consent under the other number", said: "region: dissent on 3 March 2026; region, other number linked 1 May 2026: consent on 2 May 2026", answer: "shared"},
		{name: "a consent from after, of another authority", said: "region, other number linked 1 May 2026: dissent on 3 March 2026; site: consent on 2 May 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "a dissent from after", said: "region, other number linked 1 May 2026: dissent on 3 May 2026; region: consent on 2 May 2026", answer: "NO_PATIENT_CONSENT (DISSENT)"},
		{name: "a restriction under the other number", said: "region, other number linked 1 May 2026: restriction on 3 March 2026; region: unrestricted on 4 March 2026", answer: "PATIENT_NOT_FOUND (RESTRICTED)"},
		{name: "a restriction that was lifted after", said: "region, other number linked 1 May 2026: restriction on 3 March 2026; region: unrestricted on 2 May 2026", answer: "shared"},
		{name: "a dissent to one organisation under the other number", said: "region, other number linked 1 May 2026: dissent for staff of RWH on 3 March 2026; region: consent on 4 March 2026", answer: "NO_PATIENT_CONSENT (DISSENT_ORGANISATION)"},
		{name: "a consent for a section from after, and one from before", said: "region, other number linked 1 May 2026: dissent for section DOCUMENTS on 3 March 2026; region, other number linked 1 May 2026: dissent for section ALERTS on 3 March 2026; region: consent for section DOCUMENTS on 2 May 2026; region: consent for section ALERTS on 4 March 2026", answer: "shared without ALERTS"},
		{name: "consent under both", said: "region, other number linked 1 May 2026: consent on 3 March 2026; region: consent on 4 March 2026", answer: "shared"},
	}},
}

// everyWay is one answer to every purpose and every outcome of asking.
func everyWay(said, answer string) []decision {
	var all []decision
	for _, purpose := range []string{"care", "emergency care", "break-glass"} {
		for _, permission := range []string{"asked", "patient absent", "could not be asked", "nobody asked"} {
			all = append(all, decision{name: purpose + ", " + permission, model: "asks", said: said, asks: purpose + ", " + permission, answer: answer})
		}
	}
	return all
}
