//go:build !unix

package identity

import "io/fs"

// exposed always reports false: on Windows the folder's access control list
// decides, not the mode, and the service checks that list when it starts.
func exposed(fs.FileInfo) bool { return false }
