package audit

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// sealedLine returns the line of an event as a Box seals it.
func sealedLine(t *testing.T, b *Box, e care.Event) Line {
	t.Helper()
	line, err := decodeLine(appendLine(nil, &header{sequence: 7, batch: 7}, b.appendBody(nil, &e, repairNote{})))
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestReveal(t *testing.T) {
	document := sampleRequest()
	document.DocumentID = "doc-1"
	long := sampleRequest()
	long.ID = string(bytes.Repeat([]byte("x"), 2*maxCode)) // stands in the line cut off
	directive := &care.Directive{NHSNumber: document.Subject.NHSNumber}
	for name, c := range map[string]struct {
		event                    care.Event
		number, document, reason string
	}{
		"a request":         {sampleEvent(), "9990000042", "", "unconscious in A&E"},
		"a document":        {care.Event{Kind: care.ReleaseDecided, Request: document}, "9990000042", "doc-1", "unconscious in A&E"},
		"an id that is cut": {care.Event{Kind: care.ReleaseDecided, Request: long}, "9990000042", "", "unconscious in A&E"},
		"a directive":       {care.Event{Kind: care.ConsentChanged, Directive: directive}, "9990000042", "", ""},
		"no patient":        {care.Event{Kind: care.AgentStarted}, "", "", ""},
	} {
		line := sealedLine(t, testBox, c.event)
		if line.NHSNumber.Reveal() != "" || bytes.Contains(line.Raw, []byte("9990000042")) {
			t.Errorf("%s: the number is readable without the key", name)
		}
		if err := testBox.Reveal(&line); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if line.NHSNumber.Reveal() != c.number || line.DocumentID != c.document || line.Reason != c.reason {
			t.Errorf("%s: revealed %q, %q, %q", name, line.NHSNumber.Reveal(), line.DocumentID, line.Reason)
		}
	}
}

func TestWhatCannotBeRevealed(t *testing.T) {
	other, err := NewBox([32]byte{9}, "ffffffff")
	if err != nil {
		t.Fatal(err)
	}
	sameID, err := NewBox([32]byte{9}, testBox.KeyID())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		box    *Box
		change func(*Line)
		reason string
	}{
		"another key":          {other, func(*Line) {}, ReasonOtherKey},
		"another key, same id": {sameID, func(*Line) {}, ReasonDamaged},
		"a changed bit":        {testBox, func(l *Line) { l.Patient.Box[20] ^= 1 }, ReasonDamaged},
		"a changed nonce":      {testBox, func(l *Line) { l.Patient.Box[0] ^= 1 }, ReasonDamaged},
		"a box cut short":      {testBox, func(l *Line) { l.Patient.Box = l.Patient.Box[:nonceSize] }, ReasonDamaged},
		"a box too long":       {testBox, func(l *Line) { l.Patient.Box = make([]byte, maxSealed+1) }, ReasonDamaged},
		"moved to another request": {testBox, func(l *Line) { l.RequestID = "7d9b3f0e-4c1a-4f58-9a53-0a4f7c1b2e67" },
			ReasonDamaged},
		"moved to an entry without a request": {testBox, func(l *Line) { l.RequestID = "" }, ReasonDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			line := sealedLine(t, testBox, sampleEvent())
			c.change(&line)
			wantReason(t, c.box.Reveal(&line), c.reason)
			if line.NHSNumber.Reveal() != "" || line.Reason != "" {
				t.Error("something was revealed all the same")
			}
		})
	}
}

func TestABoxNeedsAKeyID(t *testing.T) {
	if _, err := NewBox([32]byte{1}, "short"); care.ReasonOf(err) != "KEY" {
		t.Errorf("the error is %v", err)
	}
}

func TestABoxPrintsNoKey(t *testing.T) {
	box, err := NewBox([32]byte([]byte("0123456789abcdef0123456789abcdef")), "0a1b2c3d")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, box); got != "journal key 0a1b2c3d" {
			t.Errorf("%s prints %q", verb, got)
		}
		if got := fmt.Sprintf(verb, struct{ B *Box }{box}); bytes.Contains([]byte(got), []byte("0123")) || bytes.Contains([]byte(got), []byte("48 49")) {
			t.Errorf("%s of a struct prints %q", verb, got)
		}
	}
}

func TestNoncesAreNeverTheSame(t *testing.T) {
	box, err := NewBox([32]byte{1}, "0a1b2c3d")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 2000 {
		seen[string(sealedLine(t, box, sampleEvent()).Patient.Box[:nonceSize])] = true
	}
	if len(seen) != 2000 {
		t.Errorf("%d different nonces in 2000 entries", len(seen))
	}
}
