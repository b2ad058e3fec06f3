package sitekey

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// private always reports true: Windows has no permission bits, and the
// protected access list of the folder decides.
func private(fs.FileInfo) bool { return true }

// fromSystemd always reports true: there are no such files to judge.
func fromSystemd(fs.FileInfo) bool { return true }

// giveToOwnerOf does nothing: a file inherits the access list of its folder.
func giveToOwnerOf(string, *os.File) error { return nil }

// giveName renames a file, unless there is one of that name; the error is then
// fs.ErrExist. It is not a link as elsewhere, because the first name could not
// be removed while somebody reads the file under its second. The renaming is
// on the disk when it returns.
func giveName(file, name string) error {
	from, err := windows.UTF16PtrFromString(file)
	if err != nil {
		return err
	}
	to, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(from, to, windows.MOVEFILE_WRITE_THROUGH)
}

// syncFolder does nothing: giveName has done it.
func syncFolder(string) error { return nil }
