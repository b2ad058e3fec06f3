//go:build !linux

package audit

import "os"

func syncData(f *os.File) error { return f.Sync() }

// allocate extends the file; NTFS reserves the space at once.
func allocate(f *os.File, size int64) error { return f.Truncate(size) }
