package ukcore

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// origin is the source of all rows in these tests.
var origin = &care.Origin{Source: "gp", System: "Test GP", Organisation: "Y90001", OrganisationName: "Elm Street Surgery"}

func testEncoder() *Encoder { return NewEncoder(origin, care.NewPrivate("p1")) }

func sct(code, display string) Concept {
	return Concept{Codings: []care.Coding{{System: snomed, Code: code, Display: display}}, Text: display}
}

func words(s string) Concept { return Concept{Text: s} }

func at(text string) care.DateTime {
	d, err := care.ParseDateTime(text, time.UTC)
	if err != nil {
		panic(err)
	}
	return d
}

var (
	doctor   = Person{ID: "G9999998", System: "https://fhir.hl7.org.uk/Id/gmp-number", Name: "Dr Ada Test", Role: "General Medical Practitioner"}
	hospital = Organisation{Code: "RTEST", Name: "Test General Hospital"}
)

// fullEntry has everything that rows of every kind may have.
func fullEntry(id string) Entry {
	return Entry{ID: id, Effective: at("2024-03-31T00:30:00+00:00"), Recorded: at("2024-04-01T09:15:00+01:00"),
		Organisation: hospital, Author: doctor, Consultation: "c1", Problems: []string{"p1", "p2"},
		Note: "Told by \"Mrs <Test>\" & son,\nthen\tchecked \u2603."}
}

func fullMeasure() Measure {
	return Measure{Quantity: Quantity{Value: "7.10", Comparator: "<", Unit: "mmol/L", UnitCode: "mmol/L"}, Text: "less than 7.10"}
}

func fullObservation(id, category string) Observation {
	return Observation{Entry: fullEntry(id), Code: sct("1000621000000104", "Serum potassium level"), Status: "preliminary",
		Category: category, Value: fullMeasure(), Reference: Range{Low: "3.5", High: "5.3", Text: "3.5 - 5.3"},
		Interpretation: Concept{Codings: []care.Coding{{System: terminology + "v3-ObservationInterpretation", Code: "H"}}},
		Method:         sct("702660000", "Test method"), BodySite: sct("368209003", "Right upper arm structure"),
		Components: []Component{
			{Code: sct("271649006", "Systolic blood pressure"), Value: Measure{Quantity: Quantity{Value: "120", Unit: "mmHg", UnitCode: "mm[Hg]"}}},
			{Code: sct("271650006", "Diastolic blood pressure"), Value: Measure{Absent: "not-performed"}},
		}}
}

func fullEncounter(id string) Encounter {
	return Encounter{Entry: fullEntry(id), Class: "IMP", Status: "finished", Type: sct("11429006", "Consultation"),
		Service: words("Cardiology"), Priority: words("Urgent"), Reason: sct("29857009", "Chest pain"), End: at("2024-04-02T10:00:00+01:00"),
		Location: "Ward 4", Episode: "e1", Disposition: words("Dx06"), LegalStatus: words("Informal"), DischargeSummaryID: "d1",
		AdmissionMethod: words("Emergency admission"), AdmissionSource: words("Usual place of residence"),
		DischargeMethod: words("On clinical advice"), Outcome: words("Another appointment given")}
}

func fullFlag(id string) Flag {
	return Flag{Entry: fullEntry(id), Code: sct("225915006", "Violent behaviour"), Category: words("Safety"), Status: "active", End: at("2025")}
}

func testNHSNumber() care.NHSNumber {
	n, err := care.ParseNHSNumber("9990000018")
	if err != nil {
		panic(err)
	}
	return n
}

// fullRows has one row of every kind with everything in it.
func fullRows() []Row {
	return append(fullClinicalRows(), fullOtherRows()...)
}

