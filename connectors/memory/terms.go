package memory

import (
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// snomed is the system of SNOMED CT, whose UK drug extension holds the dm+d.
const snomed = "http://snomed.info/sct"

// sct is a concept of SNOMED CT with its term.
func sct(code, term string) ukcore.Concept {
	return ukcore.Concept{Codings: []care.Coding{{System: snomed, Code: code, Display: term}}}
}

// text is something a user typed in and nobody coded.
func text(s string) ukcore.Concept { return ukcore.Concept{Text: s} }

// Problems, SNOMED CT UK edition.
var (
	hypertension     = sct("38341003", "Hypertensive disorder")
	type2Diabetes    = sct("44054006", "Diabetes mellitus type 2")
	asthma           = sct("195967001", "Asthma")
	copd             = sct("13645005", "Chronic obstructive lung disease")
	depression       = sct("35489007", "Depressive disorder")
	epilepsy         = sct("84757009", "Epilepsy")
	fibrillation     = sct("49436004", "Atrial fibrillation")
	kidneyDisease3   = sct("433144002", "Chronic kidney disease stage 3")
	hypothyroidism   = sct("40930008", "Hypothyroidism")
	osteoarthritis   = sct("396275006", "Osteoarthritis")
	osteoporosis     = sct("64859006", "Osteoporosis")
	dementia         = sct("52448006", "Dementia")
	heartFailure     = sct("84114007", "Heart failure")
	heartDisease     = sct("414545008", "Ischaemic heart disease")
	stroke           = sct("230690007", "Cerebrovascular accident")
	lungCancer       = sct("93880001", "Primary malignant neoplasm of lung")
	frailty          = sct("248279007", "Frailty")
	pregnant         = sct("77386006", "Pregnant")
	eczema           = sct("43116000", "Eczema")
	migraine         = sct("37796009", "Migraine")
	gout             = sct("90560007", "Gout")
	reflux           = sct("235595009", "Gastro-oesophageal reflux disease")
	anxiety          = sct("197480006", "Anxiety disorder")
	ironDeficiency   = sct("87522002", "Iron deficiency anaemia")
	urinaryInfection = sct("68566005", "Urinary tract infectious disease")
	respiratory      = sct("54150009", "Upper respiratory infection")
	otitisMedia      = sct("65363002", "Otitis media")
	schizophrenia    = sct("58214004", "Schizophrenia")
	hivInfection     = sct("86406008", "Human immunodeficiency virus infection")
)

// Allergies and reactions.
var (
	allergyPenicillin = sct("91936005", "Allergy to penicillin")
	allergyEgg        = sct("91930004", "Allergy to eggs")
	allergyPeanut     = sct("91935009", "Allergy to peanut")
	allergyLatex      = sct("300916003", "Allergy to latex")
	noKnownAllergy    = sct("716186003", "No known allergy")
	degradedAllergy   = sct("196461000000101", "Transfer-degraded drug allergy")
	anaphylaxis       = sct("39579001", "Anaphylaxis")
	urticaria         = sct("126485001", "Urticaria")
	rash              = sct("271807003", "Eruption of skin")
	vomiting          = sct("422400008", "Vomiting")
)

// Measurements and findings.
var (
	bloodPressure = sct("75367002", "Blood pressure")
	systolic      = sct("271649006", "Systolic blood pressure")
	diastolic     = sct("271650006", "Diastolic blood pressure")
	bodyWeight    = sct("27113001", "Body weight")
	bodyHeight    = sct("50373000", "Body height measure")
	bodyMassIndex = sct("60621009", "Body mass index")
	heartRate     = sct("364075005", "Heart rate")
	peakFlow      = sct("18491006", "Peak expiratory flow rate")
	neverSmoked   = sct("266919005", "Never smoked tobacco")
	smoker        = sct("77176002", "Smoker")
	exSmoker      = sct("8517006", "Ex-smoker")
	alcohol       = sct("160573003", "Alcohol intake")
)

// Laboratory tests, UK Pathology Bounded Code List as carried in SNOMED CT.
var (
	fullBloodCount = sct("1022441000000101", "FBC - full blood count")
	haemoglobin    = sct("1022431000000105", "Haemoglobin estimation")
	whiteCells     = sct("1022541000000102", "Total white cell count")
	platelets      = sct("1022651000000100", "Platelet count")
	ureaElectro    = sct("1000971000000107", "Urea and electrolytes level")
	sodium         = sct("1000661000000107", "Serum sodium level")
	potassium      = sct("1000651000000109", "Serum potassium level")
	creatinine     = sct("1000731000000107", "Serum creatinine level")
	filtration     = sct("1020291000000106", "GFR (glomerular filtration rate) calculated by abbreviated Modification of Diet in Renal Disease Study Group calculation")
	hba1c          = sct("999791000000106", "Haemoglobin A1c level - International Federation of Clinical Chemistry and Laboratory Medicine standardised")
	cholesterol    = sct("1005671000000105", "Serum cholesterol level")
	ferritin       = sct("993381000000106", "Serum ferritin level")
	crp            = sct("1001371000000100", "Serum CRP (C reactive protein) level")
	bloodSpecimen  = sct("119297000", "Blood specimen")
)

// Procedures, checks and vaccinations.
var (
	appendectomy    = sct("80146002", "Appendectomy")
	cholecystectomy = sct("38102005", "Cholecystectomy")
	hipReplacement  = sct("52734007", "Total replacement of hip")
	colonoscopy     = sct("73761001", "Colonoscopy")
	cataract        = sct("54885007", "Extraction of cataract")
	caesarean       = sct("11466000", "Caesarean section")
	footExamination = sct("401191002", "Diabetic foot examination")
	eyeScreening    = sct("134395001", "Diabetic retinopathy screening")
	fluVaccination  = sct("822851000000102", "Seasonal influenza vaccination")
	covidFirst      = sct("1324681000000101", "Administration of first dose of severe acute respiratory syndrome coronavirus 2 vaccine")
	comirnaty       = sct("39115611000001103", "Comirnaty COVID-19 mRNA Vaccine 30micrograms/0.3ml dose concentrate for dispersion for injection multidose vials")
	childhoodVaccs  = text("DTaP/IPV/Hib/HepB (6-in-1) vaccine")
	mmrVaccine      = text("Measles, mumps and rubella (MMR) vaccine")
	preSchool       = text("dTaP/IPV (4-in-1) pre-school booster")
)

// Types of record and of plan (National Record Locator, record types).
var (
	consultation    = sct("325851000000107", "Consultation")
	crisisPlan      = sct("736253002", "Mental health crisis plan")
	endOfLifePlan   = sct("736373009", "End of life care plan")
	respectForm     = sct("1382601000000107", "ReSPECT (Recommended Summary Plan for Emergency Care and Treatment) form")
	escalationPlan  = sct("735324008", "Treatment escalation plan")
	carePlan        = sct("734163000", "Care plan")
	sharingDissent  = sct("416409005", "Refused consent for upload to local shared electronic record")
	palliativeRefer = sct("306237005", "Referral to palliative care service")
)

// Medicines, dm+d virtual products.
var (
	amlodipine    = sct("319284000", "Amlodipine 10mg tablets")
	ramipril      = sct("318906001", "Ramipril 10mg capsules")
	lisinopril    = sct("318859000", "Lisinopril 10mg tablets")
	metformin     = sct("325278007", "Metformin 500mg tablets")
	gliclazide    = sct("325242002", "Gliclazide 80mg tablets")
	atorvastatin  = text("Atorvastatin 20mg tablets")
	apixaban      = sct("42206511000001102", "Apixaban 5mg tablets")
	clopidogrel   = sct("319799004", "Clopidogrel 75mg tablets")
	furosemide    = sct("317972000", "Furosemide 40mg tablets")
	salbutamol    = sct("39113611000001102", "Salbutamol 100micrograms/dose inhaler CFC free")
	beclometasone = sct("320537007", "Beclometasone 100micrograms/dose inhaler")
	tiotropium    = text("Tiotropium bromide 18microgram inhalation powder capsules")
	prednisolone  = sct("325443009", "Prednisolone 5mg gastro-resistant tablets")
	doxycycline   = sct("324059006", "Doxycycline 100mg capsules")
	amoxicillin   = sct("39732411000001106", "Amoxicillin 500mg capsules")
	nitrofuran    = text("Nitrofurantoin 100mg modified-release capsules")
	citalopram    = sct("321989000", "Citalopram 10mg tablets")
	fluoxetine    = sct("321949006", "Fluoxetine 20mg capsules")
	amitriptyline = sct("321745007", "Amitriptyline 10mg tablets")
	lamotrigine   = text("Lamotrigine 100mg tablets")
	omeprazole    = sct("317291008", "Omeprazole 20mg gastro-resistant capsules")
	levothyroxine = sct("374296008", "Levothyroxine sodium 100microgram tablets")
	allopurinol   = sct("330062008", "Allopurinol 300mg tablets")
	folicAcid     = text("Folic acid 400microgram tablets")
	ferrous       = sct("327438003", "Ferrous sulfate 200mg tablets")
	coCodamol     = sct("322366004", "Co-codamol 30mg/500mg capsules")
	morphine      = text("Morphine sulfate 10mg/5ml oral solution")
	ibuprofen     = sct("329652003", "Ibuprofen 200mg tablets")
	cetirizine    = sct("320818006", "Cetirizine 10mg tablets")
	clozapine     = text("Clozapine 100mg tablets")
	antiretro     = text("Bictegravir 50mg / Emtricitabine 200mg / Tenofovir alafenamide 25mg tablets")
)
