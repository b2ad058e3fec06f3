package main

import (
	"bytes"
	"encoding/json"

	"github.com/mycarerecord/edge-agent/agent/audit"
)

// revealed returns an entry as JSON in which what names the patient is shown in
// the place of the sealed text. The line must have been revealed.
func revealed(l *audit.Line) ([]byte, error) {
	from := bytes.Index(l.Raw, []byte(`"patient":{`))
	if len(l.Patient.Box) == 0 || from < 0 {
		return l.Raw, nil
	}
	length := bytes.IndexByte(l.Raw[from:], '}')
	if length < 0 {
		return l.Raw, nil
	}
	open, err := json.Marshal(struct {
		NHSNumber  string `json:"nhs_number,omitempty"`
		DocumentID string `json:"document_id,omitempty"`
		Reason     string `json:"reason,omitempty"`
	}{l.NHSNumber.Reveal(), l.DocumentID, l.Reason})
	if err != nil {
		return nil, err
	}
	out := append(bytes.Clone(l.Raw[:from]), open[1:len(open)-1]...)
	return append(out, l.Raw[from+length+1:]...), nil
}
