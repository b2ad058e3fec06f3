package agent

import (
	"net"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// accountOf returns the account at the other end of a local socket, as the
// kernel knows it.
func accountOf(conn net.Conn) string {
	const unknown = "site:unknown"
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return unknown
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return unknown
	}
	var peer *unix.Ucred
	var perr error
	if err := raw.Control(func(fd uintptr) {
		peer, perr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || perr != nil {
		return unknown
	}
	uid := strconv.FormatUint(uint64(peer.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return "site:" + u.Username
	}
	return "site:uid " + uid
}
