package forward

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// message is a syslog message as a receiver reads it.
type message struct {
	priority, host, app, process, id, structure, text string
	time                                              time.Time
	fields                                            map[string]string
}

// parseMessage reads a message by the grammar of RFC 5424 section 6, and
// nothing that is not in it. It shares no code with what writes messages.
func parseMessage(text string) (m message, err error) {
	head := strings.SplitN(text, " ", 7)
	if len(head) < 7 || !strings.HasPrefix(head[0], "<") || !strings.HasSuffix(head[0], ">1") {
		return m, errors.New("no header")
	}
	m.priority, m.host, m.app, m.process, m.id = head[0][1:len(head[0])-2], head[2], head[3], head[4], head[5]
	for _, name := range head[1:6] {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' }) {
			return m, errors.New("a header field is not printable ASCII")
		}
	}
	if m.time, err = time.Parse(time.RFC3339Nano, head[1]); err != nil {
		return m, err
	}
	rest, found := strings.CutPrefix(head[6], "[")
	if !found {
		return m, errors.New("no structured data")
	}
	m.fields = map[string]string{}
	end := strings.IndexAny(rest, " ]")
	if end < 0 {
		return m, errors.New("the structure has no end")
	}
	m.structure, rest = rest[:end], rest[end:]
	for strings.HasPrefix(rest, " ") {
		name, value, after, err := parseParam(rest[1:])
		if err != nil {
			return m, err
		}
		if _, twice := m.fields[name]; twice {
			return m, errors.New("a field comes twice")
		}
		m.fields[name], rest = value, after
	}
	if m.text, found = strings.CutPrefix(rest, "] "); !found {
		return m, errors.New("the structure does not end")
	}
	m.text = strings.TrimPrefix(m.text, "\uFEFF")
	return m, nil
}

