//go:build !oracle

package sql

import (
	"database/sql/driver"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// connectOracle says that this build has no driver.
func connectOracle(*Settings, access) (driver.Connector, error) {
	return nil, &care.Error{Kind: care.Unsupported, Op: Name, Reason: "BUILD",
		Detail: "this build of the agent has no Oracle driver; install the Oracle flavour of the package"}
}

func faultOracle(error) (fault, bool) { return fault{}, false }
