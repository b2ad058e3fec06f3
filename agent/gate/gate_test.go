package gate_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/gate"
	"github.com/mycarerecord/edge-agent/agent/policy"
	"github.com/mycarerecord/edge-agent/agent/records"
)

// world is everything around a gate. All of it writes into one trace, so that
// a test can say in which order things happened.
type world struct {
	mu    sync.Mutex
	trace []string

	grant     policy.Grant
	policyErr error
	budgetErr error
	settled   []care.Kind // what the budget was told
	answer    care.ConsentAnswer
	version   uint64
	onFlush   func(n int) // before the n-th message leaves

	writeErr error         // what waiting for an entry says
	stall    chan struct{} // entries are on disk once it is closed
	events   []care.Event

	quick       bool
	onIdentify  func()
	onBudget    func()
	identifyErr error
	ofPatient   error // what Identify says of the number asked for, and of no other
	asked       care.NHSNumber
	items       int   // records in the answer
	readErr     error // after the records
	panics      bool
	document    string
	body        *body

	messages int // that left
	bytes    int // that left
	pending  int // records in the next message
	sendErr  error
	closed   *care.Receipt
	digest   string
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) Decide(*care.Request, []care.ODSCode) (policy.Grant, error) {
	w.note("policy")
	return w.grant, w.policyErr
}

func (w *world) Admit(context.Context, *care.Request) error {
	w.note("budget")
	if w.onBudget != nil {
		w.onBudget()
	}
	return w.budgetErr
}

func (w *world) Settle(_ *care.Request, told care.Kind) { w.settled = append(w.settled, told) }

func (w *world) Check(*care.Request) care.ConsentAnswer { w.note("consent"); return w.answer }
func (w *world) Version() uint64                        { return w.version }

type entry struct {
	w   *world
	seq uint64
}

func (e entry) Position() care.Position { return care.Position{Sequence: e.seq} }