func fullClinicalRows() []Row {
	return []Row{
		&Allergy{Entry: fullEntry("1"), Code: sct("372687004", "Amoxicillin"), ClinicalStatus: "resolved", VerificationStatus: "confirmed",
			Type: "allergy", Category: "medication", Criticality: "high", End: at("2024-05"), EndReason: "Tested negative",
			LastOccurrence: at("2019"), Manifestation: sct("271807003", "Eruption of skin"), Severity: "severe", Reaction: "Rash on both arms"},
		&MedicationStatement{Entry: fullEntry("1"), Medication: sct("39113611000001102", "Salbutamol 100micrograms/dose inhaler"),
			Status: "stopped", StatusReason: words("Side effects"), End: at("2024-06-01"), LastIssued: at("2024-05-20"),
			Dosage: "2 puffs as needed", PatientInstruction: "Shake well", Reason: sct("195967001", "Asthma"),
			Prescriber: "prescribed-by-another-organisation", Plan: "plan1"},
		&MedicationRequest{Entry: fullEntry("1"), Medication: sct("39113611000001102", "Salbutamol inhaler"), Status: "active", Intent: "order",
			StatusReason: words("Reviewed"), End: at("2024-06-01"), Dosage: "2 puffs as needed", PatientInstruction: "Shake well",
			Reason: sct("195967001", "Asthma"), Course: "continuous", Quantity: Quantity{Value: "1", Unit: "inhaler"}, QuantityText: "one inhaler",
			DaysSupply: "28", RepeatsAllowed: "6", Issued: "2", AuthorisedUntil: at("2024-12-31"),
			Dispenser: Organisation{Code: "FTEST", Name: "Test Pharmacy"}, Plan: "plan1"},
		&MedicationDispense{Entry: fullEntry("1"), Medication: sct("39113611000001102", "Salbutamol inhaler"), Status: "completed",
			Dosage: "2 puffs as needed", Quantity: Quantity{Value: "1.0", Unit: "inhaler"}, DaysSupply: "28", Prescription: "1"},
		&Problem{Entry: fullEntry("1"), Code: sct("195967001", "Asthma"), ClinicalStatus: "active", VerificationStatus: "confirmed",
			Category: "problem-list-item", Significance: "major", Episode: "first", Severity: words("Moderate"), BodySite: words("Lung"),
			End: at("2024-05-01")},
		&Consultation{fullEncounter("1")},
		&Notes{Entry: fullEntry("1"), Status: "final", Sections: []Heading{
			{Position: "1", Code: words("History"), Text: "Cough for 3 days"},
			{Position: "2", Code: sct("1059161000000103", "Examination"), Entries: []EntryRef{{"observation", "o1"}, {"problem", "p1"}}}}},
		&HospitalEncounter{fullEncounter("1")},
		&Episode{Entry: fullEntry("1"), Status: "finished", Type: words("Cardiac rehabilitation"), End: at("2024-07-01")},
		&Report{Entry: fullEntry("1"), Code: sct("26604007", "Full blood count"), Status: "unknown", Category: "LAB",
			Conclusion: sct("17621005", "Normal"), Specimens: []string{"s1"}, Results: []string{"r1", "r2"}, Request: "ref1"},
		&ResultGroup{Result: Result{Observation: fullObservation("g1", "laboratory"), Report: "1", Specimen: "s1"}, Members: []string{"r1"}},
		&Result{Observation: fullObservation("r1", "laboratory"), Report: "1", Group: "g1", Specimen: "s1"},
		&Specimen{Entry: fullEntry("s1"), Type: sct("119297000", "Blood specimen"), Status: "available", Label: "LAB-77", BodySite: words("Left arm"),
			Fasting: words("Fasting"), Received: at("2024-04-01T12:00:00+01:00")},
		ptr(fullObservation("1", "vital-signs")),
		&Immunisation{Entry: fullEntry("1"), Vaccine: sct("39115711000001107", "Vaccine product"), Procedure: sct("1324681000000101", "Vaccination"),
			Status: "not-done", StatusReason: words("Patient declined"), Reason: words("At risk"), Dose: "1", Amount: Quantity{Value: "0.5", Unit: "mL", UnitCode: "mL"},
			Site: words("Left deltoid"), Route: words("Intramuscular"), Batch: "AB123", Expiry: at("2025-01-31"), Manufacturer: "Test Vaccines",
			Reported: Yes, Target: words("Influenza"), Location: "Surgery"},
		&Procedure{Entry: fullEntry("1"), Code: sct("80146002", "Appendectomy"), Status: "completed", Category: words("Surgical"), Reason: words("Appendicitis"),
			BodySite: words("Appendix"), Outcome: words("Successful"), End: at("2024-04-01T11:00:00+01:00"), Location: "Theatre 2", Document: "d1"},
		&Referral{Entry: fullEntry("1"), Code: sct("183519002", "Referral to cardiology service"), Status: "active", Intent: "order", Priority: "urgent",
			Specialty: words("Cardiology"), Reason: sct("29857009", "Chest pain"), UBRN: "000000000001", Recipient: hospital,
			RecipientWho: Person{Name: "Dr Bea Test"}, Description: "Please see", Documents: []string{"d1"}},
		&Recall{Entry: fullEntry("1"), Code: sct("170632003", "Asthma annual review"), Status: "active", Reason: words("Annual")},
	}
}

