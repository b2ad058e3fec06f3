package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// step is one request of the walk and what came of it.
type step struct {
	Name     string         `json:"name"`
	Request  asked          `json:"request"`
	Outcome  string         `json:"outcome"` // OK, or the code of the refusal
	Reason   string         `json:"reason,omitempty"`
	Whole    bool           `json:"whole"`
	Records  int            `json:"records"`
	Sections map[string]int `json:"sections,omitempty"` // how many sections ended in each state
	Journal  []uint64       `json:"journal"`            // numbers of the entries
}

// asked is what a step asked for. The patients are made up.
type asked struct {
	Interaction string `json:"interaction"`
	NHSNumber   string `json:"nhs_number"`
	BirthDate   string `json:"birth_date"`
	Purpose     string `json:"purpose"`
	Permission  string `json:"permission"`
}

// report is what --json prints.
type report struct {
	Site    string  `json:"site"`
	Version string  `json:"version"`
	Steps   []step  `json:"steps"`
	Journal []entry `json:"journal"`
}

// entry is one entry of the journal.
type entry struct {
	Sequence   uint64 `json:"sequence"`
	Kind       string `json:"kind"`
	Refusal    string `json:"refusal,omitempty"`
	TrueReason string `json:"true_reason,omitempty"`
	Decision   uint64 `json:"decision,omitempty"`
	Records    int64  `json:"records,omitempty"`
}

// scene is one request to be made, and what is told around it.
type scene struct {
	name, title string
	before      string
	who         memory.Role
	spoil       func(*edgev1.Subject)
	stopAfter   int // records after which the source stops; 0 means never
	after       string
	show        care.Section // of which the reader's view is shown
}

// scenes is the walk.
var scenes = []scene{
	{name: "not-filled", title: "A request before the region has sent its opt-outs", who: memory.CastEmergency,
		before: "The agent has just been installed. It does not know yet who has opted out, and in doubt it refuses.",
		after:  "Doubt means refuse. Now the broker sends the region's flags: one dissent, one restriction."},
	{name: "emergency", title: "An emergency doctor asks for an unconscious patient's record", who: memory.CastEmergency, show: care.Allergies,
		before: "Who asks, for whom, why: all of it is on disk before the first byte leaves.",
		after:  "Each of the 21 sections ended with an explicit outcome. Nothing is left to be guessed."},
	{name: "dissent", title: "The same doctor asks for a patient who has opted out", who: memory.CastToDissent,
		before: "This patient told the practice: do not share.",
		after:  "It is said openly that the patient has dissented, and nothing of the record. No emergency overrides it."},
	{name: "restricted", title: "The same for a restricted patient", who: memory.CastToRestrict,
		before: "This patient is in hiding: nobody may even learn that the practice knows them.",
		after:  "The answer is that of any stranger, letter for letter. Only the site's own journal knows better."},
	{name: "wrong-birth-date", title: "The right number with the wrong date of birth", who: memory.CastEmergency,
		before: "One mistyped digit, and it would be somebody else's record.",
		spoil:  func(s *edgev1.Subject) { s.BirthDate = "1901-02-03" },
		after:  "A number alone opens nothing."},
	{name: "source-stops", title: "The record system stops halfway through an answer", who: memory.CastEmergency, stopAfter: 12,
		before: "Somebody trips over a cable in the practice.",
		after:  "What had been read was sent; what had not is called unavailable. A silent gap would look like \"no allergies\"."},
}

// walk goes through the scenes and ends with the journal.
func (d *demonstration) walk(ctx context.Context) error {
	d.say("My Care Record edge agent, a demonstration. Everybody in it is made up.")
	d.say("Site: %s (%s). The agent listens on %s, TLS with certificates at both ends.", memory.PracticeName, memory.PracticeCode, d.region.Address)
	for i, scene := range scenes {
		d.say("\n%d. %s\n   %s", i+1, scene.title, scene.before)
		if err := d.play(ctx, scene); err != nil {
			return err
		}
		d.say("   %s", scene.after)
		if scene.name == "not-filled" {
			if err := d.pushFlags(ctx); err != nil {
				return err
			}
		}
	}
	d.say("\n%d. What the journal says of it", len(scenes)+1)
	return d.showJournal(ctx)
}

// play makes a scene's request and notes what really came of it.
func (d *demonstration) play(ctx context.Context, s scene) error {
	who, ok := d.practice.Member(s.who)
	if !ok {
		return fmt.Errorf("the practice has no patient for %s", s.name)
	}
	req := doctorAsks(s.name, who)
	if s.spoil != nil {
		s.spoil(req.GetContext().GetSubject())
	}
	if s.stopAfter > 0 {
		d.source.StopAfter(s.stopAfter)
		defer d.source.Start()
	}
	record, err := d.client.GetRecord(ctx, req)
	done := step{Name: s.name, Outcome: "OK", Request: asked{Interaction: "GET_RECORD", NHSNumber: req.GetContext().GetSubject().GetNhsNumber(),
		BirthDate: req.GetContext().GetSubject().GetBirthDate(), Purpose: "ETREAT", Permission: "EMERGENCY"}}
	if err != nil {
		refusal, refused := edge.RefusalOf(err)
		if !refused {
			return fmt.Errorf("the agent could not be asked: %s", status.Convert(err).Message())
		}
		done.Outcome, done.Reason, done.Journal = refusal.GetCode(), refusal.GetReason(), []uint64{refusal.GetJournalSequence()}
		d.say("   -> REFUSED %s: %s (journal entry %d)", refusal.GetCode(), refusal.GetDetail(), refusal.GetJournalSequence())
	} else {
		done.count(record)
		d.say("   -> %s. Sections: %s. (journal entries %v)", care.Count(done.Records, "record"), done.states(), done.Journal)
		d.excerpt(record, s.show)
	}
	d.steps = append(d.steps, done)
	return nil
}

