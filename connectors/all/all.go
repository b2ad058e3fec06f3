// Package all lists the kinds of connector that this build contains. It alone
// imports the connectors themselves; whoever needs one asks the Registry.
package all

import (
	"github.com/mycarerecord/edge-agent/connectors"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	"github.com/mycarerecord/edge-agent/connectors/sql"
)

// Registry returns the registry of this build.
func Registry() *connectors.Registry {
	return connectors.New(
		memory.Kind(),
		sql.Kind(),
	)
}
