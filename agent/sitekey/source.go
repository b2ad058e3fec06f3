package sitekey

import (
	"path/filepath"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Place is how a site key is kept.
type Place uint8

// The places.
const (
	File       Place = iota // plain file: in the state folder, on another disk, or a mounted secret
	Credential              // systemd credential (LoadCredential=, LoadCredentialEncrypted=)
	DPAPI                   // file protected by Windows for the account that made it
)

// Source says where a site's key is kept.
type Source struct {
	Place Place
	Path  string // the file; for a Credential the folder in the variable CREDENTIALS_DIRECTORY
	Name  string // of the Credential
}

// String says where the key is kept, for people at the site.
func (s Source) String() string {
	switch s.Place {
	case Credential:
		return "systemd credential " + s.Name
	case DPAPI:
		return "file protected by Windows " + s.Path
	}
	return "file " + s.Path
}

var errNoFile = failure(care.Internal, "KEY_SOURCE", "no file is named for the site key", nil)

// Open reads the site key from where it is kept. Its errors are those of Load,
// KEY_SOURCE for a Source that names nothing, KEY_PROTECTED when Windows does
// not open the file for this account, and KEY_UNSUPPORTED for DPAPI on another
// system than Windows.
func Open(s Source) (Key, error) {
	path, allowed := s.Path, private
	switch {
	case s.Place == Credential:
		var err error
		if path, err = s.credential(); err != nil {
			return Key{}, err
		}
		allowed = fromSystemd
	case path == "":
		return Key{}, errNoFile
	case s.Place == DPAPI:
		return openProtected(path)
	}
	secret, err := readFile(path, size, size, allowed)
	if err != nil {
		return Key{}, err
	}
	return New(secret)
}

// credential returns the path of the credential. A name is one part of a path,
// as systemd wants it.
func (s Source) credential() (string, error) {
	if !filepath.IsLocal(s.Name) || s.Name == "." || strings.ContainsAny(s.Name, `/\:`) {
		return "", failure(care.Internal, "KEY_SOURCE", "the name of the credential with the site key must be that of a file, without folder", nil)
	}
	if s.Path == "" {
		return "", failure(care.Internal, "KEY_MISSING", "systemd passed no credentials (CREDENTIALS_DIRECTORY is not set); "+
			"add LoadCredentialEncrypted="+s.Name+":FILE to the unit, or start this command with systemd-run and the same property", nil)
	}
	return filepath.Join(s.Path, s.Name), nil
}

// OpenOrCreate opens the site key, or makes a random one where there is none.
// It never replaces one, and of several that try at once all get the same.
// Systemd's credentials are only read.
//
// Call it only for a site whose stores are empty, and Open for every other: a
// new key beside old stores fits none of them, and hides that the right one is
// on a disk that is not mounted.
func OpenOrCreate(s Source) (Key, error) {
	k, err := Open(s)
	if care.ReasonOf(err) != "KEY_MISSING" || s.Place == Credential {
		return k, err
	}
	fresh, err := random()
	if err != nil {
		return Key{}, err
	}
	if err := Save(s, fresh); err != nil && care.ReasonOf(err) != "KEY_EXISTS" {
		return Key{}, err
	}
	return Open(s)
}

// Save puts a key where the source says, for this account, and makes it
// durable. A key that is there is never replaced: KEY_EXISTS. Other reasons are
// KEY_CREATE, KEY_SOURCE and KEY_UNSUPPORTED.
func Save(s Source, k Key) error {
	switch {
	case k.IsZero():
		return failure(care.Internal, "KEY_DAMAGED", "there is no key to be saved", nil)
	case s.Place == Credential:
		return failure(care.Unsupported, "KEY_UNSUPPORTED", "only systemd makes credentials; save the key to a file and encrypt that with systemd-creds encrypt", nil)
	case s.Path == "":
		return errNoFile
	case s.Place == DPAPI:
		data, err := protect(k.secret()[:])
		if err != nil {
			return err
		}
		return createFile(s.Path, data)
	}
	return createFile(s.Path, k.secret()[:])
}
