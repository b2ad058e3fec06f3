package config

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

type oneKind struct{ settings any }

func (oneKind) Kinds() []string                       { return []string{"k"} }
func (o oneKind) NewSettings(kind string) (any, bool) { return o.settings, kind == "k" }

// leaky is a text type of someone else, whose error quotes its input.
type leaky string

func (l *leaky) UnmarshalText(text []byte) error { return errors.New("cannot take " + string(text)) }

type odd struct {
	Channel chan int   `yaml:"channel"`
	Any     any        `yaml:"any"`
	Number  int        `yaml:"number" range:"low..high"`
	Text    leaky      `yaml:"text"`
	IP      netip.Addr `yaml:"ip"`
	Small   int8       `yaml:"small"`
	Token   int        `yaml:"token"`
	Nested  []struct {
		Wait time.Duration `yaml:"wait,required"`
	} `yaml:"nested"`
}

func TestDecoderAndSettings(t *testing.T) {
	for _, test := range []struct{ settings, want string }{
		{"channel: 1", "$.sources[0].settings.channel: this setting cannot be read; this is a defect of the agent"},
		{"any: 1", "$.sources[0].settings.any: this setting cannot be read; this is a defect of the agent"},
		{"number: 1", "$.sources[0].settings.number: the range of this setting is not known; this is a defect of the agent"},
		{"text: abc", `$.sources[0].settings.text: "abc" is not valid here`},
		{"ip: 10.1.2", `$.sources[0].settings.ip: "10.1.2" is not valid here`},
		{"ip: 10.1.2.3", ""},
		{"ip: [1]", "$.sources[0].settings.ip: expected a single value"},
		{"small: 128", `$.sources[0].settings.small: "128" is not a whole number`},
		{"small: -128", ""},
		{"small: '1'", `$.sources[0].settings.small: "1" is not a whole number`},
		{"small: 007", `$.sources[0].settings.small: "007" is not a whole number`},
		{"token: hunter2", "$.sources[0].settings.token: the value is not a whole number"},
		{"nested: [{wait: 5s}, {}]", `$.sources[0].settings.nested[1].wait: the key "wait" is missing`},
		{"nested: [{wait: 5s}, x]", `$.sources[0].settings.nested[1]: expected keys with values, such as "key: value"`},
	} {
		text := strings.NewReplacer("kind: memory", "kind: k\n    settings:\n      "+test.settings).Replace(string(Example("hospital")))
		_, err := Parse("agent.yaml", []byte(text), oneKind{&odd{}})
		got := ""
		if list, ok := errors.AsType[Problems](err); ok {
			got = list[0].Path + ": " + list[0].Detail
		}
		if got != test.want || strings.Contains(got, "cannot take") {
			t.Errorf("%s\ngot  %s\nwant %s", test.settings, got, test.want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	names := care.AllSections.Names()
	for text, want := range map[string]string{
		"ALERGIES": "ALLERGIES", "allergies": "ALLERGIES", "care-plans": "CARE_PLANS", "DOCUMENT": "DOCUMENTS",
		"ALLEGRIES": "ALLERGIES", "BANANAS": "", "": "", "MED": "MEDICATIONS",
		"MEDICATIONS" + strings.Repeat("S", 60): "",
	} {
		if got, _ := closest(text, names); got != want {
			t.Errorf("%q suggests %q, want %q", text, got, want)
		}
	}
}

func TestDefaultStateFolder(t *testing.T) {
	for goos, want := range map[string]string{"linux": "/var/lib/mcr-agent", "windows": `C:\ProgramData\mcr-agent`} {
		if got := defaultStateFolder(goos); got != want {
			t.Errorf("%s: %s", goos, got)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0B": 0, "12B": 12, "64KiB": 64 * KiB, "256MiB": 256 * MiB, "4GiB": 4 * GiB} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v (%d), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", "1", "MiB", "-1MiB", "+1MiB", "01MiB", "1.5MiB", "1 MiB", "1mib", "1MB", "1BB", "99999999999GiB"} {
		got := Size(7)
		if err := got.UnmarshalText([]byte(text)); err == nil || got != 7 {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestAnyOf(t *testing.T) {
	for _, test := range []struct {
		a, b   AnyOf[string]
		covers bool
	}{
		{AnyOf[string]{}, AnyOf[string]{}, true},
		{AnyOf[string]{}, AnyOf[string]{Of: []string{"x"}}, false},
		{AnyOf[string]{Any: true}, AnyOf[string]{Any: true}, true},
		{AnyOf[string]{Of: []string{"x"}}, AnyOf[string]{Any: true}, false},
		{AnyOf[string]{Of: []string{"x", "y"}}, AnyOf[string]{Of: []string{"y"}}, true},
	} {
		if got := test.a.covers(test.b); got != test.covers {
			t.Errorf("%+v covers %+v: %v", test.a, test.b, got)
		}
	}
	if (AnyOf[string]{}).Has("x") || !(AnyOf[string]{Any: true}).Has("x") {
		t.Error("the zero value allows, or ANY does not")
	}
}