func (e entry) Wait(ctx context.Context) error {
	if e.w.stall != nil {
		select {
		case <-e.w.stall:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e.w.note("on disk %d", e.seq)
	return e.w.writeErr
}

func (w *world) append(e care.Event) care.Entry {
	w.note("%s %s %s", e.Kind, e.Refusal, e.TrueReason)
	w.events = append(w.events, e)
	return entry{w, uint64(len(w.events))}
}

func (w *world) Append(e care.Event) care.Entry       { return w.append(e) }
func (w *world) AppendLazily(e care.Event) care.Entry { return w.append(e) }
func (w *world) Prove(p care.Position) (care.Proof, error) {
	w.note("prove %d", p.Sequence)
	return care.Proof{Size: p.Sequence, Head: []byte("head")}, nil
}

func (w *world) Identify(_ context.Context, subject care.Subject) (*records.Match, error) {
	w.note("identify")
	if w.onIdentify != nil {
		w.onIdentify()
	}
	if w.asked = subject.NHSNumber; w.ofPatient != nil && subject.NHSNumber.Reveal() == "9990000018" {
		return nil, w.ofPatient
	}
	if w.identifyErr != nil {
		return nil, w.identifyErr
	}
	return &records.Match{}, nil
}

func (w *world) Read(ctx context.Context, _ *records.Match, q records.Query, sink records.Sink) error {
	w.note("read")
	if w.panics {
		panic("canary")
	}
	for i := range w.items {
		r := &care.Record{Section: care.Allergies, Type: "AllergyIntolerance", ID: fmt.Sprint(i), Resource: []byte("0123456789")}
		if err := sink.Record(r); err != nil {
			return err
		}
	}
	if w.readErr != nil {
		return w.readErr
	}
	for s := range q.Sections.All() {
		if err := sink.Outcome(&care.Outcome{Section: s, State: care.Complete}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (w *world) Sections() care.SectionSet { return care.AllSections }
func (w *world) Quick() bool               { return w.quick }

type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

func (w *world) Document(context.Context, *records.Match, string) (care.Document, error) {
	w.note("document")
	w.body = &body{Reader: strings.NewReader(w.document)}
	return care.Document{ID: "d", Body: w.body}, w.readErr
}

func (w *world) Open(*care.Request, *care.Patient, *care.Document) { w.note("open") }
func (w *world) Record(*care.Record) bool                          { w.pending += 10; return true }
func (w *world) Outcome(*care.Outcome)                             {}
func (w *world) Chunk(b []byte)                                    { w.pending += len(b) }
func (w *world) Close(r care.Receipt, digest string)               { w.closed, w.digest = &r, digest }

func (w *world) Flush() error {
	w.messages++
	w.note("flush")
	if w.onFlush != nil {
		w.onFlush(w.messages)
	}
	if w.sendErr != nil {
		return w.sendErr
	}
	w.bytes += w.pending
	w.pending = 0
	return nil
}

func newWorld() *world {
	return &world{grant: policy.Grant{Released: care.SetOf(care.Allergies)}, answer: care.ConsentAnswer{Epoch: 7, Version: 7}, version: 7, items: 3}
}

func (w *world) gate() *gate.Gate {
	return &gate.Gate{Policy: w, Budget: w, Consent: w, Journal: w, Records: w, ConfigHash: "c", Timeout: time.Minute, DocumentSize: 1 << 20}
}

func request(t *testing.T) *care.Request {
	t.Helper()
	n, err := care.ParseNHSNumber("9990000018")
	if err != nil {
		t.Fatal(err)
	}
	return &care.Request{ID: "r1", Interaction: care.ReadRecord, Purpose: care.Treatment, Permission: care.PermissionAsked, Received: time.Now(),
		Requester: care.Requester{UserID: "u", UserName: "Dr Example", RoleCode: "R0260", Organisation: "RWH"},
		Subject:   care.Subject{NHSNumber: n, Family: care.NewPrivate("Example"), BirthDate: care.Day(1950, time.May, 1)},
		Sections:  care.SetOf(care.Allergies), DocumentID: "d"}
}

// refused returns the refusal that err must be.
func refused(t *testing.T, err error) *gate.Refused {
	t.Helper()
	r, ok := errors.AsType[*gate.Refused](err)
	if !ok {
		t.Fatalf("the error is %v, not a refusal", err)
	}
	return r
}

func TestOrder(t *testing.T) {
	for _, quick := range []bool{false, true} {
		order(t, quick)
	}
}

func order(t *testing.T, quick bool) {
	w := newWorld()
	w.quick = quick
	if err := w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w}); err != nil {
		t.Fatal(err)
	}
	want := "policy, budget, consent, RELEASE_DECIDED OK , identify, open, read, on disk 1, flush, flush, flush, RELEASE_ENDED OK , prove 1, flush"
	if got := strings.Join(w.trace, ", "); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if w.closed == nil || w.closed.Decision.Sequence != 1 || w.closed.Ended.Sequence != 2 {
		t.Errorf("the receipt is %+v", w.closed)
	}
	ended := w.events[1]
	if ended.Decision != 1 || ended.Records != 3 || ended.Bytes != 30 || len(ended.Outcomes) != 1 || ended.Digest == "" || ended.ConfigHash != "c" {
		t.Errorf("the outcome entry is %+v", ended)
	}
	if ended.Digest != w.digest {
		t.Error("the caller's digest is not the journal's")
	}
}

// Whatever is wrong, nothing leaves, and it is written down once decided.
func TestRefusals(t *testing.T) {
	consent := func(k care.Kind, reason string) func(*world) {
		return func(w *world) { w.answer = care.ConsentAnswer{Refusal: k, Reason: reason, Version: 7} }
	}
	for _, c := range []struct {
		name   string
		upset  func(*world)
		spoil  func(*care.Request)
		kind   care.Kind
		reason string // shown to the caller
		trace  string // what happened, in order
	}{
		{name: "malformed", spoil: func(r *care.Request) { r.Purpose = 0 }, kind: care.BadRequest, reason: "FIELD",
			trace: "RELEASE_REFUSED BAD_REQUEST FIELD, on disk 1"},
		{name: "unreadable number", spoil: func(r *care.Request) { r.Invalid = &care.Error{Kind: care.InvalidNHSNumber} }, kind: care.InvalidNHSNumber,
			trace: "RELEASE_REFUSED INVALID_NHS_NUMBER , on disk 1"},
		{name: "policy", upset: func(w *world) { w.policyErr = &care.Error{Kind: care.AccessDenied, Reason: "ROLE"} }, kind: care.AccessDenied, reason: "ROLE",
			trace: "policy, RELEASE_REFUSED ACCESS_DENIED ROLE, on disk 1"},
		{name: "budget", upset: func(w *world) { w.budgetErr = &care.Error{Kind: care.LimitExceeded, Reason: "PATIENTS_USER"} }, kind: care.LimitExceeded, reason: "PATIENTS_USER",
			trace: "policy, budget, RELEASE_REFUSED LIMIT_EXCEEDED PATIENTS_USER, on disk 1"},
		{name: "dissent from every section asked", upset: func(w *world) {
			w.answer = care.ConsentAnswer{Withheld: care.SetOf(care.Allergies, care.Documents), Reason: "DISSENT_SECTIONS", Version: 7}
		}, kind: care.NoPatientConsent, reason: "DISSENT_SECTIONS",
			trace: "policy, budget, consent, RELEASE_REFUSED NO_PATIENT_CONSENT DISSENT_SECTIONS, on disk 1"},
		{name: "dissent that the source tells of", upset: func(w *world) {
			w.onIdentify = func() {
				w.version, w.answer = 8, care.ConsentAnswer{Refusal: care.NoPatientConsent, Reason: "DISSENT", Version: 8}
			}
		}, kind: care.NoPatientConsent, reason: "DISSENT",
			trace: "policy, budget, consent, RELEASE_DECIDED OK , identify, consent, on disk 1, RELEASE_ENDED NO_PATIENT_CONSENT DISSENT"},
		{name: "dissent", upset: consent(care.NoPatientConsent, "DISSENT"), kind: care.NoPatientConsent, reason: "DISSENT",
			trace: "policy, budget, consent, RELEASE_REFUSED NO_PATIENT_CONSENT DISSENT, on disk 1"},
		{name: "stale consent", upset: consent(care.ConsentUnavailable, "STALE"), kind: care.ConsentUnavailable, reason: "STALE",
			trace: "policy, budget, consent, RELEASE_REFUSED CONSENT_UNAVAILABLE STALE, on disk 1"},
		{name: "restricted", upset: consent(care.PatientNotFound, "RESTRICTED"), kind: care.PatientNotFound,
			trace: "policy, budget, consent, RELEASE_REFUSED PATIENT_NOT_FOUND RESTRICTED, identify, on disk 1, RELEASE_ENDED PATIENT_NOT_FOUND RESTRICTED"},
		{name: "restricted, and then of a dissent instead", upset: func(w *world) {
			consent(care.PatientNotFound, "RESTRICTED")(w)
			w.identifyErr = &care.Error{Kind: care.PatientNotFound, Reason: "ABSENT"}
			w.onIdentify = func() {
				w.version, w.answer = 8, care.ConsentAnswer{Refusal: care.NoPatientConsent, Reason: "DISSENT", Version: 8}
			}
		}, kind: care.PatientNotFound,
			trace: "policy, budget, consent, RELEASE_REFUSED PATIENT_NOT_FOUND RESTRICTED, identify, consent, on disk 1, RELEASE_ENDED PATIENT_NOT_FOUND RESTRICTED"},
		{name: "restricted, other demographics", upset: func(w *world) {
			consent(care.PatientNotFound, "RESTRICTED")(w)
			w.identifyErr = &care.Error{Kind: care.InvalidDemographics, Reason: "DEMOGRAPHICS_DIFFER"}
		}, kind: care.PatientNotFound,
			trace: "policy, budget, consent, RELEASE_REFUSED PATIENT_NOT_FOUND RESTRICTED, identify, on disk 1, RELEASE_ENDED PATIENT_NOT_FOUND RESTRICTED"},
		{name: "unknown", upset: func(w *world) { w.identifyErr = &care.Error{Kind: care.PatientNotFound, Reason: "ABSENT"} }, kind: care.PatientNotFound,
			trace: "policy, budget, consent, RELEASE_DECIDED OK , identify, on disk 1, RELEASE_ENDED PATIENT_NOT_FOUND ABSENT"},
		{name: "another person", upset: func(w *world) {
			w.identifyErr = &care.Error{Kind: care.InvalidDemographics, Reason: "DEMOGRAPHICS_DIFFER"}
		}, kind: care.InvalidDemographics, reason: "DEMOGRAPHICS_DIFFER",
			trace: "policy, budget, consent, RELEASE_DECIDED OK , identify, on disk 1, RELEASE_ENDED INVALID_PATIENT_DEMOGRAPHICS DEMOGRAPHICS_DIFFER"},
		{name: "journal", upset: func(w *world) { w.writeErr = &care.Error{Kind: care.AuditUnavailable, Reason: "NO_SPACE"} }, kind: care.AuditUnavailable, reason: "NO_SPACE",
			trace: "policy, budget, consent, RELEASE_DECIDED OK , identify, open, read, on disk 1, RELEASE_ENDED AUDIT_UNAVAILABLE NO_SPACE"},
		{name: "journal, of a refusal", upset: func(w *world) {
			consent(care.NoPatientConsent, "DISSENT")(w)
			w.writeErr = errors.New("x")
		}, kind: care.AuditUnavailable,
			trace: "policy, budget, consent, RELEASE_REFUSED NO_PATIENT_CONSENT DISSENT, on disk 1"},
		{name: "early defect", upset: func(w *world) { w.onBudget = func() { panic("canary") } }, kind: care.Internal, reason: "DEFECT",
			trace: "policy, budget, RELEASE_REFUSED INTERNAL_ERROR DEFECT, on disk 1"},
		{name: "restriction that the source tells of, with other demographics", upset: func(w *world) {
			w.identifyErr = &care.Error{Kind: care.InvalidDemographics, Reason: "DEMOGRAPHICS_DIFFER"}
			w.onIdentify = func() {
				w.version, w.answer = 8, care.ConsentAnswer{Refusal: care.PatientNotFound, Reason: "RESTRICTED", Version: 8}
			}
		}, kind: care.PatientNotFound,
			trace: "policy, budget, consent, RELEASE_DECIDED OK , identify, consent, on disk 1, RELEASE_ENDED PATIENT_NOT_FOUND RESTRICTED"},
		{name: "defect", upset: func(w *world) { w.panics = true }, kind: care.Internal, reason: "DEFECT",
			trace: "policy, budget, consent, RELEASE_DECIDED OK , identify, open, read, on disk 1, RELEASE_ENDED INTERNAL_ERROR DEFECT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, req := newWorld(), request(t)
			if c.upset != nil {
				c.upset(w)
			}
			if c.spoil != nil {
				c.spoil(req)
			}
			r := refused(t, w.gate().Release(t.Context(), gate.Call{Request: req, Answer: w}))
			if r.Kind != c.kind || r.Reason != c.reason || r.RequestID != "r1" || r.Sequence != 1 {
				t.Errorf("refused with %+v, want %v %q", r, c.kind, c.reason)
			}
			if got := strings.Join(w.trace, ", "); got != c.trace {
				t.Errorf("\n got %s\nwant %s", got, c.trace)
			}
			if w.messages != 0 || w.closed != nil {
				t.Error("something left")
			}
		})
	}
}

// A restricted patient and one who is not here get the same answer, field by
// field, and as many entries.
func TestRestrictedLooksLikeUnknown(t *testing.T) {
	answer := func(upset func(*world)) (string, int) {
		w := newWorld()
		upset(w)
		r := refused(t, w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w}))
		return fmt.Sprintf("%+v", *r), len(w.events)
	}
	down := func(w *world) { w.identifyErr = &care.Error{Kind: care.SourceUnavailable, Reason: "DOWN"} }
	silent := func(w *world) { w.identifyErr = &care.Error{Kind: care.ConsentUnavailable, Reason: "SOURCE"} }
	restricted := func(w *world) { w.answer.Refusal, w.answer.Reason = care.PatientNotFound, "RESTRICTED" }
	for name, pair := range map[string][2]func(*world){
		"source up":               {restricted, func(w *world) { w.identifyErr = &care.Error{Kind: care.PatientNotFound, Reason: "ABSENT"} }},
		"source down":             {func(w *world) { restricted(w); down(w) }, down},
		"source that cannot tell": {func(w *world) { restricted(w); silent(w) }, silent},
		"restricted in the source": {func(w *world) {
			w.identifyErr = &care.Error{Kind: care.PatientNotFound, Reason: "SOURCE_RESTRICTED", Detail: "other words"}
		}, func(w *world) { w.identifyErr = &care.Error{Kind: care.PatientNotFound, Reason: "ABSENT"} }},
	} {
		one, n := answer(pair[0])
		two, m := answer(pair[1])
		if one != two || n != m {
			t.Errorf("%s: they can be told apart:\n%s (%d entries)\n%s (%d entries)", name, one, n, two, m)
		}
	}
}

