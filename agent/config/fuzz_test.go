package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
)

// FuzzParse: whatever the text, there is either a site or a report whose every
// problem has a place in the file and says something.
func FuzzParse(f *testing.F) {
	bad, err := os.ReadFile("testdata/bad.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", good, string(bad), string(config.Example("council")), "a: |\n", "? [a]\n: b", "- !!a &b *c",
		"a: >-\n  x\r\n y", "{a: {b: [c, {d}]}}", "'", "%TAG ! x\n---\n", "sources: [{kind: sql, settings: {views: {? x : y}}}]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		site, err := config.Parse("agent.yaml", text, catalogue{})
		list, faulty := errors.AsType[config.Problems](err)
		switch {
		case err == nil:
			if len(site.Sources) == 0 || len(site.Fingerprint()) != 64 {
				t.Errorf("an incomplete site: %+v", site)
			}
			return
		case site != nil:
			t.Error("a site is returned with an error")
		case !faulty:
			if kind := care.KindOf(err); kind != care.BadRequest && kind != care.LimitExceeded {
				t.Error(err)
			}
			return
		}
		lines := strings.Count(string(text), "\n") + 1
		for _, p := range list {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Detail == "" || len(list) > 100 {
				t.Errorf("%d lines: %+v", lines, p)
			}
		}
		if strings.ContainsAny(err.Error(), "\x00\x07\x1b\u202e") {
			t.Errorf("the report holds control characters: %q", err.Error())
		}
	})
}

// FuzzSecret: a secret is not shown whatever stands around it.
func FuzzSecret(f *testing.F) {
	f.Add("sources:\n  - kind: sql\n    settings:\n      ", "\n      port: x\n")
	f.Add("log: {level: \"", "\"}")
	f.Add("? \"", "\"\n: x")
	f.Add("a: {b: [", ", c")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "hunter2hunter2"
		if strings.Contains(before+after, secret) {
			return
		}
		_, err := config.Parse("agent.yaml", []byte(before+"password: "+secret+after), catalogue{})
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q %q:\n%v", before, after, err)
		}
	})
}
