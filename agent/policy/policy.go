// Package policy decides which sections a requester may have. It is a pure
// function of the site's ceiling and the request: no clock, no store, no
// input or output. Everything that is not listed is denied.
package policy

import (
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Any in a list of roles or organisations stands for all of them.
const Any = "ANY"

// Rule lets some requesters have some sections for some purposes. An empty
// list lets nobody.
type Rule struct {
	Roles         []string // role codes, or Any
	Organisations []string // ODS codes, or Any
	Purposes      []care.Purpose
	Sections      care.SectionSet
}

// Ceiling is the most that may ever leave the site. It is the site's own:
// nothing that arrives over the network can raise it.
type Ceiling struct {
	Enabled       bool
	Organisations []string // ODS codes, or Any
	Purposes      []care.Purpose
	Sections      care.SectionSet // what is not in here is switched off
	Rules         []Rule          // narrower grants; with none the ceiling itself is the grant
	TestSite      bool            // serves test NHS numbers too
}

// Grant is what a requester may have of what was asked.
type Grant struct {
	Released     care.SectionSet
	Disabled     care.SectionSet // asked, switched off by the site
	NotPermitted care.SectionSet // asked, not for this requester
}

// Decide returns what the request may be given. It refuses with AccessDenied
// when that is nothing at all, with a Reason that says which wall was met. A
// caller may speak only for the organisations it was granted; nil means any.
func (c *Ceiling) Decide(req *care.Request, speaksFor []care.ODSCode) (Grant, error) {
	who := req.Requester
	switch {
	case !c.Enabled:
		return Grant{}, denied("SHARING_OFF", "the site has switched sharing off")
	case req.Subject.NHSNumber.IsTest() && !c.TestSite:
		return Grant{}, &care.Error{Kind: care.InvalidNHSNumber, Op: "policy.Decide", Reason: "TEST_RANGE",
			Detail: "the number is in the test range, which no person has, and this is not a test site"}
	case speaksFor != nil && !slices.Contains(speaksFor, who.Organisation):
		return Grant{}, denied("BROKER_ORGANISATION", "the broker may not speak for the requester's organisation")
	case !listed(c.Organisations, string(who.Organisation)):
		return Grant{}, denied("ORGANISATION", "the site does not share with the requester's organisation")
	case !slices.Contains(c.Purposes, req.Purpose):
		return Grant{}, denied("PURPOSE", "the site does not share for this purpose")
	}
	enabled := req.Sections & c.Sections
	grant := Grant{Released: enabled & c.permitted(req), Disabled: req.Sections &^ c.Sections}
	grant.NotPermitted = enabled &^ grant.Released
	if grant.Released == 0 && grant.NotPermitted != 0 {
		return grant, denied("ROLE", "the site does not share any of the asked sections with the requester's role")
	}
	if grant.Released == 0 {
		return grant, denied("SECTIONS_OFF", "the site has switched off every section that was asked for")
	}
	return grant, nil
}

// permitted returns what the rules give the requester.
func (c *Ceiling) permitted(req *care.Request) care.SectionSet {
	if len(c.Rules) == 0 {
		return c.Sections
	}
	var sections care.SectionSet
	for _, r := range c.Rules {
		if listed(r.Roles, req.Requester.RoleCode) && listed(r.Organisations, string(req.Requester.Organisation)) &&
			slices.Contains(r.Purposes, req.Purpose) {
			sections |= r.Sections
		}
	}
	return sections
}

func listed(list []string, value string) bool {
	return slices.Contains(list, value) || slices.Contains(list, Any)
}

func denied(reason, detail string) error {
	return &care.Error{Kind: care.AccessDenied, Op: "policy.Decide", Reason: reason, Detail: detail}
}