func fullOtherRows() []Row {
	telecoms := []Telecom{{"phone", "home", "01632 960001"}, {"email", "", "test@example.org"}}
	address := []Address{{Use: "home", Lines: []string{"1 Test Road", "Testville"}, Postcode: "ZZ99 3VZ"}}
	return []Row{
		&Patient{Entry: Entry{ID: "p1", Note: "Prefers letters"}, NHSNumber: testNHSNumber(), NHSNumberStatus: "01",
			Names:     []HumanName{{Use: "official", Prefix: "Ms", Given: []string{"Ann", "Bea"}, Family: "O'Test", Suffix: "MBE"}, {Use: "old", Family: "Früher"}},
			BirthDate: at("1980-02-29"), Gender: "female", Deceased: Yes, DeathDate: at("2024-01-01"), Addresses: address, Telecoms: telecoms,
			Ethnicity: Concept{Codings: []care.Coding{{System: ukSystem + "UKCore-EthnicCategoryEngland", Code: "A"}}},
			Language:  Concept{Codings: []care.Coding{{System: ukSystem + "UKCore-HumanLanguage", Code: "cy"}}}, Interpreter: Yes,
			Practice: Organisation{Code: "Y90001", Name: "Elm Street Surgery"}},
		&Alert{fullFlag("1")}, &SocialCareWarning{fullFlag("1")}, &SafeguardingFlag{fullFlag("1")}, &LegalStatus{fullFlag("1")}, &Adjustment{fullFlag("1")},
		&Appointment{Entry: fullEntry("1"), Status: "cancelled", Type: words("Routine"), Service: words("Asthma clinic"), Reason: words("Review"),
			CancelReason: words("Patient ill"), Channel: "Telephone", Description: "Review of inhalers", End: at("2024-03-31T00:40:00+00:00"),
			Minutes: "10", Location: "Room 3", Instruction: "Bring your inhaler", Referral: "1"},
		&Document{Entry: fullEntry("1"), Type: sct("823691000000103", "Clinical letter"), Status: "current", Title: "Letter from cardiology",
			ContentType: "application/pdf", Size: "12345", Episode: Period{at("2024-01"), at("2024-02")}, Replaces: "0"},
		&CarePlan{Entry: fullEntry("1"), Type: sct("736253002", "Mental health crisis plan"), Status: "active", Intent: "plan", Title: "Crisis plan",
			Description: "What helps", End: at("2025-01-01"), Activities: []string{"Call the team"}, Documents: []string{"d1"}},
		&CarePackage{Episode{Entry: fullEntry("1"), Status: "active", Type: words("Home care, daily"), End: at("2025")}},
		&Assessment{Entry: fullEntry("1"), Code: words("Care Act assessment"), Status: "completed", Reason: words("Fall"), Outcome: "Eligible", End: at("2024-04-20")},
		&Equipment{Entry: fullEntry("1"), Type: words("Walking frame"), Status: "active", Serial: "SN1"},
		&CareTeam{Entry: fullEntry("1"), Name: "Community team", Status: "active", Category: words("District nursing"), End: at("2025"), Telecoms: telecoms},
		&Professional{Entry: fullEntry("1"), Role: words("Care co-ordinator"), Specialty: words("Adult mental illness"), Active: Yes, End: at("2025"), Telecoms: telecoms},
		&RelatedPerson{Entry: fullEntry("1"), Name: HumanName{Prefix: "Mr", Given: []string{"Sam"}, Family: "Test"}, Relationship: words("Son"), Active: Yes,
			Gender: "male", BirthDate: at("2005"), End: at("2030"), Addresses: address, Telecoms: telecoms},
		&Consent{Entry: fullEntry("1"), Scope: "adr", Category: words("Do not attempt CPR"), Status: "active", Decision: "deny", Text: "CPR is not to be attempted",
			End: at("2030-01-01"), Document: "d1"},
		&UrgentEncounter{fullEncounter("1")},
		&UrgentReport{Entry: fullEntry("1"), Contact: "u1", Type: sct("819551000000100", "NHS 111 report"), Status: "final", Title: "NHS 111 report",
			SetID: "SET-1", Version: "2", Text: "Advised to see <GP> & call back"},
		&Answer{Entry: fullEntry("1"), Status: "completed", Question: "What matters most to me", Text: "My dog"},
	}
}