// What is wrong with what a source holds of a restricted patient, and with no
// other, does not show: code, text, entries and calls are those of a patient who
// is not here, or of a source that is down for everybody. The journal keeps why.
func TestAFaultOfOnePatientDoesNotShow(t *testing.T) {
	fails := func(kind care.Kind, reason string) error {
		return &care.Error{Kind: kind, Reason: reason, Detail: reason}
	}
	absent := fails(care.PatientNotFound, "ABSENT")
	answer := func(upset func(*world)) (string, *world) {
		w := newWorld()
		upset(w)
		r := refused(t, w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w}))
		var calls []string
		for _, e := range w.trace {
			calls = append(calls, strings.Fields(e)[0])
		}
		return fmt.Sprintf("%+v %d entries, %q", *r, len(w.events), calls), w
	}
	unknown := func(w *world, elsewhere error) {
		if w.identifyErr = absent; elsewhere != nil {
			w.identifyErr = elsewhere
		}
	}
	for _, fault := range []error{fails(care.SourceUnavailable, "AMBIGUOUS"), fails(care.SourceUnavailable, "WRONG_PATIENT"), fails(care.SourceUnavailable, "ROW_UNMAPPABLE"),
		fails(care.SourceUnavailable, "QUERY"), fails(care.SourceUnavailable, "TIMEOUT"), fails(care.ConsentUnavailable, "NOT_UNDERSTOOD"), fails(care.ConsentUnavailable, "SOURCE"),
		fails(care.InvalidDemographics, "DEMOGRAPHICS_DIFFER"), fails(care.NoPatientConsent, "SOURCE_DISSENT"), errors.New("of no kind"), context.DeadlineExceeded, nil} {
		for _, elsewhere := range []error{nil, fails(care.SourceUnavailable, "DOWN"), fails(care.ConsentUnavailable, "SOURCE")} {
			restricted, w := answer(func(w *world) {
				unknown(w, elsewhere)
				w.ofPatient = fault
				w.answer.Refusal, w.answer.Reason = care.PatientNotFound, "RESTRICTED"
			})
			nobody, _ := answer(func(w *world) { unknown(w, elsewhere) })
			if restricted = strings.Replace(restricted, "RELEASE_REFUSED", "RELEASE_DECIDED", 1); restricted != nobody {
				t.Errorf("%v, elsewhere %v: they can be told apart:\n%s\n%s", fault, elsewhere, restricted, nobody)
			}
			if w.asked.Reveal() == "9990000018" || w.events[0].TrueReason != "RESTRICTED" || w.events[0].Request.Subject.NHSNumber.Reveal() != "9990000018" {
				t.Errorf("%v: asked for %s, journalled %q of %s", fault, w.asked.Reveal(), w.events[0].TrueReason, w.events[0].Request.Subject.NHSNumber.Reveal())
			}
		}
	}
}

