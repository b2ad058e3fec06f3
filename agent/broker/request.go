package broker

import (
	"context"
	"crypto/rand"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// request turns a message into the domain's request. What cannot be read makes
// the request invalid, not the call fail: a bad request is journalled as well.
func request(ctx context.Context, interaction care.Interaction, broker care.Broker, m *edgev1.Context) *care.Request {
	req := &care.Request{
		ID:          m.GetRequestId(),
		TraceParent: traceParent(ctx),
		Received:    time.Now(),
		Interaction: interaction,
		Broker:      broker,
		Requester:   requester(m.GetRequester()),
		Purpose:     enum[care.Purpose](int32(m.GetPurpose())),
		Permission:  enum[care.Permission](int32(m.GetPermission())),
		AlertReason: enum[care.AlertReason](int32(m.GetAlertReason())),
		Reason:      m.GetReason(),
	}
	req.Broker.Software = m.GetSoftware()
	if req.ID == "" {
		req.ID = rand.Text()
	}
	if len(req.ID) > 128 {
		req.ID = rand.Text()
		req.Invalid = badField("context.request_id")
	}
	req.Subject = subject(req, m.GetSubject())
	return req
}

func requester(m *edgev1.Requester) care.Requester {
	return care.Requester{
		UserID:           m.GetUserId(),
		UserName:         m.GetUserName(),
		RoleCode:         m.GetRoleCode(),
		RoleName:         m.GetRoleName(),
		RoleProfile:      m.GetRoleProfile(),
		Organisation:     care.ODSCode(m.GetOrganisation()),
		OrganisationName: m.GetOrganisationName(),
	}
}

func subject(req *care.Request, m *edgev1.Subject) care.Subject {
	s := care.Subject{Family: care.NewPrivate(m.GetFamilyName()), Given: care.NewPrivate(m.GetGivenName()), Gender: m.GetGender()}
	number, err := care.ParseNHSNumber(m.GetNhsNumber())
	if err != nil && req.Invalid == nil {
		req.Invalid = err
	}
	s.NHSNumber = number
	born, err := care.ParseDateTime(m.GetBirthDate(), time.UTC)
	if (err != nil || born.Precision == care.ToInstant) && req.Invalid == nil {
		req.Invalid = &care.Error{Kind: care.InvalidDemographics, Op: "broker.request", Reason: "BIRTH_DATE",
			Detail: "the date of birth is not a date; write YYYY-MM-DD, or YYYY-MM or YYYY where no more is known"}
	}
	s.BirthDate = born
	if len(m.GetFamilyName()) > 256 || len(m.GetGivenName()) > 256 {
		req.Invalid = badField("context.subject")
	}
	return s
}

// askFor sets the sections and the period of a request.
func askFor(req *care.Request, sections []edgev1.Section, from, to string) {
	if len(sections) == 0 {
		req.Sections = care.AllSections
	}
	for _, s := range sections {
		section := enum[care.Section](int32(s))
		if !section.Valid() {
			req.Invalid = badField("sections")
			return
		}
		req.Sections = req.Sections.With(section)
	}
	req.Period.From = day(req, from, "from_date")
	req.Period.To = day(req, to, "to_date")
}

func day(req *care.Request, text, field string) care.DateTime {
	d, err := care.ParseDateTime(text, time.UTC)
	if err != nil || d.Precision == care.ToInstant {
		req.Invalid = badField(field)
		return care.DateTime{}
	}
	return d
}

// enum narrows a number from the wire. What does not fit becomes a value that
// is never valid; cutting it off would make it another one.
func enum[T ~uint8](n int32) T {
	if n < 0 || n > 255 {
		return 255
	}
	return T(n)
}

func badField(name string) error {
	return &care.Error{Kind: care.BadRequest, Op: "broker.request", Reason: "FIELD", Detail: "the field " + name + " is not valid"}
}

// traceParent returns the caller's W3C trace context, if it has the one form
// that there is.
func traceParent(ctx context.Context) string {
	v := metadata.ValueFromIncomingContext(ctx, "traceparent")
	if len(v) != 1 || len(v[0]) != 55 {
		return ""
	}
	for _, c := range []byte(v[0]) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return v[0]
}
