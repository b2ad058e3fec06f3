package sql

import (
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// numberColumn returns the position of the column that says whose each row is,
// or -1 where the query has none.
func (c *cursor) numberColumn() int {
	return slices.IndexFunc(c.columns, func(name string) bool { return strings.EqualFold(name, ukcore.NHSNumberColumn) })
}

// isOf reports whether a row is the patient's as far as it says so: where the
// query has the column at all, a row that leaves it empty is nobody's.
func isOf(p care.Patient, values []ukcore.Value, column int) bool {
	if column < 0 {
		return true
	}
	r := patientRow{at: []int{column}, values: values}
	text := r.text(0)
	if text != "" && text == p.NHSNumber.Reveal() {
		return true // as most sources write it
	}
	number, err := care.ParseNHSNumber(text)
	return err == nil && number == p.NHSNumber
}

// stranger is the error of a row that is not the patient's. It ends the whole
// fetch: whoever the key stands for, other queries use it too.
func (s *source) stranger() error {
	return s.unavailable(reasonStranger, "a row carries another NHS number than that of the patient, or none; correct the query's condition")
}
