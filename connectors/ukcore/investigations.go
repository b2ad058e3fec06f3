package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Report is a report of laboratory tests or imaging (UKCore-DiagnosticReport,
// and its laboratory form). Effective is when the specimen was taken or the
// examination done, Recorded when the report was issued.
type Report struct {
	Entry
	Code       Concept
	Status     string // registered, partial, preliminary, final, amended, corrected, appended, cancelled, entered-in-error or unknown; empty means unknown
	Category   string // v2 table 0074: LAB, RAD, ...; empty means not known
	Conclusion Concept
	Specimens  []string // keys of Specimens
	Results    []string // keys of Results and ResultGroups, in order
	Request    string   // key of the Referral it answers
}

// Result is one result (UKCore-Observation-Lab where it is a laboratory's).
// Effective is when the specimen was taken, Recorded when it was issued.
type Result struct {
	Observation
	Report   string // key of its Report
	Group    string // key of its ResultGroup
	Specimen string // key of its Specimen
}

// ResultGroup is a test group such as a full blood count
// (UKCore-Observation-Group-Lab). Its key is unique among results too.
type ResultGroup struct {
	Result
	Members []string // keys of its Results, in order
}

// Specimen is what was taken from the patient (UKCore-Specimen). Effective is
// when it was taken.
type Specimen struct {
	Entry
	Type     Concept
	Status   string // available, unavailable, unsatisfactory or entered-in-error
	Label    string // accession number
	BodySite Concept
	Fasting  Concept
	Received care.DateTime
}

var (
	reportShape    = &shape{section: care.Investigations, resource: "DiagnosticReport", profile: "DiagnosticReport", kind: "report"}
	labReportShape = &shape{section: care.Investigations, resource: "DiagnosticReport", profile: "DiagnosticReport-Lab", kind: "report"}
	resultShape    = &shape{section: care.Investigations, resource: "Observation", profile: "Observation", kind: "result"}
	labResultShape = &shape{section: care.Investigations, resource: "Observation", profile: "Observation-Lab", kind: "result"}
	labGroupShape  = &shape{section: care.Investigations, resource: "Observation", profile: "Observation-Group-Lab", kind: "result"}
	specimenShape  = &shape{section: care.Investigations, resource: "Specimen", profile: "Specimen", kind: "specimen"}
)

// Categories that have a profile of their own.
const (
	laboratory       = "laboratory"
	laboratoryReport = "LAB"
)

func (r *Report) shape() *shape {
	if r.Category == laboratoryReport {
		return labReportShape
	}
	return reportShape
}

func (r *Result) shape() *shape {
	if r.Category == laboratory {
		return labResultShape
	}
	return resultShape
}

func (g *ResultGroup) shape() *shape {
	if g.Category == laboratory {
		return labGroupShape
	}
	return resultShape
}

func (*Specimen) shape() *shape { return specimenShape }

func (r *Report) encode(w *writer) {
	w.reportNotes(r.Note, w.issued(r.Recorded))
	w.refs("basedOn", referralShape, r.Request)
	w.status(r.Status)
	w.codeList("category", terminology+"v2-0074", r.Category)
	w.needConcept("code", &r.Code)
	w.subject("subject")
	w.encounter(&r.Entry)
	w.date("effectiveDateTime", r.Effective)
	w.performers("performer", &r.Entry)
	w.refs("specimen", specimenShape, r.Specimens...)
	w.refs("result", resultShape, r.Results...)
	w.text("conclusion", r.Conclusion.Text)
	if len(r.Conclusion.Codings) > 0 {
		w.concepts("conclusionCode", &r.Conclusion)
	}
}

// reportNotes appends the notes of a report; R4 has none, so they travel in
// the extension that UK Core takes from R5.
func (w *writer) reportNotes(note string, issued care.DateTime) {
	list := w.array("extension")
	if note != "" {
		w.reportNote(func() { w.annotation(note) })
	}
	if !issued.IsZero() {
		w.reportNote(func() { w.dated("Issued ", issued, ".") })
	}
	w.closeArray(list)
}

func (w *writer) reportNote(annotation func()) {
	at := w.object("")
	w.text("url", "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note")
	w.name("valueAnnotation")
	annotation()
	w.closeObject(at)
}

func (r *Result) encode(w *writer) {
	r.Observation.encode(w)
	w.ref("specimen", specimenShape, r.Specimen)
	w.link(reportShape.kind, r.Report)
	w.link(resultShape.kind, r.Group)
}

func (g *ResultGroup) encode(w *writer) {
	g.Result.encode(w)
	w.refs("hasMember", resultShape, g.Members...)
}

func (s *Specimen) encode(w *writer) {
	w.accession(s.Label)
	w.text("status", s.Status)
	w.concept("type", &s.Type)
	w.subject("subject")
	w.date("receivedTime", s.Received)
	at := w.object("collection")
	w.person("collector", &s.Author, &s.Organisation)
	w.date("collectedDateTime", s.Effective)
	w.concept("bodySite", &s.BodySite)
	w.concept("fastingStatusCodeableConcept", &s.Fasting)
	w.closeObject(at)
	w.annotations("note", s.Note)
}

func (w *writer) accession(label string) {
	at := w.object("accessionIdentifier")
	w.text("value", label)
	w.closeObject(at)
}

// memberOf names the group of a result, or the report of one in no group.
func (r *Result) memberOf() ref {
	if r.Group != "" {
		return ref{resultShape.kind, r.Group}
	}
	return ref{reportShape.kind, r.Report}
}

func (r *Report) gather(members []ref) {
	for _, m := range members {
		r.Results = append(r.Results, m.key)
	}
}

func (g *ResultGroup) gather(members []ref) {
	for _, m := range members {
		g.Members = append(g.Members, m.key)
	}
}

var (
	reportStatuses   = []string{"registered", "partial", "preliminary", "final", "amended", "corrected", "appended", "cancelled", enteredInError, "unknown"}
	reportCategories = []string{"LAB", "RAD", "AU", "BG", "BLB", "CG", "CH", "CP", "CT", "CTH", "CUS", "EC", "EN", "GE", "HM", "ICU", "IMM", "MB", "MCB",
		"MYC", "NMR", "NMS", "NRS", "OSL", "OT", "OTH", "OUS", "PAR", "PAT", "PF", "PHR", "PHY", "PT", "RC", "RT", "RUS", "RX", "SP", "SR", "TX", "URN", "VR", "VUS", "XRC"}
)

var resultFields = append(lift(observationFields, func(r *Result) *Observation { return &r.Observation }),
	key("report_id", "Id of the report row that holds it.", func(r *Result) *string { return &r.Report }),
	key("group_id", "Id of the group row that holds it.", func(r *Result) *string { return &r.Group }),
	key("specimen_id", "Id of the specimen row.", func(r *Result) *string { return &r.Specimen }),
)

var investigationsLayout = &Layout{Section: care.Investigations, Kinds: []Kind{
	define("report", reportShape, "A report; recorded_at is when it was issued. It lists the result and group rows with its id as report_id.",
		mainConcept("What was reported on", func(r *Report) *Concept { return &r.Code }),
		choice("status", "Status; empty means unknown. Do not write final unless the source does.", reportStatuses, func(r *Report) *string { return &r.Status }),
		choice("report_category", "Diagnostic service (HL7 v2 table 0074): LAB for laboratories, RAD for imaging; empty means not known.",
			reportCategories, func(r *Report) *string { return &r.Category }),
		concept("conclusion", "Conclusion", func(r *Report) *Concept { return &r.Conclusion }),
		keys("specimen_id", "Ids of the specimen rows.", func(r *Report) *[]string { return &r.Specimens }),
		key("request_id", "Id of the referral that asked for it.", func(r *Report) *string { return &r.Request }),
	),
	define("group", labGroupShape, "A test group such as a full blood count. It lists the result rows with its id as group_id.",
		lift(resultFields, func(g *ResultGroup) *Result { return &g.Result })...),
	define("result", labResultShape, "One result.", resultFields...),
	define("specimen", specimenShape, "A specimen; effective is when it was taken.",
		concept("specimen_type", "Kind of specimen", func(s *Specimen) *Concept { return &s.Type }),
		choice("specimen_status", "Status of the specimen.", []string{"available", "unavailable", "unsatisfactory", enteredInError},
			func(s *Specimen) *string { return &s.Status }),
		key("accession", "The laboratory's number of the specimen.", func(s *Specimen) *string { return &s.Label }),
		concept("body_site", "Body site", func(s *Specimen) *Concept { return &s.BodySite }),
		concept("fasting", "Fasting status", func(s *Specimen) *Concept { return &s.Fasting }),
		date("received_at", "When the laboratory received it.", func(s *Specimen) *care.DateTime { return &s.Received }),
	),
}}
