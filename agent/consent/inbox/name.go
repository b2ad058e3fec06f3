package inbox

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Describe returns the name and the owner of an open file.
func Describe(f *os.File) (Info, error) {
	info, err := f.Stat()
	if err != nil {
		return Info{}, failure(care.BadRequest, "FILE", "it cannot be looked at", err)
	}
	name := filepath.Base(f.Name())
	if !plain(name) {
		return Info{}, failure(care.BadRequest, "NAME", badName, nil)
	}
	return Info{Name: name, Owner: ownerOf(f, info), Size: info.Size()}, nil
}

// namesIn returns the names of the files that are meant.
func namesIn(root *os.Root) (names []string, err error) {
	folder, err := root.Open(".")
	if err != nil {
		return nil, folderError(err)
	}
	defer func() { _ = folder.Close() }()
	entries, err := folder.ReadDir(maxFiles + 1)
	switch {
	case err != nil && !errors.Is(err, io.EOF): // which says that it is empty
		return nil, folderError(err)
	case len(entries) > maxFiles:
		return nil, failure(care.LimitExceeded, "FOLDER", "the folder holds more than 2,000 files; move those away that are no consent files", nil)
	}
	for _, e := range entries {
		if name := e.Name(); strings.EqualFold(filepath.Ext(name), ".csv") && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names, nil
}

// acceptable returns what there is to know of a file, or why it is left alone.
func acceptable(root *os.Root, name string) (fs.FileInfo, error) {
	if !plain(name) {
		return nil, failure(care.BadRequest, "NAME", badName, nil)
	}
	info, err := root.Lstat(name)
	if err != nil {
		return nil, failure(care.SourceUnavailable, "FILE", "it cannot be looked at", err)
	}
	if !info.Mode().IsRegular() || !hasOneName(info) {
		return nil, failure(care.BadRequest, "LINK", "it is not a plain file, or has another name elsewhere; copy it into the folder", nil)
	}
	return info, nil
}

const badName = "its name is longer than 100 bytes, has control characters or names a patient; rename it"

// plain reports whether a name may stand in logs and the journal. Ten digits
// that are a valid NHS number are taken to be one.
func plain(name string) bool {
	if len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return false
	}
	inNumber := func(r rune) bool { return r >= '0' && r <= '9' || r == ' ' || r == '-' }
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return !inNumber(r) }) {
		if _, err := care.ParseNHSNumber(strings.Trim(part, " -")); err == nil {
			return false
		}
	}
	return true
}