// What happens to everybody while the sources are asked happens to a restricted
// patient, too.
func TestWhatEverybodyIsToldMeanwhile(t *testing.T) {
	for name, change := range map[string]func(w *world, answer care.ConsentAnswer){
		"the consent store fails": func(w *world, _ care.ConsentAnswer) {
			w.answer = care.ConsentAnswer{Refusal: care.ConsentUnavailable, Reason: "STALE", Version: w.version}
		},
		"nothing changes for the patient": func(w *world, before care.ConsentAnswer) { w.answer = before; w.answer.Version = w.version },
		"the restriction is lifted":       func(w *world, _ care.ConsentAnswer) { w.answer = care.ConsentAnswer{Version: w.version} },
	} {
		answer := func(first care.ConsentAnswer) string {
			w := newWorld()
			w.answer = first
			w.identifyErr = &care.Error{Kind: care.PatientNotFound, Reason: "ABSENT"}
			w.onIdentify = func() { w.version++; change(w, first) }
			r := refused(t, w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w}))
			return fmt.Sprintf("%+v", *r)
		}
		restricted := answer(care.ConsentAnswer{Refusal: care.PatientNotFound, Reason: "RESTRICTED", Version: 7})
		if nobody := answer(care.ConsentAnswer{Version: 7}); restricted != nobody {
			t.Errorf("%s: they can be told apart:\n%s\n%s", name, restricted, nobody)
		}
	}
}

