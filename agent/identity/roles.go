package identity

import "strings"

// Roles is the set of things a caller may do. The zero value allows nothing.
type Roles uint8

// The roles.
const (
	RoleRecords Roles = 1 << iota // read records
	RoleConsent                   // push consent flags
	RoleConfig                    // push configuration
	RoleAudit                     // witness and search the journal
	RoleStatus                    // ask how the agent is
	RoleSite                      // administer from the site's own socket; never by certificate

	fromCertificate = RoleRecords | RoleConsent | RoleConfig | RoleAudit | RoleStatus
)

// roleNames are the stable names, by bit.
var roleNames = [...]string{"records", "consent", "config", "audit", "status", "site"}

// ParseRole returns the role of a stable name that a configuration may give to
// a peer: "records", "consent", "config", "audit" or "status".
func ParseRole(name string) (Roles, bool) {
	for bit, n := range roleNames {
		if role := Roles(1) << bit; n == name && role&fromCertificate != 0 {
			return role, true
		}
	}
	return 0, false
}

// Has reports whether all of the given roles, and at least one, are in the set.
func (r Roles) Has(roles Roles) bool { return roles != 0 && r&roles == roles }

// String returns the stable names in their fixed order, separated by commas.
func (r Roles) String() string {
	var names []string
	for bit, n := range roleNames {
		if r&(1<<bit) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}
