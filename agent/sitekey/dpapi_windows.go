package sitekey

import (
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// entropy keeps what other programs of the account had protected from being
// taken for a site key. It is no secret, and can never change.
const entropy = "mcr site key v1"

// maxProtected bounds a protected file, in bytes. Windows makes about 250.
const maxProtected = 4096

// protect lets Windows encrypt a key for the account that runs this, on this
// machine: CRYPTPROTECT_LOCAL_MACHINE is not set, so no other account can open
// it (CryptProtectData, dpapi.h).
func protect(secret []byte) ([]byte, error) {
	var out windows.DataBlob
	if err := windows.CryptProtectData(blob(secret), nil, blob([]byte(entropy)), 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return nil, failure(care.Internal, "KEY_PROTECTED",
			"Windows does not protect the site key for this account; run this as the agent's account, with its profile", err)
	}
	return take(&out), nil
}

// openProtected reads a file that holds what protect returned.
func openProtected(path string) (Key, error) {
	data, err := readFile(path, 1, maxProtected, private)
	if err != nil {
		return Key{}, err
	}
	var out windows.DataBlob
	if err := windows.CryptUnprotectData(blob(data), nil, blob([]byte(entropy)), 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return Key{}, failure(care.Internal, "KEY_PROTECTED", "Windows does not open the site key for this account; "+
			"run this as the account that protected it, on the same machine, or restore the key from a copy", err)
	}
	return New(take(&out))
}

func blob(data []byte) *windows.DataBlob {
	return &windows.DataBlob{Size: uint32(len(data)), Data: unsafe.SliceData(data)}
}

// take copies what Windows allocated, wipes it and gives it back.
func take(b *windows.DataBlob) []byte {
	theirs := unsafe.Slice(b.Data, b.Size)
	ours := append([]byte(nil), theirs...)
	clear(theirs)
	// Nothing can be done about memory that is not taken back; it is wiped.
	_, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(b.Data)))
	return ours
}