// So does the end of a request's time.
func TestTheTimeLimitTellsNothing(t *testing.T) {
	var told []string
	for _, refusal := range []care.Kind{care.OK, care.PatientNotFound} {
		w := newWorld()
		w.answer.Refusal = refusal
		ctx, stop := context.WithCancelCause(t.Context())
		w.identifyErr = &care.Error{Kind: care.SourceUnavailable, Reason: "TIMEOUT"}
		w.onIdentify = func() { stop(nil) }
		r := refused(t, w.gate().Release(ctx, gate.Call{Request: request(t), Answer: w}))
		told = append(told, fmt.Sprintf("%+v", *r))
	}
	if told[0] != told[1] {
		t.Errorf("they can be told apart:\n%s\n%s", told[0], told[1])
	}
}

func TestNothingLeavesWhileTheEntryIsNotOnDisk(t *testing.T) {
	w := newWorld()
	w.stall = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.gate().Release(ctx, gate.Call{Request: request(t), Answer: w}) }()
	cancel() // the caller gives up while the disk stalls
	if r := refused(t, <-done); r.Kind != care.Cancelled {
		t.Errorf("refused with %+v", r)
	}
	if w.messages != 0 || w.closed != nil {
		t.Errorf("something left: %v", w.trace)
	}
	if last := w.events[len(w.events)-1]; last.Kind != care.ReleaseEnded || last.Refusal != care.Cancelled {
		t.Errorf("the last entry is %+v", last)
	}
}

