package report

import (
	"encoding/base64"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The parts of FHIR R4 that a report needs, in the order in which they are
// written. Strings that are empty are left out, as FHIR requires.
type (
	bundle struct {
		ResourceType string        `json:"resourceType"`
		Identifier   *identifier   `json:"identifier,omitempty"`
		Type         string        `json:"type"`
		Timestamp    string        `json:"timestamp"`
		Entry        []bundleEntry `json:"entry,omitempty"`
	}
	bundleEntry struct {
		FullURL  string `json:"fullUrl"`
		Resource any    `json:"resource"`
	}
	operationOutcome struct {
		ResourceType string  `json:"resourceType"`
		ID           string  `json:"id"`
		Issue        []issue `json:"issue"`
	}
	issue struct {
		Severity    string `json:"severity"`
		Code        string `json:"code"`
		Diagnostics string `json:"diagnostics"`
	}
	auditEvent struct {
		ResourceType   string    `json:"resourceType"`
		ID             string    `json:"id"`
		Meta           *meta     `json:"meta,omitempty"`
		Type           coding    `json:"type"`
		Subtype        []coding  `json:"subtype,omitempty"`
		Action         string    `json:"action"`
		Recorded       string    `json:"recorded"`
		Outcome        string    `json:"outcome"`
		OutcomeDesc    string    `json:"outcomeDesc,omitempty"`
		PurposeOfEvent []concept `json:"purposeOfEvent,omitempty"`
		Agent          []agent   `json:"agent"`
		Source         source    `json:"source"`
		Entity         []entity  `json:"entity,omitempty"`
	}
	meta struct {
		Profile []string `json:"profile"`
	}
	coding struct {
		System  string `json:"system,omitempty"`
		Code    string `json:"code,omitempty"`
		Display string `json:"display,omitempty"`
	}
	concept struct {
		Coding []coding `json:"coding,omitempty"`
		Text   string   `json:"text,omitempty"`
	}
	identifier struct {
		System string `json:"system,omitempty"`
		Value  string `json:"value"`
	}
	reference struct {
		Type       string      `json:"type,omitempty"`
		Identifier *identifier `json:"identifier,omitempty"`
		Display    string      `json:"display,omitempty"`
	}
	agent struct {
		Type         *concept   `json:"type,omitempty"`
		Role         []concept  `json:"role,omitempty"`
		Who          *reference `json:"who,omitempty"`
		Name         string     `json:"name,omitempty"`
		Requestor    bool       `json:"requestor"`
		Network      *network   `json:"network,omitempty"`
		PurposeOfUse []concept  `json:"purposeOfUse,omitempty"`
	}
	network struct {
		Extension []extension `json:"extension,omitempty"`
		Address   string      `json:"address,omitempty"`
		Type      string      `json:"type,omitempty"`
	}
	extension struct {
		URL       string `json:"url"`
		ValueCode string `json:"valueCode"`
	}
	source struct {
		Site     string    `json:"site,omitempty"`
		Observer reference `json:"observer"`
		Type     []coding  `json:"type"`
	}
	entity struct {
		What        *reference `json:"what,omitempty"`
		Type        *coding    `json:"type,omitempty"`
		Role        *coding    `json:"role,omitempty"`
		Name        string     `json:"name,omitempty"`
		Description string     `json:"description,omitempty"`
		Query       string     `json:"query,omitempty"`
		Detail      []detail   `json:"detail,omitempty"`
	}
	detail struct {
		Type  string `json:"type"`
		Value string `json:"valueString"`
	}
)

// Code systems and codes, as IHE BALP 1.1.4 uses them.
const (
	balp            = "https://profiles.ihe.net/ITI/BALP/"
	dcm             = "http://dicom.nema.org/resources/ontology/DCM"
	restInteraction = "http://hl7.org/fhir/restful-interaction"
	entityTypes     = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	objectRoles     = "http://terminology.hl7.org/CodeSystem/object-role"
	lifecycle       = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
	actReason       = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	uuidSystem      = "urn:ietf:rfc:3986"
	sdsUser         = "https://fhir.nhs.uk/Id/sds-user-id"
	sdsRole         = "https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName"
	absentReason    = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
)

var (
	typeRest          = coding{"http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation"}
	typeExport        = coding{dcm, "110106", "Export"}
	typeAlert         = coding{dcm, "110113", "Security Alert"}
	typeAuditUsed     = coding{dcm, "110101", "Audit Log Used"}
	typeAccess        = coding{lifecycle, "access", "Access/View Record Lifecycle Event"}
	typeAmend         = coding{lifecycle, "amend", "Amend (Update) Record Lifecycle Event"}
	lifecycleDisclose = coding{lifecycle, "disclose", "Disclose Record Lifecycle Event"}
	authZConsent      = coding{balp + "CodeSystem/AuthZsubType", "AuthZ-Consent", "Authorization Decision using Roles and Consent"}
	authZRole         = coding{balp + "CodeSystem/AuthZsubType", "AuthZ-Role", "Authorization Decision using only Roles"}

	dcmApplication = coding{dcm, "110150", "Application"}
	dcmDestination = coding{dcm, "110152", "Destination Role ID"}
	dcmSource      = coding{dcm, "110153", "Source Role ID"}
	userType       = coding{"http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient"}
	provider       = coding{"http://terminology.hl7.org/CodeSystem/v3-RoleClass", "PROV", "healthcare provider"}
	custodian      = coding{"http://snomed.info/sct", "159541003", "Record keeping/library clerk"}
	authServer     = coding{"http://terminology.hl7.org/CodeSystem/extra-security-role-type", "authserver", "authorization server"}

	entityPerson      = coding{entityTypes, "1", "Person"}
	entityObject      = coding{entityTypes, "2", "System Object"}
	entityConsent     = coding{"http://hl7.org/fhir/resource-types", "Consent", "Consent"}
	entityTransaction = coding{balp + "CodeSystem/BasicAuditEntityType", "XrequestId", "X-Request-Id"}
	rolePatient       = coding{objectRoles, "1", "Patient"}
	roleReport        = coding{objectRoles, "3", "Report"}
	roleDomain        = coding{objectRoles, "4", "Domain Resource"}
	roleQuery         = coding{objectRoles, "24", "Query"}

	purposes = map[string]coding{
		"TREAT":  {actReason, "TREAT", "treatment"},
		"ETREAT": {actReason, "ETREAT", "Emergency Treatment"},
		"BTG":    {actReason, "BTG", "break the glass"},
	}
)

func (b *bundle) add(uuid string, resource any) {
	b.Entry = append(b.Entry, bundleEntry{"urn:uuid:" + uuid, resource})
}

func concepts(c coding) *concept { return &concept{Coding: []coding{c}} }

func purpose(a *Access) concept {
	if c, ok := purposes[a.Purpose]; ok {
		return concept{Coding: []coding{c}}
	}
	return concept{Text: a.Purpose}
}

// observer is the agent itself, which wrote all of it down.
func (r *Report) observer() reference {
	id := r.Journal.Origin
	if id == "" {
		id = string(r.Site.Code)
	}
	return reference{Type: "Device", Identifier: &identifier{Value: id}, Display: "My Care Record edge agent of " + r.Site.Name}
}

func (r *Report) source() source {
	return source{Site: r.Site.Name, Observer: r.observer(),
		Type: []coding{{"http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server"}}}
}

// at is a network address, or that it is not known, which BALP has no other way
// to say.
func at(address, kind string) *network {
	if address == "" {
		return &network{Extension: []extension{{absentReason, "unknown"}}}
	}
	return &network{Address: address, Type: kind}
}

// server is the agent in the given role.
func (r *Report) server(role coding) agent {
	who := r.observer()
	return agent{Type: concepts(role), Who: &who, Network: at(r.Site.Address, "1")}
}

// authorizer is the agent as the one who decided.
func (r *Report) authorizer() agent {
	who := r.observer()
	return agent{Type: concepts(authServer), Who: &who}
}

// broker is the system that asked, in the given role. Its name is the site's
// own for it; a report to the patient says only that it was one.
func (r *Report) broker(a *Access, role coding) agent {
	name, peer := "Broker of the My Care Record service", ""
	if r.guardian() {
		name, peer = orElse(a.Broker, name), a.Peer
	}
	return agent{Type: concepts(role), Who: &reference{Type: "Device", Display: name}, Network: at(peer, "2")}
}

func (r *Report) custodian() agent {
	return agent{Type: concepts(custodian), Who: organisation(string(r.Site.Code), r.Site.Name)}
}

// people are the person who asked and the organisation that person works for.
func (r *Report) people(a *Access) []agent {
	user := agent{Type: concepts(userType), Name: a.Who.Name, Requestor: true,
		Who: &reference{Type: "Practitioner", Display: orElse(a.Who.Name, "not stated")}}
	if a.Who.UserID != "" {
		user.Who.Identifier = &identifier{Value: a.Who.UserID}
		if digits(a.Who.UserID, 12) {
			user.Who.Identifier.System = sdsUser
		}
	}
	if a.Who.RoleCode != "" || a.Who.RoleName != "" {
		user.Role = []concept{a.Who.roleConcept()}
	}
	if a.Purpose != "" {
		user.PurposeOfUse = []concept{purpose(a)}
	}
	return []agent{user, {Type: concepts(provider), Who: organisation(a.Who.Organisation, a.Who.OrganisationName)}}
}

// roleConcept is the role as a FHIR concept. A code with a space is no code in
// FHIR and becomes text.
func (p Person) roleConcept() concept {
	if p.RoleCode == "" || strings.Contains(p.RoleCode, " ") {
		return concept{Text: p.role()}
	}
	c := coding{Code: p.RoleCode}
	if jobRole(p.RoleCode) {
		c.System = sdsRole
	}
	return concept{Coding: []coding{c}, Text: p.RoleName}
}

func organisation(code, name string) *reference {
	ref := &reference{Type: "Organization", Display: name}
	if code != "" {
		ref.Identifier = &identifier{System: care.ODSSystem, Value: code}
	} else if name == "" {
		ref.Display = "not stated"
	}
	return ref
}

// subject refers to the patient.
func (r *Report) subject() *reference {
	return &reference{Type: "Patient", Identifier: &identifier{System: care.NHSNumberSystem, Value: r.Patient.Reveal()}}
}

// queryEntity is the query as far as the journal has it: the message itself is
// not kept.
func queryEntity(asked string) entity {
	return entity{Type: &entityObject, Role: &roleQuery, Description: "Put together from the journal: " + asked,
		Query: base64.StdEncoding.EncodeToString([]byte(asked))}
}

// digits reports whether s is n digits.
func digits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}

// jobRole reports whether a code has the form of an SDS job role: R0010 to
// R1999. Those from R8000 are RBAC roles, of another system.
func jobRole(code string) bool {
	return len(code) == 5 && (strings.HasPrefix(code, "R0") || strings.HasPrefix(code, "R1")) && digits(code[1:], 4)
}
