package sitekey

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxCopy bounds a sealed copy, in bytes.
const maxCopy = 64 << 10

// Copy is what a sealed copy holds: a key, and whose it is.
type Copy struct {
	Key  Key
	Site care.ODSCode
	Made time.Time // the day it was sealed, in UTC
}

// Seal makes a sealed copy: a text that can be printed and kept in a safe. It
// begins with words for the person who finds it, in which the site, the ID of
// the key and the day stand plainly; then follows the key as an armoured age
// file (age-encryption.org/v1), which also holds site, ID and day, so that
// changing the words is found out.
//
// A copy for a passphrase takes about a second and 256 MiB of memory.
func Seal(c Copy, lock Lock) ([]byte, error) {
	if c.Key.IsZero() || !c.Site.Valid() || c.Made.IsZero() || lock.encrypt == nil {
		return nil, failure(care.BadRequest, "COPY_INCOMPLETE", "a sealed copy needs a key, the ODS code of its site, a day, and what to seal it with", nil)
	}
	var file bytes.Buffer
	file.WriteString(c.words(lock))
	armored := armor.NewWriter(&file)
	w, err := lock.encrypt(armored)
	if err != nil {
		return nil, failure(care.BadRequest, "COPY_RECIPIENTS",
			"the key cannot be sealed for these recipients together; use either age1pq1... recipients or others, not both", err)
	}
	_, err = w.Write(c.payload())
	if err := errors.Join(err, w.Close(), armored.Close()); err != nil {
		return nil, failure(care.Internal, "COPY_FAILED", "the key cannot be sealed", err)
	}
	return file.Bytes(), nil
}

// Unseal opens a sealed copy of at most 64 KiB. It checks that the key has the
// ID that the copy gives, and that the words above it, if they were kept, name
// the same site and key. Who made a copy for a public key is not known: anyone
// can. Compare the ID with one that was written down.
//
// The reasons of its errors are COPY_TOO_LARGE, COPY_DAMAGED, COPY_LOCKED when
// the passphrase or the private key does not fit, and COPY_MISMATCH.
func Unseal(file []byte, opener Opener) (Copy, error) {
	if len(file) > maxCopy {
		return Copy{}, failure(care.LimitExceeded, "COPY_TOO_LARGE", "this is no sealed copy of a site key: it is larger than 64 KiB", nil)
	}
	words, armored, err := split(file)
	if err != nil {
		return Copy{}, err
	}
	payload, err := decrypt(armored, opener)
	if err != nil {
		return Copy{}, err
	}
	c, err := parsePayload(payload)
	if err != nil {
		return Copy{}, err
	}
	return c, c.checkWords(words)
}

// decrypt opens the age file.
func decrypt(armored []byte, opener Opener) ([]byte, error) {
	if opener.decrypt == nil {
		return nil, failure(care.BadRequest, "COPY_LOCKED", "a passphrase or a private key is needed to open the copy", nil)
	}
	r, err := opener.decrypt(armor.NewReader(bytes.NewReader(armored)))
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return nil, failure(care.BadRequest, "COPY_LOCKED", "this passphrase or private key does not open the copy; its first lines say what it was sealed for", err)
	}
	if err != nil {
		return nil, damaged(err)
	}
	payload, err := io.ReadAll(r)
	if err != nil {
		return nil, damaged(err)
	}
	return payload, nil
}

func damaged(cause error) error {
	return failure(care.BadRequest, "COPY_DAMAGED", "this is no whole sealed copy of a site key; use another copy, or read this one again from its paper", cause)
}

func mismatch(what string) error {
	return failure(care.Conflict, "COPY_MISMATCH", fmt.Sprintf(
		"the copy was changed or mixed up: %s is not that of the key in it; use another copy", what), nil)
}
