package ukcore

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Limits of what one row may hold or become, in bytes.
const (
	maxKey      = 256
	maxResource = 8 << 20
)

// Encoder turns the rows of one patient of one source into records. It is for
// one goroutine.
type Encoder struct {
	origin  *care.Origin
	source  string // part of every id
	patient string // resource id of the Patient
	fixed   fixed
	w       writer
	buf     []byte
	record  care.Record
	links   []string
}

// NewEncoder returns the encoder for the patient whose key in the source is
// given. The origin is kept and becomes that of every record.
func NewEncoder(origin *care.Origin, patient care.Private) *Encoder {
	e := &Encoder{origin: origin, source: sourcePart(origin.Source)}
	e.patient = string(appendID(nil, e.source, patientShape.kind, patient.Reveal()))
	e.fixed = e.prepare()
	return e
}

// fixed is the JSON that is the same in every resource of an encoder.
type fixed struct {
	meta     string // up to the name of the profile
	key      string // an identifier up to its value; empty where the source names no organisation
	assigner string // from after the value
	subject  string
}

// prepare writes what is the same in every resource. The organisation's page
// in the Organisation Data Service, with the source's name, is the URI of the
// source: meta.source, and the system of the identifiers that it gives.
func (e *Encoder) prepare() fixed {
	f := fixed{subject: `{"reference":"Patient/` + e.patient + `"}`, meta: `{"profile":["` + ukProfile + "UKCore-"}
	code := e.origin.Organisation
	if !code.Valid() {
		return f
	}
	uri := "https://directory.spineservices.nhs.uk/STU3/Organization/" + string(code) + "#" + e.source
	f.meta = `{"source":"` + uri + `","profile":["` + ukProfile + "UKCore-"
	f.key = `{"system":"` + uri + `","value":"`
	w := &writer{}
	w.organisation("", &Organisation{Code: code, Name: e.origin.OrganisationName})
	if w.fault != "" {
		w.buf = nil // a name that is not UTF-8 is left out; the code tells who it is
		w.organisation("", &Organisation{Code: code})
	}
	f.assigner = `","assigner":` + string(w.buf[:len(w.buf)-1]) + "},"
	return f
}

// PatientID returns the resource id of the Patient.
func (e *Encoder) PatientID() string { return e.patient }

// ID returns the id of the resource that a row becomes: the source, the kind
// of row and the row's key, or a digest of a key that has no such form. The
// same row has the same id in every answer.
func (e *Encoder) ID(row Row) string {
	return string(e.appendRowID(nil, row))
}

func (e *Encoder) appendRowID(dst []byte, row Row) []byte {
	if row.shape().resource == patientShape.resource {
		return append(dst, e.patient...)
	}
	return appendID(dst, e.source, row.shape().kind, row.entry().ID)
}

// Append appends the resource of a row as JSON. It fails with
// SourceUnavailable, Reason ROW_UNMAPPABLE, when the row has no key, lacks
// what FHIR requires or holds text that is damaged; then nothing is appended.
func (e *Encoder) Append(dst []byte, row Row) ([]byte, error) {
	start := len(dst)
	w := &e.w
	w.reset(dst, e)
	w.resource(row)
	if len(w.buf)-start > maxResource {
		w.fail("resource", "a resource of at most 8 MiB")
	}
	if w.fault != "" {
		return dst[:start], unmappable(row.shape().kind, row.entry().ID, w.fault, w.why)
	}
	return w.buf, nil
}

// Encode returns the record of a row. The record and all it points to are
// valid until the next call; whoever keeps them copies them.
func (e *Encoder) Encode(row Row) (*care.Record, error) {
	buf, err := e.Append(e.buf[:0], row)
	if err != nil {
		return nil, err
	}
	e.buf = buf
	w, s, entry := &e.w, row.shape(), row.entry()
	ids := string(w.ids)
	e.links = e.links[:0]
	for i := 1; i < len(w.ends); i++ {
		e.links = append(e.links, ids[w.ends[i-1]:w.ends[i]])
	}
	e.record = care.Record{
		Section: s.section, Type: s.resource, ID: ids[:w.ends[0]],
		Effective: entry.Effective, Recorded: entry.Recorded, Origin: e.origin, Ended: w.ended,
		Confidentiality: entry.Confidentiality, Codes: w.codes, Links: e.links, Resource: buf, Checksum: care.Checksum(buf),
	}
	return &e.record, nil
}

