package edge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

func TestLocalDirectives(t *testing.T) {
	c := &edgetest.Consent{Oldest: 3}
	for i, d := range edgetest.Directives(11) {
		c.Local = append(c.Local, &edgev1.Directive{NhsNumber: d.NHSNumber.Reveal(), Kind: edgev1.DirectiveKind_DIRECTIVE_KIND_CONSENT, Authority: "SOURCE", Source: "gp",
			Effective: timestamppb.New(d.Effective), Recorded: timestamppb.New(asOf), RecordedBy: fmt.Sprint(i),
			Organisations: []string{"RWH"}, CodeSystem: "http://snomed.info/sct", Code: "425691002"})
	}
	client := cache(t, c)
	var by []string
	cursor := uint64(1)
	for part, err := range client.LocalDirectives(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range part.Directives {
			by = append(by, d.By)
			if d.Authority != care.SourceFlag || d.Source != "gp" || d.Kind != care.ConsentGiven || d.Scope.Organisations[0] != "RWH" || d.Code.Code != "425691002" ||
				d.Code.System != "http://snomed.info/sct" || !d.Recorded.Equal(asOf) {
				t.Errorf("directive %+v", d)
			}
		}
		cursor = part.Cursor
		if !part.Gap(1) || part.Gap(2) {
			t.Errorf("part %+v", part)
		}
	}
	if strings.Join(by, " ") != "1 2 3 4 5 6 7 8 9 10" || cursor != 11 {
		t.Errorf("by %v, cursor %d", by, cursor)
	}
	for range client.LocalDirectives(t.Context(), 0) {
		break // leaving is no error
	}
	for part := range client.LocalDirectives(t.Context(), 11) {
		t.Errorf("after the end: %+v", part)
	}
}

// TestLocalDirectivesMisread checks that what cannot be understood is an error
// and never left out.
func TestLocalDirectivesMisread(t *testing.T) {
	good := func() *edgev1.Directive {
		return &edgev1.Directive{NhsNumber: edgetest.Directives(1)[0].NHSNumber.Reveal(), Kind: edgev1.DirectiveKind_DIRECTIVE_KIND_DISSENT, Authority: "SITE", Effective: timestamppb.New(asOf)}
	}
	for name, damage := range map[string]func(*edgev1.Directive){
		"number":       func(d *edgev1.Directive) { d.NhsNumber = "9990000001" },
		"kind":         func(d *edgev1.Directive) { d.Kind = 9 },
		"authority":    func(d *edgev1.Directive) { d.Authority = "" },
		"time":         func(d *edgev1.Directive) { d.Effective = nil },
		"organisation": func(d *edgev1.Directive) { d.Organisations = []string{"?"} },
		"section":      func(d *edgev1.Directive) { d.Sections = []edgev1.Section{99} },
	} {
		bad := good()
		damage(bad)
		var got []string
		for part, err := range cache(t, &edgetest.Consent{Local: []*edgev1.Directive{good(), good(), bad}}).LocalDirectives(t.Context(), 0) {
			got = append(got, fmt.Sprint(len(part.Directives), err != nil))
		}
		if !slices.Equal(got, []string{"2 false", "0 true"}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