// An opt-out at any message stops the answer before that message.
func TestConsentChangesDuringTheAnswer(t *testing.T) {
	for at := 0; at <= 3; at++ {
		w := newWorld()
		dissent := func() {
			w.version++
			w.answer = care.ConsentAnswer{Refusal: care.NoPatientConsent, Reason: "DISSENT", Version: w.version}
		}
		w.onFlush = func(n int) {
			if n == at {
				dissent()
			}
		}
		call := gate.Call{Request: request(t), Answer: w}
		if at == 0 {
			w.identifyErr = nil
			call.Answer = &opensWith{w, dissent}
		}
		r := refused(t, w.gate().Release(t.Context(), call))
		if r.Kind != care.NoPatientConsent || w.messages != at || w.closed != nil {
			t.Errorf("at message %d: %+v after %d messages", at, r, w.messages)
		}
		if last := w.events[len(w.events)-1]; last.Refusal != care.NoPatientConsent {
			t.Errorf("at message %d: the last entry is %+v", at, last)
		}
	}
}

// opensWith does something when the answer is opened.
type opensWith struct {
	*world
	do func()
}

func (o *opensWith) Open(r *care.Request, p *care.Patient, d *care.Document) {
	o.do()
	o.world.Open(r, p, d)
}

func TestAnotherPatientsChangeDoesNotStopTheAnswer(t *testing.T) {
	w := newWorld()
	w.onFlush = func(int) { w.version++; w.answer.Version = w.version }
	if err := w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w}); err != nil {
		t.Errorf("stopped: %v", err)
	}
}

