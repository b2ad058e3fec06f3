// Package memory is a source that lives in memory: a synthetic general
// practice for demonstrations, and patients made by hand for tests and
// benchmarks. No real person is in it.
//
// The records of all patients are built once, when the connector is opened,
// and kept as the bytes that go out. A Fetch therefore costs next to nothing,
// which makes this the yardstick for everything around a source. It can also
// fail on request, the way sources do: Stop, StopAfter, Hang.
//
// To read it from end to end: New, then Connector.Fetch; Synthetic for the
// practice.
package memory

import (
	"context"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors"
)

// KindName is the name of this kind of source in a configuration.
const KindName = "memory"

// PracticeSynthetic names the synthetic practice, the only one there is.
const PracticeSynthetic = "synthetic"

// maxPatients is the most patients a practice may have, so that a mistyped
// number does not take the machine's memory.
const maxPatients = 2000

// Settings choose the practice.
type Settings struct {
	// Practice is which practice to serve: "synthetic".
	Practice string `yaml:"practice"`
	// Patients is how many patients it has, 1 to 2000. The named cast comes
	// first; a practice of fewer holds only the first of them.
	Patients int `yaml:"patients"`
	// Seed chooses among practices. The same seed gives the same practice on
	// the same day.
	Seed uint64 `yaml:"seed"`
	// Directives lets the practice hold what its patients have said about
	// sharing as coded entries, beside the flags that Identify returns.
	Directives bool `yaml:"directives"`
}

// Validate returns what is wrong with the settings.
func (s *Settings) Validate() []care.Problem {
	var problems []care.Problem
	if s.Practice != PracticeSynthetic {
		problems = append(problems, care.Problem{Path: "$.practice", Detail: `the only practice is "synthetic"`})
	}
	if s.Patients < 1 || s.Patients > maxPatients {
		problems = append(problems, care.Problem{Path: "$.patients", Detail: "must be a number from 1 to 2000"})
	}
	return problems
}

// Kind describes this kind of source to the registry.
func Kind() connectors.Kind {
	return connectors.Of(KindName, "a synthetic GP practice in memory, for demonstrations and tests",
		func() *Settings { return &Settings{Practice: PracticeSynthetic, Patients: 300, Seed: 1} },
		func(_ context.Context, deps connectors.Deps, s *Settings) (care.Connector, error) {
			c, err := build(deps.Origin, Synthetic(s.Seed, s.Patients, deps.Now()).Patients())
			if err != nil {
				return nil, err
			}
			c.sections &= deps.Sections
			c.directives.held = c.directives.held && s.Directives
			return c, nil
		})
}
