package connectors_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors"
)

// shelf is the settings of a kind made up for these tests.
type shelf struct {
	Height int
}

func (s *shelf) Validate() []care.Problem {
	if s.Height < 0 {
		return []care.Problem{{Path: "$.height", Detail: "must not be negative"}, {Path: "$.height", Detail: "again"}}
	}
	return nil
}

var errOpened = errors.New("opened")

func shelfKind(name string) connectors.Kind {
	return connectors.Of(name, "a shelf",
		func() *shelf { return &shelf{Height: 7} },
		func(_ context.Context, _ connectors.Deps, s *shelf) (care.Connector, error) {
			if s.Height != 7 {
				return nil, errors.New("the settings did not arrive")
			}
			return nil, errOpened
		})
}

func deps() connectors.Deps {
	return connectors.Deps{Origin: care.Origin{Source: "shelf"}, Log: hclog.NewNullLogger(), Now: time.Now}
}

func TestRegistryListsItsKindsInOrder(t *testing.T) {
	r := connectors.New(shelfKind("zeta"), shelfKind("alpha"), shelfKind("mid"))
	if got, want := r.Kinds(), []string{"alpha", "mid", "zeta"}; !slices.Equal(got, want) {
		t.Errorf("Kinds() = %q, want %q", got, want)
	}
	for _, name := range r.Kinds() {
		if got := r.Summary(name); got != "a shelf" {
			t.Errorf("Summary(%q) = %q", name, got)
		}
	}
	if got := r.Summary("none"); got != "" {
		t.Errorf("Summary of an unknown kind = %q, want nothing", got)
	}
}

func TestNewSettingsAreNewAndHoldTheDefaults(t *testing.T) {
	r := connectors.New(shelfKind("shelf"))
	first, ok := r.NewSettings("shelf")
	if !ok {
		t.Fatal("the kind is not there")
	}
	first.(*shelf).Height = 1
	second, _ := r.NewSettings("shelf")
	if got := second.(*shelf).Height; got != 7 {
		t.Errorf("the second settings have height %d, want the default 7", got)
	}
	if s, ok := r.NewSettings("box"); ok || s != nil {
		t.Errorf("NewSettings of an unknown kind = %v, %v", s, ok)
	}
}

func TestOpen(t *testing.T) {
	r := connectors.New(shelfKind("shelf"))
	for _, tc := range []struct {
		name     string
		kind     string
		deps     connectors.Deps
		settings any
		want     care.Kind
		text     string
	}{
		{"unknown kind", "box", deps(), &shelf{Height: 7}, care.BadRequest, `no connector of kind "box"`},
		{"settings of another kind", "shelf", deps(), &struct{}{}, care.Internal, "not those of that kind"},
		{"no settings", "shelf", deps(), nil, care.Internal, "not those of that kind"},
		{"nil settings", "shelf", deps(), (*shelf)(nil), care.Internal, "not those of that kind"},
		{"faulty settings", "shelf", deps(), &shelf{Height: -1}, care.BadRequest, "2 problems, the first at $.height"},
		{"no clock", "shelf", connectors.Deps{Origin: deps().Origin, Log: deps().Log}, &shelf{Height: 7}, care.Internal, "clock"},
		{"no log", "shelf", connectors.Deps{Origin: deps().Origin, Now: time.Now}, &shelf{Height: 7}, care.Internal, "log"},
		{"no name", "shelf", connectors.Deps{Log: deps().Log, Now: time.Now}, &shelf{Height: 7}, care.Internal, "name of the source"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := r.Open(t.Context(), tc.kind, tc.deps, tc.settings)
			if care.KindOf(err) != tc.want || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("Open = %v, want %v with %q", err, tc.want, tc.text)
			}
		})
	}
	if _, err := r.Open(t.Context(), "shelf", deps(), &shelf{Height: 7}); !errors.Is(err, errOpened) {
		t.Errorf("Open = %v, want the kind's own answer", err)
	}
}

func TestNewPanicsOnADefectOfTheBuild(t *testing.T) {
	incomplete := shelfKind("shelf")
	incomplete.Open = nil
	for name, kinds := range map[string][]connectors.Kind{
		"twice":      {shelfKind("shelf"), shelfKind("shelf")},
		"incomplete": {incomplete},
		"nameless":   {shelfKind("")},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("New did not panic")
				}
			}()
			connectors.New(kinds...)
		})
	}
}
