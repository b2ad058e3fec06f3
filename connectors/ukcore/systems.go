package ukcore

import (
	"slices"
	"strings"
)

// Code systems that the encoders themselves refer to.
const (
	snomed      = "http://snomed.info/sct"
	ucum        = "http://unitsofmeasure.org"
	terminology = "http://terminology.hl7.org/CodeSystem/"
	nullFlavor  = terminology + "v3-NullFlavor"
	actCode     = terminology + "v3-ActCode"
	ukSystem    = "https://fhir.hl7.org.uk/CodeSystem/"
	ukProfile   = "https://fhir.hl7.org.uk/StructureDefinition/"
	dataAbsent  = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
)

// NamedSystem gives a code system or register a short name.
type NamedSystem struct{ Name, URI string }

// codeSystems are the short names that a code_system column may hold.
var codeSystems = [...]NamedSystem{
	{"SNOMED", snomed},
	{"DMD", snomed}, // dm+d concepts are those of the SNOMED CT UK drug extension
	{"LOINC", "http://loinc.org"},
	{"READV2", "http://read.info/readv2"},
	{"CTV3", "http://read.info/ctv3"},
	{"ICD10", "http://hl7.org/fhir/sid/icd-10"},
	{"OPCS4", "https://fhir.hl7.org.uk/Id/opcs-4"},
	{"RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"},
	{"CVX", "http://hl7.org/fhir/sid/cvx"},
	{"ATC", "http://www.whocc.no/atc"},
	{"EMIS-DRUG", "https://fhir.hl7.org.uk/Id/emis-drug-codes"},
	{"EGTON", "https://fhir.hl7.org.uk/Id/egton-codes"},
	{"MULTILEX", "https://fhir.hl7.org.uk/Id/multilex-drug-codes"},
	{"GEMSCRIPT", "https://fhir.hl7.org.uk/Id/resipuk-gemscript-drug-codes"},
	{"SPECIALTY", ukSystem + "UKCore-PracticeSettingCode"},
	{"LANGUAGE", ukSystem + "UKCore-HumanLanguage"},
	{"INTERPRETATION", terminology + "v3-ObservationInterpretation"},
	{"ADMISSION-METHOD", ukSystem + "UKCore-AdmissionMethodEngland"},
	{"DISCHARGE-METHOD", ukSystem + "UKCore-DischargeMethodEngland"},
	{"ATTENDANCE-OUTCOME", ukSystem + "UKCore-OutcomeOfAttendanceEngland"},
	{"LEGAL-STATUS", ukSystem + "UKCore-LegalStatusClassificationEngland"},
	{"ETHNICITY", ukSystem + "UKCore-EthnicCategoryEngland"},
}

// personSystems are the short names of the registers of professionals.
var personSystems = [...]NamedSystem{
	{"SDS", "https://fhir.nhs.uk/Id/sds-user-id"},
	{"SDS-ROLE", "https://fhir.nhs.uk/Id/sds-role-profile-id"},
	{"GMC", "https://fhir.hl7.org.uk/Id/gmc-number"},
	{"GMP", "https://fhir.hl7.org.uk/Id/gmp-number"},
	{"NMC", "https://fhir.hl7.org.uk/Id/nmc-number"},
	{"GPHC", "https://fhir.hl7.org.uk/Id/gphc-number"},
	{"HCPC", "https://fhir.hl7.org.uk/Id/hcpc-number"},
}

// CodeSystem returns the URI of a code system given by URI or by a short name
// such as SNOMED, DMD, LOINC, READV2, CTV3, ICD10, OPCS4, RXNORM or CVX.
func CodeSystem(name string) (uri string, ok bool) { return lookUp(codeSystems[:], name) }

// PersonSystem returns the URI of a register of professionals given by URI or
// by a short name: SDS, SDS-ROLE, GMC, GMP, NMC, GPHC or HCPC.
func PersonSystem(name string) (uri string, ok bool) { return lookUp(personSystems[:], name) }

// CodeSystems returns the code systems that have a short name.
func CodeSystems() []NamedSystem { return slices.Clone(codeSystems[:]) }

// PersonSystems returns the registers of professionals that have a short name.
func PersonSystems() []NamedSystem { return slices.Clone(personSystems[:]) }

func lookUp(table []NamedSystem, name string) (string, bool) {
	for i := range table {
		if strings.EqualFold(table[i].Name, name) {
			return table[i].URI, true
		}
	}
	return name, isURI(name)
}

// isURI reports whether s has the form of an absolute URI without spaces.
func isURI(s string) bool {
	if strings.ContainsAny(s, " \t\r\n") {
		return false
	}
	for _, scheme := range [...]string{"http://", "https://", "urn:"} {
		if len(s) > len(scheme) && strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

// names returns the short names of a table, separated by commas.
func names(table []NamedSystem) string {
	list := make([]string, len(table))
	for i := range table {
		list[i] = table[i].Name
	}
	return strings.Join(list, ", ")
}