func ptr[T any](v T) *T { return &v }

// minimalRows has one row of every kind with nothing but what it cannot do
// without.
func minimalRows() []Row {
	id := Entry{ID: "min"}
	observed := Observation{Entry: id, Code: words("Weight")}
	flag := Flag{Entry: id, Code: words("Alert"), Status: "active"}
	contact := Encounter{Entry: id}
	return []Row{
		&Patient{Entry: id, Names: []HumanName{{Family: "Test"}}},
		&Allergy{Entry: id, Code: words("Nuts")},
		&MedicationStatement{Entry: id, Medication: words("Aspirin")},
		&MedicationRequest{Entry: id, Medication: words("Aspirin"), Intent: "plan"},
		&MedicationDispense{Entry: id, Medication: words("Aspirin")},
		&Problem{Entry: id, Code: words("Cough")},
		&Consultation{contact}, &HospitalEncounter{contact}, &UrgentEncounter{contact},
		&Notes{Entry: Entry{ID: "min", Recorded: at("2024")}, Status: "preliminary"},
		&Episode{Entry: id, Status: "active"}, &CarePackage{Episode{Entry: id, Status: "planned"}},
		&Report{Entry: id, Code: words("X-ray")},
		&ResultGroup{Result: Result{Observation: observed}}, &Result{Observation: observed}, &observed,
		&Specimen{Entry: id},
		&Immunisation{Entry: id, Procedure: words("Influenza vaccination"), Status: "completed"},
		&Procedure{Entry: id, Code: words("Dressing")},
		&Referral{Entry: id}, &Recall{Entry: id, Code: words("Review")},
		&Appointment{Entry: id, Status: "booked"},
		&Document{Entry: id}, &CarePlan{Entry: id},
		&Alert{flag}, &SocialCareWarning{flag}, &SafeguardingFlag{flag}, &LegalStatus{flag}, &Adjustment{flag},
		&Assessment{Entry: id, Code: words("Assessment"), Status: "requested"},
		&Equipment{Entry: id, Type: words("Hoist")},
		&CareTeam{Entry: id}, &Professional{Entry: id}, &RelatedPerson{Entry: id},
		&Consent{Entry: id, Scope: "treatment", Category: words("Consent"), Status: "active"},
		&UrgentReport{Entry: Entry{ID: "min", Recorded: at("2024")}, Type: words("Report"), Status: "final"},
		&Answer{Entry: id, Status: "completed"},
	}
}

