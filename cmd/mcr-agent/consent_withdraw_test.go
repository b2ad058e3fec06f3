package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// chest is an agent that holds statements about one patient.
type chest struct {
	edgev1.ConsentServiceClient
	held     []*edgev1.Directive
	doubt    string
	recorded int
}

func (c *chest) GetDirectives(context.Context, *edgev1.GetDirectivesRequest, ...grpc.CallOption) (*edgev1.GetDirectivesResponse, error) {
	return &edgev1.GetDirectivesResponse{Directives: c.held}, nil
}

func (c *chest) GetSiteConsentState(context.Context, *edgev1.GetSiteConsentStateRequest, ...grpc.CallOption) (*edgev1.GetSiteConsentStateResponse, error) {
	return &edgev1.GetSiteConsentStateResponse{State: &edgev1.ConsentState{Doubt: c.doubt}}, nil
}

func (c *chest) RecordDirectives(context.Context, *edgev1.RecordDirectivesRequest, ...grpc.CallOption) (*edgev1.RecordDirectivesResponse, error) {
	c.recorded++
	return &edgev1.RecordDirectivesResponse{Changed: 1, JournalSequence: 7}, nil
}

// A site withdraws what it has recorded itself. That nothing was changed, and
// what goes on because others have recorded it, is said.
func TestWithdraw(t *testing.T) {
	said := func(authority, source string, kind care.DirectiveKind, organisations ...string) *edgev1.Directive {
		return &edgev1.Directive{Authority: authority, Source: source, Kind: edgev1.DirectiveKind(kind), Organisations: organisations}
	}
	site, region, source := said("SITE", "", care.Dissent), said("REGION", "", care.Dissent), said("SOURCE", "clinical", care.Dissent)
	atRWH := care.Scope{Organisations: []care.ODSCode{"RWH"}}
	medicines := &edgev1.Directive{Authority: "SITE", Kind: edgev1.DirectiveKind(care.Dissent), Sections: []edgev1.Section{edgev1.Section(care.Medications)}}
	for _, c := range []struct {
		name     string
		held     []*edgev1.Directive
		scope    care.Scope
		doubt    string
		code     int
		recorded int
		says     []string
	}{
		{"nobody has said anything", nil, care.Scope{}, "STALE", 0, 0, []string{"Nothing was changed"}},
		{"it was withdrawn before", []*edgev1.Directive{said("SITE", "", care.ConsentGiven)}, care.Scope{}, "", 0, 0, []string{"Nothing was changed"}},
		{"a restriction is no dissent", []*edgev1.Directive{said("SITE", "", care.Restriction)}, care.Scope{}, "", 0, 0, []string{"Nothing was changed"}},
		{"only the region", []*edgev1.Directive{region}, care.Scope{}, "", 4, 0, []string{"Nothing was changed", "goes on all the same", "  REGION  DISSENT"}},
		{"only a source", []*edgev1.Directive{source}, care.Scope{}, "", 4, 0, []string{"Nothing was changed", "  SOURCE clinical DISSENT"}},
		{"only the site", []*edgev1.Directive{site}, care.Scope{}, "", 0, 1, []string{"Journal entry 7"}},
		{"the site and the region", []*edgev1.Directive{site, region}, care.Scope{}, "", 0, 1, []string{"Journal entry 7", "goes on all the same", "REGION"}},
		{"the store has lost what the site said", nil, care.Scope{}, "LOST", 0, 1, []string{"Journal entry 7"}},
		{"about one organisation", []*edgev1.Directive{said("SITE", "", care.Dissent, "RWH")}, atRWH, "", 0, 1, []string{"Journal entry 7"}},
		{"about another", []*edgev1.Directive{said("SITE", "", care.Dissent, "RAJ")}, atRWH, "", 0, 0, []string{"Nothing was changed"}},
		{"about everything, withdrawn for one", []*edgev1.Directive{site}, atRWH, "", 0, 1, []string{"Journal entry 7"}},
		{"about a section, withdrawn for it", []*edgev1.Directive{medicines}, care.Scope{Sections: care.SetOf(care.Medications)}, "", 0, 1, []string{"Journal entry 7"}},
		{"about a section, withdrawn for another", []*edgev1.Directive{medicines}, care.Scope{Sections: care.SetOf(care.Allergies)}, "", 0, 0, []string{"Nothing was changed"}},
		{"the region about another organisation", []*edgev1.Directive{said("REGION", "", care.Dissent, "RAJ")}, atRWH, "", 0, 0, []string{"Nothing was changed"}},
	} {
		var out bytes.Buffer
		agent := &chest{held: c.held, doubt: c.doubt}
		err := (&local{consent: agent}).withdraw(&streams{out: &out}, &care.Directive{Kind: care.ConsentGiven, Scope: c.scope}, care.Dissent)
		code := 0
		if exit, ok := errors.AsType[exitError](err); ok {
			code = int(exit)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if code != c.code || agent.recorded != c.recorded {
			t.Errorf("%s: exit code %d, want %d; recorded %d, want %d", c.name, code, c.code, agent.recorded, c.recorded)
		}
		for _, say := range c.says {
			if !strings.Contains(out.String(), say) {
				t.Errorf("%s: %q is not said:\n%s", c.name, say, &out)
			}
		}
		if len(c.says) < 2 && strings.Contains(out.String(), "goes on") {
			t.Errorf("%s: something goes on:\n%s", c.name, &out)
		}
	}
}
