package main

import (
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// consentKey is the command "consent key".
type consentKey struct {
	File string `arg:"" complete:"file" help:"File of the signing key. It is made if there is none, for this account only."`
	Name string `placeholder:"NAME" help:"Name of a new key, and so of the region: printable characters without spaces and plus signs; without it, mycarerecord/region/consent."`
}

// Help returns the examples.
func (*consentKey) Help() string {
	return `Makes the key by which a region signs its pushes, and prints the verifier key, which goes into consent.region_keys of every site's agent.yaml. If the file is there its verifier key is printed, and nothing is changed; a key keeps the name that it was made with. Whoever has the file can speak for the region to every site: keep it where the region's other keys are, and a copy elsewhere.

Example:

    mcrctl consent key region.key --name hweiics.example/consent`
}

// Run makes or shows the key.
func (c *consentKey) Run(p *program) error {
	if _, err := os.Lstat(c.File); errors.Is(err, fs.ErrNotExist) {
		secret, _, err := note.GenerateKey(nil, cmp.Or(c.Name, "mycarerecord/region/consent"))
		if err == nil {
			_, err = note.NewSigner(secret) // refuses a name that is none
		}
		if err != nil {
			return fmt.Errorf("a key of that name cannot be made; choose printable characters without spaces and plus signs")
		}
		if err := saved(c.File, func(w io.Writer) error { _, err := fmt.Fprintln(w, secret); return err }); err != nil {
			return err
		}
	}
	secret, err := readSigningKey(c.File)
	if err != nil {
		return err
	}
	public, err := verifierKey(secret)
	if err != nil {
		return err
	}
	if name, _, _ := strings.Cut(public, "+"); c.Name != "" && c.Name != name {
		return fmt.Errorf("%s holds a key of the name %s, which cannot be changed; leave out --name, or choose another file", c.File, name)
	}
	_, err = fmt.Fprintln(p.stdout, public)
	return err
}

// readSigningKey reads the file of a signing key. Its errors do not quote it.
func readSigningKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read; mcrctl consent key makes a signing key", path)
	}
	secret := strings.TrimSpace(string(text))
	if _, err := verifierKey(secret); err != nil {
		return "", fmt.Errorf("%s does not hold a signing key; mcrctl consent key makes one", path)
	}
	return secret, nil
}

// verifierKey returns the public half of a signing key, whose form is
// PRIVATE+KEY+name+hash+base64 of a byte 1 and the Ed25519 seed
// (golang.org/x/mod/sumdb/note).
func verifierKey(secret string) (string, error) {
	signer, err := note.NewSigner(secret)
	if err != nil {
		return "", err
	}
	key, err := base64.StdEncoding.DecodeString(secret[strings.LastIndex(secret, "+"+fmt.Sprintf("%08x", signer.KeyHash())+"+")+10:])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return "", errors.New("not an Ed25519 signing key")
	}
	return note.NewEd25519VerifierKey(signer.Name(), ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey))
}
