package consent

import (
	"io/fs"
	"os"
)

// private reports whether only the owner may use a file. Windows has no
// permission bits: the protected access list of the state folder decides.
func private(fs.FileInfo) bool { return true }

// syncFolder does nothing: NTFS journals names, and Windows offers no way to
// flush a folder.
func syncFolder(string) error { return nil }

// unlock does nothing: on Windows a lock ends when its file is closed.
func unlock(*os.File) {}
