package edge

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// toWire is the one place where an NHS number goes onto the wire in a push.
func toWire(d *care.Directive) *edgev1.Directive {
	m := &edgev1.Directive{NhsNumber: d.NHSNumber.Reveal(), Kind: edgev1.DirectiveKind(d.Kind),
		Effective: timestamppb.New(d.Effective), RecordedBy: d.By, CodeSystem: d.Code.System, Code: d.Code.Code}
	if !d.Recorded.IsZero() {
		m.Recorded = timestamppb.New(d.Recorded)
	}
	for _, code := range d.Scope.Organisations {
		m.Organisations = append(m.Organisations, string(code))
	}
	for section := range d.Scope.Sections.All() {
		m.Sections = append(m.Sections, edgev1.Section(section))
	}
	return m
}

// fromWire reads a directive that the agent tells of.
func fromWire(m *edgev1.Directive) (care.Directive, error) {
	number, err := care.ParseNHSNumber(m.GetNhsNumber())
	if err != nil {
		return care.Directive{}, err
	}
	authority, known := authorities[m.GetAuthority()]
	kind := care.DirectiveKind(m.GetKind())
	if !known || !kind.Valid() || !m.GetEffective().IsValid() {
		return care.Directive{}, misread("kind, authority or effective time")
	}
	d := care.Directive{NHSNumber: number, Kind: kind, Authority: authority, Source: m.GetSource(), Effective: m.GetEffective().AsTime(),
		By: m.GetRecordedBy(), Code: care.Coding{System: m.GetCodeSystem(), Code: m.GetCode()}}
	if m.GetRecorded().IsValid() {
		d.Recorded = m.GetRecorded().AsTime()
	}
	for _, text := range m.GetOrganisations() {
		code := care.ODSCode(text)
		if !code.Valid() {
			return care.Directive{}, misread("organisation")
		}
		d.Scope.Organisations = append(d.Scope.Organisations, code)
	}
	for _, n := range m.GetSections() {
		section := care.Section(n)
		if !section.Valid() {
			return care.Directive{}, misread("section")
		}
		d.Scope.Sections = d.Scope.Sections.With(section)
	}
	return d, nil
}

var authorities = map[string]care.Authority{
	care.Region.String(): care.Region, care.Site.String(): care.Site, care.SourceFlag.String(): care.SourceFlag,
}

func misread(what string) error {
	return &care.Error{Kind: care.Internal, Op: "edge.LocalDirectives", Reason: "DIRECTIVE",
		Detail: fmt.Sprintf("the agent told of a directive whose %s cannot be understood; is mcrctl older than the agent?", what)}
}

// ended reports whether a stream ended as it should.
func ended(err error) bool { return errors.Is(err, io.EOF) }
