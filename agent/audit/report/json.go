package report

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"time"
)

// The JSON form, version 1. Fields may be added; none is renamed, removed or
// given another meaning. packaging/doc/audit-report.md describes it.
type (
	jsonReport struct {
		Format     string       `json:"format"`
		Version    int          `json:"version"`
		NHSNumber  string       `json:"nhs_number"`
		Audience   Audience     `json:"audience"`
		Site       jsonSite     `json:"site"`
		From       *time.Time   `json:"from,omitempty"`
		To         *time.Time   `json:"to,omitempty"`
		Made       time.Time    `json:"made"`
		MadeBy     string       `json:"made_by"`
		Entries    int          `json:"entries"`
		Journal    *jsonJournal `json:"journal,omitempty"`
		NotCovered []jsonGap    `json:"not_covered"`
		Limits     []string     `json:"limits"`
		Accesses   []jsonAccess `json:"accesses"`
		Events     []jsonEvent  `json:"events"`
	}
	jsonSite struct {
		Code string `json:"code"`
		Name string `json:"name"`
	}
	jsonJournal struct {
		Origin string `json:"origin"`
		Size   uint64 `json:"size"`
		Root   string `json:"root"`
	}
	jsonGap struct {
		Why   string `json:"why"`
		First uint64 `json:"first"`
		Last  uint64 `json:"last"`
		Count uint64 `json:"count"`
		Words string `json:"words"`
	}
	jsonAccess struct {
		Entry       uint64     `json:"entry"`
		EndEntry    uint64     `json:"end_entry,omitempty"`
		Leaf        string     `json:"leaf"`
		Time        time.Time  `json:"time"`
		TimeLocal   string     `json:"time_local"`
		BreakGlass  bool       `json:"break_glass"`
		Result      Result     `json:"result"`
		Words       string     `json:"words"`
		Interaction string     `json:"interaction,omitempty"`
		Who         jsonPerson `json:"who"`
		Purpose     string     `json:"purpose,omitempty"`
		Permission  string     `json:"permission,omitempty"`
		AlertReason string     `json:"alert_reason,omitempty"`
		Reason      string     `json:"reason,omitempty"`
		Asked       []string   `json:"asked"`
		Parts       []jsonPart `json:"parts"`
		PartsCut    bool       `json:"parts_cut,omitempty"`
		DocumentID  string     `json:"document_id,omitempty"`
		Refusal     string     `json:"refusal,omitempty"`
		TrueReason  string     `json:"true_reason,omitempty"`
		Detail      string     `json:"detail,omitempty"`
		RequestID   string     `json:"request_id,omitempty"`
		Broker      string     `json:"broker,omitempty"`
		Peer        string     `json:"peer,omitempty"`
	}
	jsonPerson struct {
		UserID           string `json:"user_id,omitempty"`
		Name             string `json:"name,omitempty"`
		RoleCode         string `json:"role_code,omitempty"`
		RoleName         string `json:"role_name,omitempty"`
		Organisation     string `json:"organisation,omitempty"`
		OrganisationName string `json:"organisation_name,omitempty"`
	}
	jsonPart struct {
		Section string `json:"section"`
		State   string `json:"state"`
		Shown   int64  `json:"shown"`
		Held    int64  `json:"held,omitempty"`
		Words   string `json:"words"`
	}
	jsonEvent struct {
		Entry     uint64     `json:"entry"`
		Leaf      string     `json:"leaf"`
		Time      time.Time  `json:"time"`
		TimeLocal string     `json:"time_local"`
		Kind      string     `json:"kind"`
		Words     string     `json:"words"`
		Actor     string     `json:"actor,omitempty"`
		Directive string     `json:"directive,omitempty"`
		Authority string     `json:"authority,omitempty"`
		By        string     `json:"by,omitempty"`
		Effective *time.Time `json:"effective,omitempty"`
		Refusal   string     `json:"refusal,omitempty"`
		Detail    string     `json:"detail,omitempty"`
	}
)

// WriteJSON writes the report as one JSON object with codes and words.
func (r *Report) WriteJSON(w io.Writer) error {
	out := jsonReport{
		Format: "mcr-access-report", Version: 1, NHSNumber: r.Patient.Reveal(), Audience: r.audience(),
		Site: jsonSite{string(r.Site.Code), r.Site.Name}, From: instant(r.From), To: instant(r.To),
		Made: r.Made.UTC(), MadeBy: r.MadeBy, Entries: r.Entries, Limits: r.limits(),
		NotCovered: []jsonGap{}, Accesses: []jsonAccess{}, Events: []jsonEvent{},
	}
	if r.Journal.Size > 0 {
		out.Journal = &jsonJournal{r.Journal.Origin, r.Journal.Size, hex.EncodeToString(r.Journal.Root[:])}
	}
	for _, g := range r.Gaps {
		out.NotCovered = append(out.NotCovered, jsonGap{g.Why, g.First, g.Last, g.Count, g.words()})
	}
	for i := range r.Accesses {
		out.Accesses = append(out.Accesses, r.jsonAccess(&r.Accesses[i]))
	}
	for i := range r.Events {
		e := &r.Events[i]
		out.Events = append(out.Events, jsonEvent{
			Entry: e.Entry, Leaf: hex.EncodeToString(e.Leaf[:]), Time: e.Time, TimeLocal: moment(e.Time, r.zone()), Kind: string(e.Kind),
			Words: e.words(), Actor: e.Actor, Directive: e.Directive, Authority: e.Authority, By: e.By, Effective: instant(e.Effective),
			Refusal: e.Refusal, Detail: e.Detail,
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func (r *Report) jsonAccess(a *Access) jsonAccess {
	out := jsonAccess{
		Entry: a.Entry, EndEntry: a.EndEntry, Leaf: hex.EncodeToString(a.Leaf[:]), Time: a.Time, TimeLocal: moment(a.Time, r.zone()),
		BreakGlass: a.BreakGlass, Result: a.Result, Words: a.result(), Interaction: a.Interaction, Who: jsonPerson(a.Who),
		Purpose: a.Purpose, Permission: a.Permission, AlertReason: a.AlertReason, Reason: a.Reason, Asked: a.Asked, Parts: []jsonPart{}, PartsCut: a.PartsCut,
		DocumentID: a.DocumentID, Refusal: a.Refusal, TrueReason: a.TrueReason, Detail: a.Detail, RequestID: a.RequestID,
	}
	if r.guardian() {
		out.Broker, out.Peer = a.Broker, a.Peer
	}
	for _, p := range a.Parts {
		out.Parts = append(out.Parts, jsonPart{p.Section, p.State, p.Shown, p.Held, p.words()})
	}
	return out
}

// audience returns the audience, never empty.
func (a *About) audience() Audience {
	if a.guardian() {
		return ForGuardian
	}
	return ForPatient
}

// instant returns a time in UTC, or nil for the zero time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
