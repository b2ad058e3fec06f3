// Package connectors turns the configured name of a kind of source, such as
// "sql", into an open care.Connector with typed settings.
//
// A kind is described by a Kind, made with Of, and listed by whoever builds a
// program: nothing registers itself. connectors/all holds the list of this
// build, connectors/connectortest the suite that every kind passes.
//
// To read one kind from end to end: Of, Registry.Open, then the Open function
// of the kind's own package.
package connectors

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Deps is what the agent gives to every connector it opens. All of it is
// required.
type Deps struct {
	Origin   care.Origin      // where the records come from; each record points to it
	Sections care.SectionSet  // the most that the site lets this source serve
	Log      hclog.Logger     // for the site's own eyes; no data of a patient
	Now      func() time.Time // the clock
}

// Validator is fulfilled by settings that can find their own faults.
type Validator interface {
	// Validate returns every fault at once, none when the settings are sound.
	// It reads nothing but the settings.
	Validate() []care.Problem
}

// Kind is one kind of source. Make it with Of, which keeps the type of the
// settings; here they are any, because a configuration names its kind.
type Kind struct {
	Name        string                                                                     // as written in a configuration, such as "sql"
	Summary     string                                                                     // one line for the command line's list of kinds
	NewSettings func() any                                                                 // pointer to settings that hold the defaults
	Open        func(ctx context.Context, deps Deps, settings any) (care.Connector, error) // settings as NewSettings makes them
}

// Of describes a kind whose settings are an S. defaults returns new settings
// with their default values; open is given settings that it may keep. open
// must not need the source to be up: a source that is down when the agent
// starts is read when it is back. Settings that are a Validator and find
// faults in themselves are refused before open sees them.
func Of[S any](name, summary string, defaults func() *S, open func(context.Context, Deps, *S) (care.Connector, error)) Kind {
	return Kind{
		Name:        name,
		Summary:     summary,
		NewSettings: func() any { return defaults() },
		Open: func(ctx context.Context, deps Deps, settings any) (care.Connector, error) {
			s, ok := settings.(*S)
			if !ok || s == nil {
				return nil, &care.Error{Kind: care.Internal, Op: "connectors.Open", Reason: "SETTINGS",
					Detail: fmt.Sprintf("the settings given for kind %q are not those of that kind", name)}
			}
			if v, ok := settings.(Validator); ok {
				if problems := v.Validate(); len(problems) > 0 {
					return nil, refuse(name, problems)
				}
			}
			return open(ctx, deps, s)
		},
	}
}

// Registry is the list of kinds that a build contains. It does not change
// after New and is safe for concurrent use.
type Registry struct {
	kinds []Kind // sorted by name
}

// New returns a registry of the given kinds. It panics when a kind is
// incomplete or listed twice: the list is source code, so that is a defect of
// the build and every test of the list shows it.
func New(kinds ...Kind) *Registry {
	r := &Registry{kinds: slices.Clone(kinds)}
	slices.SortFunc(r.kinds, byName)
	for i, k := range r.kinds {
		if k.Name == "" || k.Summary == "" || k.NewSettings == nil || k.Open == nil {
			panic(fmt.Sprintf("connectors: kind %q is incomplete", k.Name))
		}
		if i > 0 && r.kinds[i-1].Name == k.Name {
			panic(fmt.Sprintf("connectors: kind %q is listed twice", k.Name))
		}
	}
	return r
}

// Kinds returns the names of the kinds in alphabetical order.
func (r *Registry) Kinds() []string {
	names := make([]string, len(r.kinds))
	for i, k := range r.kinds {
		names[i] = k.Name
	}
	return names
}

// Summary returns the one-line description of a kind, or "" when this build
// does not contain it.
func (r *Registry) Summary(kind string) string {
	k, _ := r.find(kind)
	return k.Summary
}

// NewSettings returns a pointer to new settings of the kind, holding the
// defaults, for a decoder to fill. It reports false when this build does not
// contain the kind.
func (r *Registry) NewSettings(kind string) (any, bool) {
	k, ok := r.find(kind)
	if !ok {
		return nil, false
	}
	return k.NewSettings(), true
}

// Open opens a connector of the kind with settings that NewSettings made. It
// refuses settings that find faults in themselves, a kind that this build does
// not contain and incomplete deps, all with Kind BadRequest or Internal. The
// source need not be up.
func (r *Registry) Open(ctx context.Context, kind string, deps Deps, settings any) (care.Connector, error) {
	k, ok := r.find(kind)
	if !ok {
		return nil, &care.Error{Kind: care.BadRequest, Op: "connectors.Open", Reason: "UNKNOWN_KIND",
			Detail: fmt.Sprintf("this build has no connector of kind %q; it has %q", kind, r.Kinds())}
	}
	if deps.Origin.Source == "" || deps.Log == nil || deps.Now == nil {
		return nil, &care.Error{Kind: care.Internal, Op: "connectors.Open", Reason: "DEPS",
			Detail: "the name of the source, the log or the clock is missing"}
	}
	return k.Open(ctx, deps, settings)
}

// refuse names the first problem; whoever wants all of them calls Validate.
func refuse(kind string, problems []care.Problem) error {
	return &care.Error{Kind: care.BadRequest, Op: "connectors.Open", Reason: "SETTINGS",
		Detail: fmt.Sprintf("the settings of kind %q have %d problems, the first at %s: %s",
			kind, len(problems), problems[0].Path, problems[0].Detail)}
}

func (r *Registry) find(name string) (Kind, bool) {
	i, ok := slices.BinarySearchFunc(r.kinds, Kind{Name: name}, byName)
	if !ok {
		return Kind{}, false
	}
	return r.kinds[i], true
}

func byName(a, b Kind) int {
	switch {
	case a.Name < b.Name:
		return -1
	case a.Name > b.Name:
		return 1
	}
	return 0
}
