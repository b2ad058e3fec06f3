package policy_test

import (
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/policy"
)

func request(t *testing.T, spoil func(*care.Request)) *care.Request {
	t.Helper()
	number, err := care.ParseNHSNumber("9434765919")
	if err != nil {
		t.Fatal(err)
	}
	r := &care.Request{
		Purpose:   care.Treatment,
		Requester: care.Requester{RoleCode: "R0260", Organisation: "RWH"},
		Subject:   care.Subject{NHSNumber: number},
		Sections:  care.SetOf(care.Allergies, care.Medications, care.SocialCare),
	}
	if spoil != nil {
		spoil(r)
	}
	return r
}

func ceiling() policy.Ceiling {
	return policy.Ceiling{Enabled: true, Organisations: []string{"RWH", "RYC"}, Purposes: []care.Purpose{care.Treatment, care.EmergencyTreatment},
		Sections: care.SetOf(care.Allergies, care.Medications, care.Problems)}
}

func TestDecide(t *testing.T) {
	nurses := policy.Rule{Roles: []string{"R8001"}, Organisations: []string{policy.Any}, Purposes: []care.Purpose{care.Treatment}, Sections: care.AllSections}
	doctors := policy.Rule{Roles: []string{"R0260"}, Organisations: []string{"RWH"}, Purposes: []care.Purpose{care.Treatment}, Sections: care.SetOf(care.Allergies)}
	for _, c := range []struct {
		name      string
		ceiling   func(*policy.Ceiling)
		request   func(*care.Request)
		speaksFor []care.ODSCode
		released  care.SectionSet
		reason    string // of the refusal; empty means released
	}{
		{name: "the ceiling is the grant", released: care.SetOf(care.Allergies, care.Medications)},
		{name: "zero ceiling", ceiling: func(c *policy.Ceiling) { *c = policy.Ceiling{} }, reason: "SHARING_OFF"},
		{name: "enabled but nothing listed", ceiling: func(c *policy.Ceiling) { *c = policy.Ceiling{Enabled: true} }, reason: "ORGANISATION"},
		{name: "other organisation", request: func(r *care.Request) { r.Requester.Organisation = "RGT" }, reason: "ORGANISATION"},
		{name: "any organisation", ceiling: func(c *policy.Ceiling) { c.Organisations = []string{policy.Any} },
			request: func(r *care.Request) { r.Requester.Organisation = "RGT" }, released: care.SetOf(care.Allergies, care.Medications)},
		{name: "broker speaks for another", speaksFor: []care.ODSCode{"RYC"}, reason: "BROKER_ORGANISATION"},
		{name: "broker speaks for nobody", speaksFor: []care.ODSCode{}, reason: "BROKER_ORGANISATION"},
		{name: "purpose not shared", request: func(r *care.Request) { r.Purpose = care.BreakGlass }, reason: "PURPOSE"},
		{name: "only what is off", request: func(r *care.Request) { r.Sections = care.SetOf(care.SocialCare) }, reason: "SECTIONS_OFF"},
		{name: "rule narrows", ceiling: func(c *policy.Ceiling) { c.Rules = []policy.Rule{nurses, doctors} }, released: care.SetOf(care.Allergies)},
		{name: "rules add up but not over the ceiling", ceiling: func(c *policy.Ceiling) { c.Rules = []policy.Rule{nurses, doctors} },
			request: func(r *care.Request) { r.Requester.RoleCode = "R8001" }, released: care.SetOf(care.Allergies, care.Medications)},
		{name: "no rule for the role", ceiling: func(c *policy.Ceiling) { c.Rules = []policy.Rule{nurses} }, reason: "ROLE"},
		{name: "test number at a real site", request: func(r *care.Request) { r.Subject.NHSNumber, _ = care.ParseNHSNumber("9990000018") }, reason: "TEST_RANGE"},
		{name: "test number at a test site", ceiling: func(c *policy.Ceiling) { c.TestSite = true },
			request:  func(r *care.Request) { r.Subject.NHSNumber, _ = care.ParseNHSNumber("9990000018") },
			released: care.SetOf(care.Allergies, care.Medications)},
	} {
		ceiling := ceiling()
		if c.ceiling != nil {
			c.ceiling(&ceiling)
		}
		req := request(t, c.request)
		grant, err := ceiling.Decide(req, c.speaksFor)
		if got := care.ReasonOf(err); got != c.reason || (err == nil) != (c.reason == "") {
			t.Errorf("%s: %v, want reason %q", c.name, err, c.reason)
			continue
		}
		if err == nil && grant.Released != c.released {
			t.Errorf("%s: released %v, want %v", c.name, grant.Released, c.released)
		}
		if err == nil && grant.Released|grant.Disabled|grant.NotPermitted != req.Sections {
			t.Errorf("%s: %+v does not account for every asked section", c.name, grant)
		}
	}
}

// Nothing that is asked for may be released without being in the ceiling.
func TestNothingOverTheCeiling(t *testing.T) {
	c := ceiling()
	c.Rules = []policy.Rule{{Roles: []string{policy.Any}, Organisations: []string{policy.Any}, Purposes: []care.Purpose{care.Treatment}, Sections: care.AllSections}}
	for s := range care.AllSections.All() {
		grant, _ := c.Decide(request(t, func(r *care.Request) { r.Sections = care.SetOf(s) }), nil)
		if grant.Released&^c.Sections != 0 {
			t.Errorf("%v is released over the ceiling", s)
		}
	}
}
