package agent

import (
	"io/fs"
	"net"
	"os/user"
	"strconv"
	"syscall"

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
	return accountName(peer.Uid)
}

// ownedHere reports whether a file is that of the account of this process. What
// root writes for another account that account could not read.
func ownedHere(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == uint32(unix.Getuid())
}

// ownAccount returns the account that this process runs under.
func ownAccount() string { return accountName(uint32(unix.Getuid())) }

func accountName(id uint32) string {
	uid := strconv.FormatUint(uint64(id), 10)
	if u, err := user.LookupId(uid); err == nil {
		return "site:" + u.Username
	}
	return "site:uid " + uid
}