// resource appends the whole resource of a row.
func (w *writer) resource(row Row) {
	s, entry := row.shape(), row.entry()
	if entry.ID == "" || len(entry.ID) > maxKey {
		w.fail("id", "a key of 1 to 256 bytes")
	}
	w.ids = w.enc.appendRowID(w.ids, row)
	w.ends = append(w.ends, len(w.ids))
	at := w.object("")
	w.text("resourceType", s.resource)
	w.name("id")
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, w.ids...)
	w.buf = append(w.buf, '"', ',')
	w.meta(s, entry.Confidentiality)
	if s.noNote {
		w.narrative(entry.Note)
	}
	switch s.ids {
	case manyIDs:
		w.identifier(entry)
	case oneID:
		w.bareIdentifier("identifier", entry.ID)
	}
	if visit := entry.visit(); visit != nil {
		w.link(visit.kind, entry.Consultation)
	} else {
		w.fail("encounter", "a row of CONSULTATIONS, HOSPITAL_ACTIVITY or URGENT_CARE_EVENTS")
	}
	for _, p := range entry.Problems {
		w.link(problemShape.kind, p)
	}
	row.encode(w)
	w.closeObject(at)
	w.buf = w.buf[:len(w.buf)-1]
}

// meta appends the profile, where the resource comes from and, for what is
// confidential, its security label (HL7 v3 Confidentiality).
func (w *writer) meta(s *shape, c care.Confidentiality) {
	w.name("meta")
	w.buf = append(w.buf, w.enc.fixed.meta...)
	w.buf = append(w.buf, s.profile...)
	w.buf = append(w.buf, `"]`...)
	if c != care.Normal {
		code := "R"
		if c == care.VeryRestricted {
			code = "V"
		}
		w.buf = append(w.buf, ',')
		list := w.array("security")
		w.coding(terminology+"v3-Confidentiality", code, "")
		w.closeArray(list)
		w.buf = w.buf[:len(w.buf)-1]
	}
	w.buf = append(w.buf, '}', ',')
}

// appendID appends source.kind.key, or source.kind..digest for a key that has
// not the form of a FHIR id or is too long. A key never begins with a point
// there, so that no key can be taken for a digest.
func appendID(dst []byte, source, kind, key string) []byte {
	dst = append(dst, source...)
	dst = append(dst, '.')
	dst = append(dst, kind...)
	dst = append(dst, '.')
	if plainID(key) && len(source)+len(kind)+2+len(key) <= maxID {
		return append(dst, key...)
	}
	sum := sha256.Sum256([]byte(key))
	dst = append(dst, '.')
	return hex.AppendEncode(dst, sum[:digestBytes])
}

const (
	maxID       = 64 // FHIR R4, datatype id
	maxSource   = 16 // bytes of an id for the source's name
	digestBytes = 15 // 120 bits: no two keys of a site meet
)

// plainID reports whether s may be part of a FHIR id as it is.
func plainID(s string) bool {
	if s == "" || s[0] == '.' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// sourcePart returns the part of an id that tells sources apart: the source's
// name, or a digest of a name that does not fit.
func sourcePart(name string) string {
	if plainID(name) && len(name) <= maxSource {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:maxSource/4])
}

// unmappable is the error of a row that has no right form. It names the row by
// its key and quotes nothing else; a patient's own key is not named.
func unmappable(kind, key, element, want string) error {
	at := "the row " + strconv.QuoteToASCII(key[:min(len(key), maxID)])
	if kind == patientShape.kind {
		at = "the patient's row"
	}
	return &care.Error{Kind: care.SourceUnavailable, Op: "ukcore", Reason: RowUnmappable,
		Detail: at + " (" + kind + ") cannot be mapped: " + element + " must hold " + want}
}

// RowUnmappable is the Reason of the error of a row that cannot be mapped.
const RowUnmappable = "ROW_UNMAPPABLE"
