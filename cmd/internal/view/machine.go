package view

import (
	"bytes"
	"encoding/json"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// answer is the whole answer as one JSON object. Messages of the wire have the
// names that they have there.
type answer struct {
	Whole    bool            `json:"whole"`
	Faults   []string        `json:"faults"`
	Gaps     []string        `json:"gaps"`
	Opening  json.RawMessage `json:"opening"`
	Sections []sectionJSON   `json:"sections"`
	Closing  json.RawMessage `json:"closing"`
}

type sectionJSON struct {
	Section string          `json:"section"`
	State   string          `json:"state"` // code of the state; INCOMPLETE when it is not known
	Meaning string          `json:"meaning"`
	Outcome json.RawMessage `json:"outcome"`
	Records []recordJSON    `json:"records"`
}

type recordJSON struct {
	ResourceType string          `json:"resource_type"`
	ID           string          `json:"id"`
	Effective    string          `json:"effective,omitempty"`
	Recorded     string          `json:"recorded,omitempty"`
	Source       string          `json:"source"`
	Ended        bool            `json:"ended,omitempty"`
	Resource     json.RawMessage `json:"resource"` // null when it was not JSON; faults say so
}

// JSON writes everything that is known about an answer as one JSON object.
func JSON(w io.Writer, record *edge.Record) error {
	a := answer{Whole: record.Whole, Faults: orEmpty(record.Faults), Gaps: orEmpty(record.Gaps), Sections: []sectionJSON{},
		Opening: wireJSON(record.Opening, record.Opening == nil), Closing: wireJSON(record.Closing, record.Closing == nil)}
	for i := range record.Sections {
		a.Sections = append(a.Sections, newSectionJSON(&record.Sections[i]))
	}
	return indented(w, a)
}

func newSectionJSON(s *edge.Section) sectionJSON {
	out := sectionJSON{Section: s.Section.String(), State: "INCOMPLETE", Meaning: Outcome(s),
		Outcome: wireJSON(s.Outcome, s.Outcome == nil), Records: []recordJSON{}}
	if state := s.State(); state != 0 {
		out.State = state.String()
	}
	for _, r := range s.Records {
		entry := recordJSON{ResourceType: r.GetResourceType(), ID: r.GetId(), Effective: r.GetEffective(),
			Recorded: r.GetRecorded(), Source: r.GetSource(), Ended: r.GetEnded(), Resource: json.RawMessage("null")}
		if json.Valid(r.GetResource()) {
			entry.Resource = r.GetResource()
		}
		out.Records = append(out.Records, entry)
	}
	return out
}

// Message writes one message of the wire as JSON.
func Message(w io.Writer, m proto.Message) error { return indented(w, wireJSON(m, false)) }

// wireJSON returns a message in the JSON form of protobuf, or null.
func wireJSON(m proto.Message, absent bool) json.RawMessage {
	if absent {
		return json.RawMessage("null")
	}
	data, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return json.RawMessage("null")
	}
	return data
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// indented writes JSON for both programs and people. Encoding it brings the
// spaces of protojson, which vary on purpose, into one form.
func indented(w io.Writer, v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeUnsafe(b.Bytes()))
	return err
}

// Line writes a record's resource as one line of JSON. It reports false when
// the resource is not JSON; then nothing was written.
func Line(w io.Writer, r *edgev1.Record) (written bool, err error) {
	var line bytes.Buffer
	if json.Compact(&line, r.GetResource()) != nil {
		return false, nil
	}
	line.WriteByte('\n')
	_, err = w.Write(escapeUnsafe(line.Bytes()))
	return true, err
}
