//go:build unix

package sitekey

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// private reports whether a file is ours and nobody else may use it.
func private(info fs.FileInfo) bool {
	return info.Mode().Perm()&0o077 == 0 && mayOwn(ownerOf(info), os.Geteuid())
}

// mayOwn reports whether the file of an owner may be used by an account: its
// own, and root any, as root could take it anyway.
func mayOwn(owner, account int) bool { return owner == account || account == 0 }

// fromSystemd reports whether a file has the rights that systemd gives to
// credentials: they are root's or ours. The group may read, because systemd
// lets the service's account in by an access list, whose mask shows there
// (systemd.exec(5), LoadCredential=).
func fromSystemd(info fs.FileInfo) bool {
	owner := ownerOf(info)
	return info.Mode().Perm()&0o037 == 0 && (owner == 0 || owner == os.Geteuid())
}

// ownerOf returns the owner's user ID.
func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}

// giveToOwnerOf gives a file that root makes to the owner of its folder, which
// is the agent's account: root's own the agent could not read.
func giveToOwnerOf(folder string, f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	return f.Chown(ownerOf(info), -1)
}

// giveName gives a file a second name. A link, other than a renaming, never
// replaces a file that is there; the error is then fs.ErrExist.
func giveName(file, name string) error { return os.Link(file, name) }

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
