package view

import (
	"encoding/json"
	"io"
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// bundleBase comes before the site's code in the URLs of a bundle. It names no
// server, because the entries can be had from none (RFC 2606, .invalid).
const bundleBase = "https://mycarerecord.invalid/"

// Bundle writes a record as a FHIR R4 Bundle of type collection: an
// OperationOutcome with everything that is wrong with the answer, if something
// is; a UK Core List for each section that was asked for, two for allergies
// when some have ended; then the resources as the agent sent them. A section
// whose end is not known, or whose outcome is not to be believed, is told as
// one that could not be read.
func Bundle(w io.Writer, record *edge.Record) error {
	lists, err := bundleHead(record)
	if err != nil {
		return err
	}
	base := bundleBase + Clean(record.Opening.GetSiteCode()) + "/"
	bundle, err := ukcore.AppendBundle(nil, base, retrieved(record), bundleEntries(lists, record))
	if err != nil {
		return err
	}
	_, err = w.Write(append(escapeUnsafe(bundle), '\n'))
	return err
}

func retrieved(record *edge.Record) time.Time { return record.Opening.GetRetrievedAt().AsTime() }

// bundleEntries yields the head, then every resource that is JSON; of one that
// is not, the OperationOutcome tells.
func bundleEntries(head []ukcore.BundleEntry, record *edge.Record) iter.Seq[ukcore.BundleEntry] {
	return func(yield func(ukcore.BundleEntry) bool) {
		for _, e := range head {
			if !yield(e) {
				return
			}
		}
		for i := range record.Sections {
			for _, r := range record.Sections[i].Records {
				e := ukcore.BundleEntry{Reference: referTo(r), Resource: r.GetResource()}
				if json.Valid(e.Resource) && !yield(e) {
					return
				}
			}
		}
	}
}

// bundleHead makes the resources that tell of the answer.
func bundleHead(record *edge.Record) ([]ukcore.BundleEntry, error) {
	var head []ukcore.BundleEntry
	add := func(kind, id string, resource []byte, err error) error {
		head = append(head, ukcore.BundleEntry{Reference: ukcore.Reference{Type: kind, ID: id}, Resource: resource})
		return err
	}
	if reasons := record.Reasons(); len(reasons) > 0 {
		issues := make([]ukcore.Issue, len(reasons))
		for i, r := range reasons {
			issues[i] = ukcore.Issue{Kind: care.SourceUnavailable, Warning: true, Text: r}
		}
		resource, err := ukcore.AppendOperationOutcome(nil, issues...)
		if err := add("OperationOutcome", "not-whole", resource, err); err != nil {
			return nil, err
		}
	}
	for _, section := range sectionLists(record) {
		resource, err := ukcore.AppendList(nil, &section)
		if err := add("List", idOf(resource), resource, err); err != nil {
			return nil, err
		}
	}
	return head, nil
}

// idOf returns the id that a resource was given.
func idOf(resource []byte) string {
	var is struct{ ID string }
	_ = json.Unmarshal(resource, &is) // what is not JSON has none
	return is.ID
}

func sectionLists(record *edge.Record) []ukcore.Section {
	var lists []ukcore.Section
	patient := patientID(record)
	for i := range record.Sections {
		s := &record.Sections[i]
		list := ukcore.Section{Outcome: outcomeOf(s), Patient: patient, Retrieved: retrieved(record)}
		ended := list
		ended.Ended = true
		for _, r := range s.Records {
			if r.GetEnded() {
				ended.Entries = append(ended.Entries, referTo(r))
			} else {
				list.Entries = append(list.Entries, referTo(r))
			}
		}
		lists = append(lists, list)
		if len(ended.Entries) > 0 {
			lists = append(lists, ended)
		}
	}
	return lists
}

// outcomeOf turns an outcome of the wire into one of the domain.
func outcomeOf(s *edge.Section) *care.Outcome {
	o := s.Outcome
	out := &care.Outcome{Section: s.Section, State: s.State(), Limit: int(o.GetLimit()), Reason: o.GetReason()}
	if out.State == 0 {
		out.State = care.Unavailable
	}
	if boundary, err := care.ParseDateTime(o.GetBoundary(), time.UTC); err == nil {
		out.Boundary = boundary
	}
	if o.GetDataAsOf().IsValid() {
		out.AsOf = o.GetDataAsOf().AsTime()
	}
	for _, w := range o.GetWarnings() {
		out.Warnings = append(out.Warnings, care.Warning(w))
	}
	return out
}

// patientID returns the id of the Patient, if the demographics were asked for.
func patientID(record *edge.Record) string {
	for i := range record.Sections {
		for _, r := range record.Sections[i].Records {
			if r.GetResourceType() == "Patient" {
				return r.GetId()
			}
		}
	}
	return ""
}

func referTo(r *edgev1.Record) ukcore.Reference {
	return ukcore.Reference{Type: r.GetResourceType(), ID: r.GetId()}
}