// awkwardRows are rows as sources really have them.
func awkwardRows() []Row {
	guid := Entry{ID: "{8A5F1B5C-3E0A-4F5B-9C2D-0A1B2C3D4E5F}", Effective: at("2021"), Recorded: at("2021-06")}
	yearOnly := Entry{ID: "y", Effective: at("1999"), Recorded: at("2021-06-05")}
	return []Row{
		&Allergy{Entry: guid, Code: sct(noKnownAllergies, "No known allergies")},
		&Allergy{Entry: yearOnly, Code: sct("196461000000101", "Transfer-degraded drug allergy"), VerificationStatus: "entered-in-error", ClinicalStatus: "active"},
		&Allergy{Entry: yearOnly, Code: words("Latex"), End: at("2020"), Severity: "mild"},
		&Problem{Entry: yearOnly, Code: words("Flu"), End: at("2000-01")},
		&Problem{Entry: yearOnly, Code: words("Flu"), End: at("2000-01"), VerificationStatus: "entered-in-error", ClinicalStatus: "resolved"},
		&Observation{Entry: yearOnly, Code: words("Smoking"), Value: Measure{Text: "ex-smoker \u2603"}},
		&Observation{Entry: yearOnly, Code: words("Alcohol"), Value: Measure{Concept: sct("219006", "Current drinker"), Text: "20 units"}},
		&Result{Observation: Observation{Entry: guid, Code: words("CRP"), Category: "laboratory", Value: Measure{Quantity: Quantity{Value: "0.30", Comparator: ">=", Unit: "mg/dl"}}}},
		&Result{Observation: Observation{Entry: guid, Code: words("Swab"), Category: "laboratory", Value: Measure{Absent: "error"}, Reference: Range{Text: "negative"}}},
		&Report{Entry: guid, Code: words("CT head"), Category: "RAD", Conclusion: words("No bleed")},
		&Immunisation{Entry: yearOnly, Vaccine: words("MMR"), Status: "not-done", Target: words("Measles")},
		&Appointment{Entry: Entry{ID: "1", Effective: at("2030-01-01T09:00:00Z")}, Status: "booked", Minutes: "15"},
		&Appointment{Entry: Entry{ID: "2", Effective: at("2030-01-01T09:00:00Z")}, Status: "noshow", Minutes: "0"},
		&Appointment{Entry: Entry{ID: "3", Effective: at("2030-01")}, Status: "proposed"},
		&Appointment{Entry: Entry{ID: "4", Effective: at("2030-01-01")}, Status: "fulfilled", CancelReason: words("not used")},
		&Document{Entry: guid, Title: "Scan", Placeholder: "The document is larger than 5 MB", Size: "99999999"},
		&Procedure{Entry: yearOnly, Code: words("Dressing"), End: at("1999-02")},
		&MedicationRequest{Entry: yearOnly, Medication: sct("196421000000109", "Transfer-degraded medication entry"), Intent: "plan", QuantityText: "one box"},
		&Patient{Entry: Entry{ID: "p1"}, NHSNumber: testNHSNumber(), Names: []HumanName{{Use: "usual", Given: []string{"Mononym"}}}, Deceased: No, BirthDate: at("1980-01-01T10:00:00Z")},
		&Equipment{Entry: Entry{ID: "e", Effective: at("2020-02"), Confidentiality: care.Restricted}, Type: words("Hoist")},
		&Recall{Entry: yearOnly, Code: words("Review")},
		&Specimen{Entry: yearOnly, Type: words("Urine")},
	}
}
