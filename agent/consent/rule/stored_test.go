package rule

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// samples are entries that between them use all of the stored form.
func samples(t testing.TB) []*Entry {
	late := whole(care.ConsentGiven, 1)
	late.Recorded, late.By = noon(2), "Müller, reception"
	coded := whole(care.Dissent, 1)
	coded.Code = care.Coding{System: systems[1], Code: "416409005"}
	read, ctv3, other := coded, coded, coded
	read.Code = care.Coding{System: systems[2], Code: "93C1."}
	ctv3.Code = care.Coding{System: systems[3], Code: "XaKRw"}
	other.Code = care.Coding{System: "https://fhir.hl7.org.uk/Id/egton-codes", Code: "EGTON1"}
	first, last := whole(care.Restriction, 1), whole(care.Unrestricted, 1)
	first.Effective, first.Recorded = firstTime, firstTime
	last.Effective, last.Recorded = endTime-1, endTime-1
	full := forStaff(care.Dissent, 3, "RWH")
	full.Recorded, full.By, full.Code = noon(4), "file.csv", other.Code
	return []*Entry{
		admit(t, whole(care.Dissent, 1)), admit(t, late), admit(t, coded), admit(t, read), admit(t, ctv3), admit(t, other),
		admit(t, first), admit(t, last),
		admit(t, whole(care.ConsentGiven, 1), whole(care.Unrestricted, 1), forSection(care.Dissent, 2, care.AboutMe), full),
	}
}

const goldenEntries = "testdata/entries.hex"

// The stored form lasts: an agent must read what an earlier one wrote.
func TestStoredForm(t *testing.T) {
	var out strings.Builder
	for _, e := range samples(t) {
		fmt.Fprintf(&out, "%x\n", e.Append(nil))
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(goldenEntries, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenEntries)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the stored form is another now:\n%s", out.String())
	}
	for i, line := range strings.Fields(string(want)) {
		stored, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Parse(stored)
		if err != nil || !slices.Equal(e.said, samples(t)[i].said) {
			t.Errorf("line %d: %+v, %v", i+1, e.said, err)
		}
	}
	if n := len(samples(t)[0].Append(nil)); n != 8 {
		t.Errorf("a dissent takes %d bytes", n)
	}
}

// Every truncation and every changed byte either is refused or is the stored
// form of something else.
func TestParseRefuses(t *testing.T) {
	for _, e := range samples(t) {
		stored := e.Append(nil)
		for n := range stored {
			canonical(t, stored[:n])
			for bit := range 8 {
				changed := bytes.Clone(stored)
				changed[n] ^= 1 << bit
				canonical(t, changed)
			}
		}
		canonical(t, append(bytes.Clone(stored), 0))
	}
}

// canonical fails if src is read and is not what would be written.
func canonical(t *testing.T, src []byte) {
	t.Helper()
	e, err := Parse(src)
	if err == nil && !bytes.Equal(e.Append(nil), src) {
		t.Fatalf("%x was read as %+v", src, e.said)
	}
	if err != nil && (care.KindOf(err) != care.ConsentUnavailable || care.ReasonOf(err) != ReasonDamaged) {
		t.Fatalf("%x: %v", src, err)
	}
}

func TestParseRefusesThese(t *testing.T) {
	dissent := admit(t, whole(care.Dissent, 2)).Append(nil)
	older := forStaff(care.Dissent, 1, "RWH")
	staff := forStaff(care.Dissent, 1, "RGT")
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	for name, src := range map[string][]byte{
		"nothing":                 nil,
		"silence":                 {storedVersion},
		"another version":         join([]byte{2}, dissent[1:]),
		"a bit without a meaning": join([]byte{storedVersion, dissent[1] | unusedFlags}, dissent[2:]),
		"both scopes":             join([]byte{storedVersion, dissent[1] | aboutMask}, dissent[2:], []byte{1}),
		"recorded when effective": join([]byte{storedVersion, dissent[1] | flagRecorded}, dissent[2:], dissent[2:]),
		"by that is empty":        join([]byte{storedVersion, dissent[1] | flagBy}, dissent[2:], []byte{0}),
		"a code system too many":  join([]byte{storedVersion, dissent[1] | flagCode}, dissent[2:], []byte{4, 1, 'x'}),
		"a long name of SNOMED":   join([]byte{storedVersion, dissent[1] | flagCode}, dissent[2:], []byte{0, byte(len(systems[1]))}, []byte(systems[1]), []byte{1, 'x'}),
		"section 0":               join([]byte{storedVersion, dissent[1] | aboutSection}, dissent[2:], []byte{0}),
		"section 22":              join([]byte{storedVersion, dissent[1] | aboutSection}, dissent[2:], []byte{22}),
		"section 33":              join([]byte{storedVersion, dissent[1] | aboutSection}, dissent[2:], []byte{33}),
		"said twice":              join(dissent, dissent[1:]),
		"void":                    older.append(bytes.Clone(dissent)),
		"out of order":            staff.append(older.append([]byte{storedVersion})),
		"restriction of section":  {storedVersion, byte(care.Restriction-1) | aboutSection, 0, 0, 0, 0, 0, 1, 1},
		"after 2200":              {storedVersion, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := Parse(src); err == nil {
				t.Errorf("read as %+v", e.said)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		ms   int64
		year int
	}{{firstTime, 1900}, {endTime, 2201}} {
		if got := time.UnixMilli(c.ms).UTC(); !got.Equal(time.Date(c.year, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%d is %v", c.ms, got)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	for _, e := range samples(f) {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		canonical(t, src)
		// Whatever it is, deciding by it does not panic; and what Parse refuses may
		// be heard as damage or as what it seems to say, but a whole entry is heard.
		var said Said
		said.Add(RegionVoice, src, Own)
		answer := Decide(&said, &Ask{Purpose: care.Treatment, Permission: care.PermissionAsked}, freshAges(), OptOut)
		e, err := Parse(src)
		if err != nil {
			return
		}
		for i := range e.said {
			if restrictive(e.said[i].Kind) && answer.Refusal == care.OK && answer.Withheld == 0 {
				t.Fatalf("%+v was not heard", e.said[i])
			}
		}
	})
}

// freshAges are ages at which everything can be relied on.
func freshAges() *Ages {
	now := time.UnixMilli(noon(20))
	return &Ages{Vouched: true, Now: now, Sets: []Set{{Filled: true, AsOf: now, MaxAge: time.Hour}}}
}
