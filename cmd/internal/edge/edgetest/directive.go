package edgetest

import (
	"fmt"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Directive reads a directive of a push. What cannot be read is left zero.
func Directive(m *edgev1.Directive) care.Directive {
	number, _ := care.ParseNHSNumber(m.GetNhsNumber())
	d := care.Directive{NHSNumber: number, Kind: care.DirectiveKind(m.GetKind()), Effective: m.GetEffective().AsTime(), By: m.GetRecordedBy(),
		Code: care.Coding{System: m.GetCodeSystem(), Code: m.GetCode()}}
	if m.GetRecorded() != nil {
		d.Recorded = m.GetRecorded().AsTime()
	}
	for _, code := range m.GetOrganisations() {
		d.Scope.Organisations = append(d.Scope.Organisations, care.ODSCode(code))
	}
	for _, section := range m.GetSections() {
		d.Scope.Sections = d.Scope.Sections.With(care.Section(section))
	}
	return d
}

// Directives returns n dissents of as many test patients, one a second up to
// Retrieved.
func Directives(n int) []care.Directive {
	list := make([]care.Directive, 0, n)
	for i := 0; len(list) < n; i++ {
		if number, ok := number(i); ok {
			list = append(list, care.Directive{NHSNumber: number, Kind: care.Dissent, By: "region",
				Effective: Retrieved.Add(-time.Duration(i) * time.Second)})
		}
	}
	return list
}

// number returns the i-th number of the range for tests, if its check digit is
// one (NHS Data Dictionary, NHS NUMBER).
func number(i int) (care.NHSNumber, bool) {
	digits := fmt.Sprintf("999%06d", i)
	sum := 0
	for at, c := range digits {
		sum += int(c-'0') * (10 - at)
	}
	n, err := care.ParseNHSNumber(digits + fmt.Sprint((11-sum%11)%11))
	return n, err == nil
}
