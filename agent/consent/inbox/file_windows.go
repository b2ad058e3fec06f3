package inbox

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// openFlags are none: os.Root keeps a name from leading elsewhere.
const openFlags = 0

// folderFault says what is wrong with the folder, or nil. Who may write to it
// is the installer's to set.
func folderFault(info fs.FileInfo) error {
	if info.IsDir() {
		return nil
	}
	return failure(care.AccessDenied, "FOLDER", "it is not a folder", nil)
}

// hasOneName cannot be told from what Windows says of a name.
func hasOneName(fs.FileInfo) bool { return true }

// ownerOf returns the account that owns a file.
func ownerOf(f *os.File, _ fs.FileInfo) string {
	descriptor, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return ""
	}
	sid, _, err := descriptor.Owner()
	if err != nil {
		return ""
	}
	account, domain, _, err := sid.LookupAccount("")
	if err != nil {
		return sid.String()
	}
	return domain + `\` + account
}

// syncFolder does nothing: NTFS journals which files a folder holds.
func syncFolder(*os.Root, string) error { return nil }
