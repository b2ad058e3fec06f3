//go:build unix

package identity

import "io/fs"

// exposed reports whether anyone but the owner has rights to the file, as sshd
// judges host keys.
func exposed(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }
