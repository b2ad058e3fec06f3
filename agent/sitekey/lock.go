package sitekey

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Budgets of sealing.
const (
	maxRecipients = 16
	minPassphrase = 16   // characters
	maxPassphrase = 1024 // characters
	workFactor    = 18   // scrypt N = 2^18: 256 MiB, about a second
	maxWorkFactor = 18   // of a copy to be opened; none was ever made with more
)

// Lock is what a copy is sealed with. Make it with LockFor or LockWith. It
// does not show its passphrase.
type Lock struct {
	encrypt    func(io.Writer) (io.WriteCloser, error) // a function for the reason given at Key
	how        string                                  // for the words of the copy: what it is sealed with,
	flag, tool string                                  // and how mcr-agent and age are told what opens it
}

func encryptFor(recipients ...age.Recipient) func(io.Writer) (io.WriteCloser, error) {
	return func(w io.Writer) (io.WriteCloser, error) { return age.Encrypt(w, recipients...) }
}

// LockFor seals for 1 to 16 age public keys, "age1..." (X25519) or "age1pq1..."
// (hybrid, safe from quantum computers). Each of their private keys opens the
// copy. The reason of its errors is COPY_RECIPIENTS.
func LockFor(recipients ...string) (Lock, error) {
	if len(recipients) == 0 || len(recipients) > maxRecipients {
		return Lock{}, failure(care.BadRequest, "COPY_RECIPIENTS", fmt.Sprintf("a copy is sealed for 1 to %d public keys", maxRecipients), nil)
	}
	var names []string
	var keys []age.Recipient
	for i, text := range recipients {
		recipient, err := parseRecipient(text)
		if err != nil {
			return Lock{}, failure(care.BadRequest, "COPY_RECIPIENTS", fmt.Sprintf(
				"recipient %d is no age public key; it begins with age1 and is printed by age-keygen", i+1), err)
		}
		keys = append(keys, recipient)
		names = append(names, shorten(text))
	}
	how := "for " + strings.Join(names, ",\n         ")
	return Lock{encryptFor(keys...), how, "--identity-file PRIVATE-KEY-FILE", "--identity PRIVATE-KEY-FILE "}, nil
}

// shorten cuts what is too long for paper: hybrid keys have 2000 characters.
func shorten(text string) string {
	const lineLength = 68
	if len(text) <= lineLength {
		return text
	}
	return text[:lineLength-3] + "..."
}

func parseRecipient(text string) (age.Recipient, error) {
	if strings.HasPrefix(text, "age1pq1") {
		return age.ParseHybridRecipient(text)
	}
	return age.ParseX25519Recipient(text)
}

// LockWith seals with a passphrase of 16 to 1024 printable ASCII characters,
// without space at its ends: what can be written on paper and typed again in
// ten years. Take five or more random words. The reason of its errors is
// COPY_PASSPHRASE.
func LockWith(passphrase string) (Lock, error) { return lockWith(passphrase, workFactor) }

func lockWith(passphrase string, workFactor int) (Lock, error) {
	if len(passphrase) < minPassphrase || len(passphrase) > maxPassphrase || strings.TrimSpace(passphrase) != passphrase ||
		strings.ContainsFunc(passphrase, func(r rune) bool { return r < ' ' || r > '~' }) {
		return Lock{}, failure(care.BadRequest, "COPY_PASSPHRASE", fmt.Sprintf(
			"a passphrase is one line of %d to %d printable ASCII characters, without space at its ends; take five or more random words", minPassphrase, maxPassphrase), nil)
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return Lock{}, failure(care.BadRequest, "COPY_PASSPHRASE", "the passphrase cannot be used", err)
	}
	recipient.SetWorkFactor(workFactor)
	return Lock{encryptFor(recipient), "with a passphrase", "--passphrase-file PASSPHRASE-FILE", ""}, nil
}

// Opener opens sealed copies. Make it with OpenerOf or OpenerWith. It does not
// show its secrets.
type Opener struct {
	decrypt func(io.Reader) (io.Reader, error) // a function for the reason given at Key
}

func openerOf(identities ...age.Identity) Opener {
	return Opener{func(r io.Reader) (io.Reader, error) { return age.Decrypt(r, identities...) }}
}

// OpenerOf opens with the private keys in a file that age-keygen wrote, lines
// of "AGE-SECRET-KEY-..." and comments. The reason of its errors is
// COPY_IDENTITY.
func OpenerOf(file []byte) (Opener, error) {
	identities, err := age.ParseIdentities(bytes.NewReader(file))
	if err != nil {
		// The cause is left out: it may quote the file.
		return Opener{}, failure(care.BadRequest, "COPY_IDENTITY", "this is no file of age private keys, lines that begin with AGE-SECRET-KEY-", nil)
	}
	return openerOf(identities...), nil
}

// OpenerWith opens with a passphrase. Copies that would take more work than
// those of this program are refused.
func OpenerWith(passphrase string) (Opener, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return Opener{}, failure(care.BadRequest, "COPY_PASSPHRASE", "the passphrase is empty", err)
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	return openerOf(identity), nil
}
