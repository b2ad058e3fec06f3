//go:build !windows

package inbox

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// openFlags keep a name from leading elsewhere and a pipe from holding up whoever
// opens it.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// folderFault says what is wrong with the folder, or nil.
func folderFault(info fs.FileInfo) error {
	switch {
	case !info.IsDir():
		return failure(care.AccessDenied, "FOLDER", "it is not a folder", nil)
	case info.Mode().Perm()&0o002 != 0:
		return failure(care.AccessDenied, "FOLDER", "everybody on this machine can write to this folder; let only its owner and group do so (chmod o-w)", nil)
	}
	return nil
}

// hasOneName reports whether a file has no other name.
func hasOneName(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 1
}

// ownerOf returns the account that owns a file.
func ownerOf(_ *os.File, info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	uid := strconv.FormatUint(uint64(st.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return "uid " + uid
}

// syncFolder makes durable which files a folder holds.
func syncFolder(root *os.Root, name string) error {
	folder, err := root.Open(name)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if closed := folder.Close(); err == nil {
		err = closed
	}
	return err
}
