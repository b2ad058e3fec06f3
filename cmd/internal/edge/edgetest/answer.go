package edgetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Retrieved is when every scripted answer says that it was read.
var Retrieved = time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)

// Opening is the opening of every scripted answer.
func Opening() *edgev1.Opening {
	return &edgev1.Opening{RequestId: "request-1", SiteCode: "A99001", SiteName: "Example Surgery",
		RetrievedAt: timestamppb.New(Retrieved), FamilyName: "EXAMPLE", GivenNames: []string{"Ada", "May"},
		BirthDate: "1950-03-01", Gender: "female"}
}

// Closing is the closing of a scripted answer.
func Closing(digest string) *edgev1.Closing {
	return &edgev1.Closing{Decision: Position(41), Ended: Position(42), Digest: digest}
}

// Position is a place in a journal.
func Position(sequence uint64) *edgev1.JournalPosition {
	return &edgev1.JournalPosition{Sequence: sequence, LeafHash: bytes.Repeat([]byte{byte(sequence)}, 32)}
}

// Part is one section of a scripted answer.
type Part struct {
	Outcome *edgev1.SectionOutcome
	Records []*edgev1.Record
}

// Record makes a record of a resource; its type and id are those of the JSON.
func Record(section edgev1.Section, effective, resource string) *edgev1.Record {
	var is struct{ ResourceType, ID string }
	_ = json.Unmarshal([]byte(resource), &is)
	return &edgev1.Record{Section: section, ResourceType: is.ResourceType, Id: is.ID, Effective: effective,
		Source: "system", Resource: []byte(resource)}
}

// Ended says that a record belongs to its section's ended list.
func Ended(r *edgev1.Record) *edgev1.Record {
	r.Ended = true
	return r
}

// Section makes a section in the given state whose numbers are those of its
// records.
func Section(section edgev1.Section, state edgev1.SectionState, records ...*edgev1.Record) Part {
	o := &edgev1.SectionOutcome{Section: section, State: state, RowsRead: uint32(len(records)), Sent: uint32(len(records)), Sources: []string{"system"}}
	for _, r := range records {
		if r.GetEnded() {
			o.Ended++
		}
	}
	return Part{Outcome: o, Records: records}
}

// With changes the outcome of a section.
func (p Part) With(change func(*edgev1.SectionOutcome)) Part {
	change(p.Outcome)
	return p
}

// Messages makes an answer that keeps the contract: the opening with the first
// section, a message for each other section, and the closing alone.
func Messages(parts ...Part) []*edgev1.GetRecordResponse {
	var list []*edgev1.GetRecordResponse
	var records []*edgev1.Record
	for _, p := range parts {
		list = append(list, &edgev1.GetRecordResponse{Records: p.Records, Outcomes: []*edgev1.SectionOutcome{p.Outcome}})
		records = append(records, p.Records...)
	}
	list = append(list, &edgev1.GetRecordResponse{Closing: Closing(edge.Digest(records...))})
	list[0].Opening = Opening()
	return list
}

// Document makes a document's answer that keeps the contract, in chunks of the
// given size.
func Document(id, contentType, title string, content []byte, chunk int) []*edgev1.GetDocumentResponse {
	digest := sha256.Sum256(content)
	list := []*edgev1.GetDocumentResponse{{Opening: &edgev1.DocumentOpening{Opening: Opening(), DocumentId: id,
		ContentType: contentType, Title: title, Size: int64(len(content))}}}
	for len(content) > 0 {
		n := min(chunk, len(content))
		list = append(list, &edgev1.GetDocumentResponse{Chunk: content[:n]})
		content = content[n:]
	}
	return append(list, &edgev1.GetDocumentResponse{Closing: Closing(hex.EncodeToString(digest[:]))})
}