// excerpt shows one section as mcrctl shows it to a reader.
func (d *demonstration) excerpt(r *edge.Record, show care.Section) {
	for i := range r.Sections {
		if d.out != nil && r.Sections[i].Section == show {
			view.Section(d.out, &r.Sections[i])
			d.say("")
		}
	}
}

// count notes the numbers of an answer.
func (s *step) count(r *edge.Record) {
	s.Whole, s.Sections = r.Whole, map[string]int{}
	for _, section := range r.Sections {
		s.Records += len(section.Records)
		s.Sections[section.State().String()]++
	}
	s.Journal = []uint64{r.Closing.GetDecision().GetSequence(), r.Closing.GetEnded().GetSequence()}
}

func (s *step) states() string {
	var parts []string
	for state := care.NotSupported; state <= care.Disabled; state++ {
		if n := s.Sections[state.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}

// doctorAsks is the request of a doctor in an emergency department.
func doctorAsks(id string, who memory.Member) *edgev1.GetRecordRequest {
	return &edgev1.GetRecordRequest{Context: &edgev1.Context{
		RequestId: "demo-" + id, Software: "Demonstration broker 1.0",
		Requester: &edgev1.Requester{UserId: "demo-0001", UserName: "Dr Imogen Hale", RoleCode: "R0260", RoleName: "General Medical Practitioner",
			Organisation: "RWH", OrganisationName: "A hospital (demonstration)"},
		Purpose: edgev1.Purpose_PURPOSE_ETREAT, Permission: edgev1.Permission_PERMISSION_EMERGENCY, Reason: "unconscious in resus",
		Subject: &edgev1.Subject{NhsNumber: who.NHSNumber.Reveal(), FamilyName: who.Family, GivenName: who.Given, BirthDate: who.BirthDate.String()},
	}}
}

// pushFlags sends the region's flags as its broker would.
func (d *demonstration) pushFlags(ctx context.Context) error {
	var flags []care.Directive
	for role, kind := range map[memory.Role]care.DirectiveKind{memory.CastToDissent: care.Dissent, memory.CastToRestrict: care.Restriction} {
		who, _ := d.practice.Member(role)
		flags = append(flags, care.Directive{NHSNumber: who.NHSNumber, Kind: kind, Effective: now().Add(-time.Hour), By: "demonstration"})
	}
	all := func(yield func(care.Directive, error) bool) {
		for _, f := range flags {
			if !yield(f, nil) {
				return
			}
		}
	}
	_, err := d.client.PushSnapshot(ctx, edge.Push{Sequence: 1, AsOf: now()}, all)
	if err != nil {
		return fmt.Errorf("the flags could not be pushed: %s", status.Convert(err).Message())
	}
	return nil
}

// journal reads the entries of the walk from the files, as mcr-agent audit
// does. The newest outcome may be on its way to the disk still, so it is
// followed until the last one is there.
func (d *demonstration) journal(ctx context.Context) ([]audit.Line, error) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	last := d.steps[len(d.steps)-1].Journal
	var lines []audit.Line
	for line, err := range audit.Follow(ctx, agent.JournalFolder(d.site), 1) {
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
		if line.Sequence >= slices.Max(last) {
			return lines, nil
		}
	}
	return nil, fmt.Errorf("the journal ends before entry %d", slices.Max(last))
}

func (d *demonstration) showJournal(ctx context.Context) error {
	lines, err := d.journal(ctx)
	if err != nil {
		return err
	}
	for _, l := range lines {
		what := l.Refusal
		if what == "" && l.Kind == care.ReleaseEnded {
			what = sent(&l)
		}
		if l.TrueReason != "" {
			what = strings.TrimPrefix(what+", true reason "+l.TrueReason, ", ")
		}
		d.say("%s", strings.TrimRight(fmt.Sprintf("   %3d  %-17s %-16s %s", l.Sequence, l.Kind, printable(l.UserName), what), " "))
	}
	return nil
}

// report is what really happened, for programs to read.
func (d *demonstration) report() (report, error) {
	r := report{Site: string(memory.PracticeCode), Version: version(), Steps: d.steps}
	lines, err := d.journal(context.Background())
	for _, l := range lines {
		r.Journal = append(r.Journal, entry{l.Sequence, string(l.Kind), l.Refusal, l.TrueReason, l.Decision, l.Records})
	}
	return r, err
}