func TestACallerWhoHangsUpIsWrittenDown(t *testing.T) {
	w := newWorld()
	w.sendErr = errors.New("connection reset")
	r := refused(t, w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w}))
	if r.Kind != care.Cancelled {
		t.Errorf("%+v", r)
	}
	if last := w.events[len(w.events)-1]; last.Kind != care.ReleaseEnded || last.TrueReason != "CALLER_GONE" || last.Records != 1 {
		t.Errorf("the last entry is %+v", last)
	}
}

func TestACallerWhoIsNoLongerKnownIsTold(t *testing.T) {
	w := newWorld()
	w.sendErr = &care.Error{Kind: care.Unauthenticated, Reason: "EXPIRED"}
	if r := refused(t, w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w})); r.Kind != care.Unauthenticated || r.Reason != "EXPIRED" {
		t.Errorf("%+v", r)
	}
}

func TestSectionsThatAreNotReadHaveAnOutcome(t *testing.T) {
	w := newWorld()
	w.grant.Disabled, w.grant.NotPermitted = care.SetOf(care.SocialCare), care.SetOf(care.Documents)
	if err := w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w}); err != nil {
		t.Fatal(err)
	}
	got := map[care.Section]care.State{}
	for _, o := range w.events[len(w.events)-1].Outcomes {
		got[o.Section] = o.State
	}
	if got[care.SocialCare] != care.Disabled || got[care.Documents] != care.NotPermitted || got[care.Allergies] != care.Complete || len(got) != 3 {
		t.Errorf("outcomes %v", got)
	}
}

// What the patient does not want shared is left out and told openly; the rest
// is sent.
func TestDissentFromSomeSections(t *testing.T) {
	w, req := newWorld(), request(t)
	req.Sections = care.SetOf(care.Allergies, care.SocialCare, care.Documents)
	w.grant.Released = req.Sections
	w.answer.Withheld = care.SetOf(care.SocialCare, care.Alerts)
	if err := w.gate().Release(t.Context(), gate.Call{Request: req, Answer: w}); err != nil {
		t.Fatal(err)
	}
	if got := w.events[0].Released; got != care.SetOf(care.Allergies, care.Documents) {
		t.Errorf("decided to release %v", got)
	}
	var states []string
	for _, o := range w.events[len(w.events)-1].Outcomes {
		states = append(states, o.Section.String()+" "+o.State.String()+" "+o.Reason)
	}
	if got := strings.Join(states, ", "); got != "SOCIAL_CARE WITHHELD NO_PATIENT_CONSENT, ALLERGIES COMPLETE , DOCUMENTS COMPLETE " {
		t.Errorf("outcomes: %s", got)
	}
}

// A dissent from one of the sections on their way stops the answer.
func TestDissentFromASectionDuringTheAnswer(t *testing.T) {
	w := newWorld()
	w.onFlush = func(n int) {
		if n == 1 {
			w.version++
			w.answer.Version, w.answer.Withheld, w.answer.Reason = w.version, care.SetOf(care.Allergies), "DISSENT_SECTIONS"
		}
	}
	r := refused(t, w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w}))
	if r.Kind != care.NoPatientConsent || w.messages != 1 {
		t.Errorf("%+v after %d messages", r, w.messages)
	}
}

