package broker

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Budgets of one message.
const (
	maxDirectives    = 1000
	maxOrganisations = 64
	maxBy            = 64  // bytes of who recorded it
	maxCode          = 64  // bytes of a code; SNOMED CT has at most 18
	maxCodeSystem    = 128 // bytes of its system's URI
	maxManifest      = 4 << 10
	instanceSize     = 16
	maxFileName      = 256 // bytes of a file's name and owner
)

// directives reads the directives of one message. The first that is wrong is
// named by its place, never quoted.
func directives(list []*edgev1.Directive, authority care.Authority) ([]care.Directive, error) {
	if len(list) > maxDirectives {
		return nil, &care.Error{Kind: care.LimitExceeded, Op: "broker.consent", Reason: "DIRECTIVES", Detail: "a message may carry at most 1,000 directives"}
	}
	out := make([]care.Directive, 0, len(list))
	for i, m := range list {
		d, err := directive(m, authority)
		if fault, ok := errors.AsType[*care.Error](err); ok {
			return nil, &care.Error{Kind: fault.Kind, Op: "broker.consent", Reason: fault.Reason,
				Detail: fmt.Sprintf("directive %d of the message: %s", i+1, fault.Detail), Err: err}
		}
		out = append(out, d)
	}
	return out, nil
}

// directive reads one directive. Times are kept to the millisecond, as the
// store keeps them, so that journal, store and region hold the same.
func directive(m *edgev1.Directive, authority care.Authority) (care.Directive, error) {
	number, err := care.ParseNHSNumber(m.GetNhsNumber())
	if err != nil {
		return care.Directive{}, err
	}
	d := care.Directive{NHSNumber: number, Kind: enum[care.DirectiveKind](int32(m.GetKind())), Authority: authority, By: m.GetRecordedBy(),
		Effective: milliseconds(m.GetEffective()), Recorded: milliseconds(m.GetRecorded()),
		Code: care.Coding{System: m.GetCodeSystem(), Code: m.GetCode()}}
	switch {
	case !d.Kind.Valid():
		return care.Directive{}, badField("kind")
	case !dated(m, authority):
		return care.Directive{}, badField("effective")
	case m.GetRecorded() != nil && !m.GetRecorded().IsValid():
		return care.Directive{}, badField("recorded")
	case !plain(d.By, maxBy):
		return care.Directive{}, badField("recorded_by")
	case !plain(d.Code.System, maxCodeSystem) || !plain(d.Code.Code, maxCode):
		return care.Directive{}, badField("code")
	}
	d.Scope, err = scope(m)
	return d, err
}

// dated reports whether a directive says from when it holds. What a site says
// holds from now on where it does not say.
func dated(m *edgev1.Directive, authority care.Authority) bool {
	if m.GetEffective() == nil {
		return authority == care.Site
	}
	return m.GetEffective().IsValid() && !m.GetEffective().AsTime().IsZero()
}

// scope reads what a directive is about.
func scope(m *edgev1.Directive) (s care.Scope, err error) {
	if len(m.GetOrganisations()) > maxOrganisations {
		return s, badField("organisations")
	}
	for _, text := range m.GetOrganisations() {
		code := care.ODSCode(text)
		if !code.Valid() {
			return s, badField("organisations")
		}
		s.Organisations = append(s.Organisations, code)
	}
	if len(m.GetSections()) > care.AllSections.Len() {
		return s, badField("sections")
	}
	for _, n := range m.GetSections() {
		section := enum[care.Section](int32(n))
		if !section.Valid() {
			return s, badField("sections")
		}
		s.Sections = s.Sections.With(section)
	}
	return s, nil
}

// milliseconds returns an instant to the millisecond, or the zero time.
func milliseconds(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime().Truncate(time.Millisecond)
}

// plain reports whether a text is at most limit bytes of UTF-8 without control
// characters.
func plain(text string, limit int) bool {
	if len(text) > limit || !utf8.ValidString(text) {
		return false
	}
	for _, c := range text {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return false
		}
	}
	return true
}

// directiveMessage is how a directive goes over the wire.
func directiveMessage(d *care.Directive) *edgev1.Directive {
	m := &edgev1.Directive{NhsNumber: d.NHSNumber.Reveal(), Kind: edgev1.DirectiveKind(d.Kind), Effective: timestamppb.New(d.Effective),
		RecordedBy: d.By, Authority: d.Authority.String(), Source: d.Source, CodeSystem: d.Code.System, Code: d.Code.Code}
	if !d.Recorded.IsZero() {
		m.Recorded = timestamppb.New(d.Recorded)
	}
	for _, code := range d.Scope.Organisations {
		m.Organisations = append(m.Organisations, string(code))
	}
	m.Sections = sectionMessages(d.Scope.Sections)
	return m
}

func sectionMessages(set care.SectionSet) (list []edgev1.Section) {
	for section := range set.All() {
		list = append(list, edgev1.Section(section))
	}
	return list
}