func parseParam(rest string) (name, value, after string, err error) {
	name, rest, found := strings.Cut(rest, `="`)
	if !found || name == "" || strings.ContainsAny(name, ` "=]`) {
		return "", "", "", errors.New("a field has no name")
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			if !utf8.ValidString(b.String()) {
				return "", "", "", errors.New("a value is not UTF-8")
			}
			return name, b.String(), rest[i+1:], nil
		case c == ']':
			return "", "", "", errors.New("a bracket is not escaped")
		case c == '\\' && i+1 < len(rest) && strings.IndexByte(`"\]`, rest[i+1]) >= 0:
			i++
			b.WriteByte(rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", "", errors.New("a value does not end")
}

// sampleLine is an entry with all that may leave.
func sampleLine() *audit.Line {
	return &audit.Line{
		Sequence: 12, Leaf: [32]byte{0xab}, Time: time.Date(2026, 11, 22, 14, 3, 8, 5000, time.UTC), Kind: care.ReleaseEnded,
		RequestID: "req-1", TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Interaction: "GET_RECORD",
		Broker: "east", UserID: "555000111222", UserName: `Dr "Ann" O'Neil]\` + "\n", RoleCode: "R0260", Organisation: "E82001",
		Sections: []string{"ALLERGIES", "MEDICATIONS"}, Decision: 11, Records: 4, DurationUS: 1500,
		Outcomes: []audit.LineOutcome{{Section: "ALLERGIES", State: "COMPLETE", Read: 4, Sent: 3, Withheld: 1, Details: []string{"secret remark"}}},
		Calls:    []audit.LineCall{{Source: "clinical", Operation: "FETCH", Outcome: "OK", DurationUS: 1200, Count: 3}},
		Detail:   "all went well", Refusal: "CANCELLED", TrueReason: "CALLER_GONE",
	}
}

func TestMessage(t *testing.T) {
	got, err := parseMessage(string(appendMessage(nil, newRecord(sampleLine(), false, nil), "Y99901")))
	if err != nil {
		t.Fatal(err)
	}
	want := message{
		priority: "109", // 13*8+5: log audit, notice
		host:     "Y99901", app: "mcr-agent", process: "-", id: "RELEASE_ENDED", structure: "mcr@32473",
		time: time.Date(2026, 11, 22, 14, 3, 8, 5000, time.UTC),
		text: "a request for a record ended; CANCELLED; CALLER_GONE; all went well",
		fields: map[string]string{
			"seq": "12", "leaf": "ab" + strings.Repeat("00", 31), "refusal": "CANCELLED", "true_reason": "CALLER_GONE", "decision": "11",
			"request_id": "req-1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "interaction": "GET_RECORD",
			"broker": "east", "user_id": "555000111222", "user_name": `Dr "Ann" O'Neil]\ `, "role_code": "R0260", "organisation": "E82001",
			"sections": "ALLERGIES, MEDICATIONS", "detail": "all went well", "records": "4", "duration_us": "1500",
			"outcomes": "ALLERGIES COMPLETE read=4 sent=3 withheld=1", "calls": "clinical FETCH OK 1200us x3",
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(message{})); diff != "" {
		t.Error(diff)
	}
}

func TestOtherMessages(t *testing.T) {
	for name, c := range map[string]struct {
		line           audit.Line
		host, contains string
	}{
		"no host":           {audit.Line{Kind: "K"}, "", "Z - mcr-agent - K ["},
		"a host with space": {audit.Line{Kind: "K"}, "Y 9é", "Z Y?9?? mcr-agent - K ["},
		"an odd kind":       {audit.Line{Kind: "A B\n"}, "h", " - A?B? ["},
		"a long kind":       {audit.Line{Kind: care.EventKind(strings.Repeat("K", 40))}, "h", " - " + strings.Repeat("K", 32) + " ["},
		"ASCII has no mark": {audit.Line{Kind: care.AgentStarted}, "h", "] the agent was started"},
		"UTF-8 has a mark":  {audit.Line{Kind: care.AgentStarted, Detail: "é"}, "h", "] \uFEFFthe agent was started; é"},
		"alerts":            {audit.Line{Kind: care.ReleaseDecided, Alert: true}, "h", "] ALERT: a request for a record was allowed"},
	} {
		text := string(appendMessage(nil, newRecord(&c.line, false, nil), c.host))
		if _, err := parseMessage(text); err != nil || !strings.Contains(text, c.contains) {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
}

func TestSeverities(t *testing.T) {
	for _, c := range []struct {
		line audit.Line
		want severity
	}{
		{audit.Line{Kind: care.ReleaseDecided}, sevInfo},
		{audit.Line{Kind: care.ReleaseDecided, Alert: true}, sevAlert},
		{audit.Line{Kind: care.ReleaseRefused, Refusal: "NO_PATIENT_CONSENT"}, sevNotice},
		{audit.Line{Kind: care.ReleaseEnded, Refusal: "CANCELLED"}, sevNotice},
		{audit.Line{Kind: care.ReleaseRefused, Refusal: "ACCESS_DENIED"}, sevWarning},
		{audit.Line{Kind: care.ReleaseRefused, Refusal: "AUDIT_UNAVAILABLE"}, sevError},
		{audit.Line{Kind: care.ClockJumped}, sevWarning},
		{audit.Line{Kind: care.ClockJumped, Refusal: "CANCELLED"}, sevWarning},
		{audit.Line{Kind: "NEW_KIND"}, sevNotice},
	} {
		if got := severityOf(&c.line); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.line.Kind, c.line.Refusal, got, c.want)
		}
		if severities[c.want] == 0 || severityNames[c.want] == "" {
			t.Errorf("severity %d has no counterpart in OpenTelemetry", c.want)
		}
	}
}

// However much an entry says, its message stays below 8 KiB, and says that
// something is missing.
func TestTheLongestMessage(t *testing.T) {
	l := sampleLine()
	nasty := strings.Repeat(`"]\é`, 205)
	l.Detail, l.UserName, l.Query, l.Actor, l.RoleName = nasty, nasty, nasty, nasty, nasty
	for range 64 {
		l.Calls = append(l.Calls, audit.LineCall{Source: nasty[:100]})
	}
	text := string(appendMessage(nil, newRecord(l, false, nil), strings.Repeat("h", 300)))
	m, err := parseMessage(text)
	if err != nil || len(text) > maxMessage || len(text) < maxMessage/2 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if m.fields["truncated"] != "true" || m.fields["calls"] != "" || m.fields["seq"] != "12" || len(m.text) > maxText {
		t.Errorf("%q", text)
	}
}

func TestIdentifiersOnlyWhereAllowed(t *testing.T) {
	with := func(identifiers bool) map[string]string {
		l := sampleLine()
		l.NHSNumber, l.DocumentID, l.Reason = must(care.ParseNHSNumber(canaryNumber)), canaryDocument, canaryReason
		l.Directive = &audit.LineDirective{Kind: "DISSENT", Authority: "SITE", By: "jo", Effective: l.Time, Recorded: l.Time}
		return must(parseMessage(string(appendMessage(nil, newRecord(l, identifiers, box), "h")))).fields
	}
	for name, value := range map[string]string{"nhs_number": canaryNumber, "document_id": canaryDocument, "reason": canaryReason, "directive": "DISSENT",
		"directive_authority": "SITE", "directive_by": "jo", "directive_effective": "2026-11-22T14:03:08.000005Z", "directive_recorded": "2026-11-22T14:03:08.000005Z"} {
		if got := with(true)[name]; got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
		if got, there := with(false)[name]; there {
			t.Errorf("%s is sent: %q", name, got)
		}
	}
}

func TestAPatientUnderAnotherKey(t *testing.T) {
	l := sampleLine()
	l.Patient = audit.Sealed{Key: "ffffffff", Box: make([]byte, 40)}
	m := must(parseMessage(string(appendMessage(nil, newRecord(l, true, box), "h"))))
	if m.fields["patient_sealed"] != "true" || m.fields["nhs_number"] != "" {
		t.Errorf("%v", m.fields)
	}
}

func TestBlotted(t *testing.T) {
	for in, want := range map[string]string{
		"9990000042":                      blot,
		"nhs9990000042.csv":               "nhs" + blot + ".csv",
		"999 000 0042 and 999-000-0042":   blot + " and " + blot,
		"1 9990000042":                    "1 " + blot,
		"é9990000042é":                    "é" + blot + "é",
		"9990000042,9990000042":           blot + "," + blot,
		"9990000043":                      "9990000043",  // not its check digit
		"99900000420":                     "99900000420", // one digit more
		"19990000042":                     "19990000042",
		"99 90000042":                     "99 90000042",
		"555000111222":                    "555000111222",
		"999000004":                       "999000004",
		"":                                "",
		"2026-11-22T14:03:08.000005Z":     "2026-11-22T14:03:08.000005Z",
		"999  000 0042 is not how we put": "999  000 0042 is not how we put",
	} {
		if got := blotted(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestTraceParents(t *testing.T) {
	good := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for text, want := range map[string]bool{good: true, strings.ToUpper(good): false, good + "-": false, "": false,
		strings.Replace(good, "4bf9", "xbf9", 1): false, strings.Replace(good, "-00f0", "00f0-", 1): false,
		"00-4bf92f3577b34da6a3ce929d 9990000042d-00f067aa0ba902b7-01": false} {
		if isTraceParent(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(`a"b]c\d`, "K", "host", "\x00\xff\u202e\n", true)
	f.Add("9990000042", "", "", "999 000 0042", false)
	f.Fuzz(func(t *testing.T, name, kind, host, detail string, identifiers bool) {
		l := &audit.Line{Sequence: 1, Kind: care.EventKind(kind), UserName: name, Detail: detail, Sections: []string{name, detail}}
		r := newRecord(l, identifiers, box)
		text := string(appendMessage(nil, r, host))
		m, err := parseMessage(text)
		if err != nil || len(text) > maxMessage || !utf8.ValidString(m.text) || len(text) > r.size {
			t.Fatalf("%v: %d bytes, thought to be %d: %q", err, len(text), r.size, text)
		}
		for _, f := range r.fields {
			if m.fields[f.name] != f.text {
				t.Fatalf("%s is read as %q, want %q", f.name, m.fields[f.name], f.text)
			}
		}
		if !identifiers && blotted(m.text) != m.text {
			t.Fatalf("a number is left in %q", m.text)
		}
	})
}