// The budget hears once of every request it admitted, as the caller did, and
// of no other.
func TestTheBudgetHearsHowItEnded(t *testing.T) {
	for name, c := range map[string]struct {
		upset func(*world)
		want  []care.Kind
	}{
		"sent":           {func(*world) {}, []care.Kind{care.OK}},
		"restricted":     {func(w *world) { w.answer.Refusal, w.answer.Reason = care.PatientNotFound, "RESTRICTED" }, []care.Kind{care.PatientNotFound}},
		"unknown":        {func(w *world) { w.identifyErr = &care.Error{Kind: care.PatientNotFound} }, []care.Kind{care.PatientNotFound}},
		"dissent":        {func(w *world) { w.answer.Refusal = care.NoPatientConsent }, []care.Kind{care.NoPatientConsent}},
		"early defect":   {func(w *world) { w.onBudget = func() { panic("canary") } }, nil},
		"defect":         {func(w *world) { w.panics = true }, []care.Kind{care.Internal}},
		"not admitted":   {func(w *world) { w.budgetErr = &care.Error{Kind: care.LimitExceeded} }, nil},
		"not allowed":    {func(w *world) { w.policyErr = &care.Error{Kind: care.AccessDenied} }, nil},
		"journal failed": {func(w *world) { w.writeErr = errors.New("x") }, []care.Kind{care.AuditUnavailable}},
	} {
		w := newWorld()
		c.upset(w)
		_ = w.gate().Release(t.Context(), gate.Call{Request: request(t), Answer: w})
		if !slices.Equal(w.settled, c.want) {
			t.Errorf("%s: the budget was told %v, want %v", name, w.settled, c.want)
		}
	}
}

func TestDocument(t *testing.T) {
	w := newWorld()
	w.document = strings.Repeat("x", 200_000)
	if err := w.gate().ReleaseDocument(t.Context(), gate.Call{Request: request(t), Answer: w}); err != nil {
		t.Fatal(err)
	}
	if w.bytes != 200_000 || w.messages != 5 || !w.body.closed {
		t.Errorf("%d bytes in %d messages, closed %v", w.bytes, w.messages, w.body.closed)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(w.document))); w.digest != want {
		t.Errorf("digest %s, want %s", w.digest, want)
	}
}

func TestDocumentFailures(t *testing.T) {
	for _, c := range []struct {
		name  string
		upset func(*world)
		size  int64
		kind  care.Kind
	}{
		{"over the limit", func(w *world) { w.document = strings.Repeat("x", 70_000) }, 69_999, care.LimitExceeded},
		{"not there", func(w *world) { w.readErr = &care.Error{Kind: care.RecordNotFound} }, 1 << 20, care.RecordNotFound},
	} {
		w := newWorld()
		c.upset(w)
		g := w.gate()
		g.DocumentSize = c.size
		if r := refused(t, g.ReleaseDocument(t.Context(), gate.Call{Request: request(t), Answer: w})); r.Kind != c.kind || w.closed != nil {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestLocateSendsNoRecord(t *testing.T) {
	w := newWorld()
	sections, err := w.gate().Locate(t.Context(), gate.Call{Request: request(t), Answer: w})
	if err != nil || sections != care.SetOf(care.Allergies) {
		t.Errorf("%v, %v", sections, err)
	}
	if slices.Contains(w.trace, "read") || w.closed == nil {
		t.Errorf("trace %v", w.trace)
	}
}

func TestTheTimeLimitHolds(t *testing.T) {
	w := newWorld()
	g := w.gate()
	g.Timeout = time.Nanosecond
	r := refused(t, g.Release(t.Context(), gate.Call{Request: request(t), Answer: w}))
	if r.Kind != care.LimitExceeded || r.Reason != "TIME" || w.messages != 0 {
		t.Errorf("%+v after %d messages", r, w.messages)
	}
}
