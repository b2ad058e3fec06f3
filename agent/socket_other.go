//go:build !linux

package agent

import (
	"io/fs"
	"net"
)

// accountOf cannot ask for the account here: the folder's access rights alone
// say that it is one of the site's administrators.
func accountOf(net.Conn) string { return ownAccount() }

func ownAccount() string { return "site:administrator" }

// ownedHere cannot tell: what a folder lets an account write it lets others
// read here.
func ownedHere(fs.FileInfo) bool { return true }
