package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// keyCommand looks after the site's secret key. It works whether or not the
// agent runs.
type keyCommand struct {
	Copy    keyCopy    `cmd:"" help:"Make a sealed copy of the site key, to be kept away from this machine."`
	Restore keyRestore `cmd:"" help:"Put the site key back from a sealed copy, or only test the copy."`
	Show    keyShow    `cmd:"" help:"Show the ID of the site key and where it is kept. The key itself is never shown."`
}

// maxSecretFile bounds a file with a passphrase or private keys, in bytes.
const maxSecretFile = 64 << 10

// keyCopy makes a sealed copy.
type keyCopy struct {
	siteFlag
	Recipient      []string `placeholder:"AGE1..." sep:"none" xor:"lock" required:"" help:"age public key whose owner can open the copy. May be given up to 16 times."`
	PassphraseFile string   `placeholder:"FILE" type:"path" xor:"lock" required:"" help:"File whose first line is the passphrase that opens the copy; - is standard input, where typing is shown."`
	Out            string   `placeholder:"FILE" type:"path" help:"New file for the copy. Without it the copy is written to standard output."`
	Unrecorded     bool     `help:"Make the copy even if the journal cannot tell of it."`
}

// Help shows examples.
func (keyCopy) Help() string {
	return `Without its key a site can never again read the names in its old journal entries, so make a copy on the first day. It is a text that can be printed and put in a safe. A passphrase has 16 characters or more; five random words are good. It is never given as an argument, where other users of this machine could see it.

That a copy is made, by which account and for whom, is journalled first. Where that cannot be, there is no copy, unless you ask for one with --unrecorded; write down then who has it.

Examples:
  mcr-agent key copy --recipient age1... --out site-key.txt
  mcr-agent key copy --passphrase-file passphrase.txt --out site-key.txt
  mcr-agent key restore site-key.txt --test --passphrase-file passphrase.txt`
}

// Run makes the copy.
func (c keyCopy) Run(s *streams) error {
	site, err := c.load()
	if err != nil {
		return err
	}
	key, err := sitekey.Open(agent.KeySource(site))
	if err != nil {
		return err
	}
	lock, err := c.lock(s)
	if err != nil {
		return err
	}
	sealed, err := sitekey.Seal(sitekey.Copy{Key: key, Site: site.Organisation.ODSCode, Made: time.Now()}, lock)
	if err != nil {
		return err
	}
	if err := c.record(s, site, key); err != nil {
		return err
	}
	if c.Out == "" {
		_, err := s.out.Write(sealed)
		return err
	}
	if err := writeNew(c.Out, sealed); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Sealed copy of the key %s of %s: %s\nNow test it with mcr-agent key restore --test, and move it away from this machine.\n",
		key.ID(sitekey.Self), site.Organisation.ODSCode, c.Out)
	return nil
}

func (c keyCopy) lock(s *streams) (sitekey.Lock, error) {
	if c.PassphraseFile == "" {
		return sitekey.LockFor(c.Recipient...)
	}
	passphrase, err := readPassphrase(s, c.PassphraseFile)
	if err != nil {
		return sitekey.Lock{}, err
	}
	return sitekey.LockWith(passphrase)
}

// keyRestore opens a sealed copy and puts the key back.
type keyRestore struct {
	siteFlag
	File           string `arg:"" type:"path" help:"The sealed copy."`
	PassphraseFile string `placeholder:"FILE" type:"path" xor:"lock" required:"" help:"File whose first line is the passphrase; - is standard input, where typing is shown."`
	IdentityFile   string `placeholder:"FILE" type:"path" xor:"lock" required:"" help:"File with the age private key; - is standard input."`
	Test           bool   `help:"Only say whether the copy can be opened and is of the key that is in use. Nothing is written."`
}

// Help shows examples.
func (keyRestore) Help() string {
	return `Run it as the agent's account and, on a new machine, before the agent is started for the first time. A key that is there is never replaced. That the key was put back is journalled if there is a journal.

Examples:
  mcr-agent key restore site-key.txt --passphrase-file passphrase.txt
  mcr-agent key restore site-key.txt --identity-file region-key.txt
  mcr-agent key restore site-key.txt --identity-file region-key.txt --test`
}

// Run opens the copy, and puts the key back unless it is there.
func (c keyRestore) Run(s *streams) error {
	site, err := c.load()
	if err != nil {
		return err
	}
	sealed, err := c.unseal(s)
	if err != nil {
		return err
	}
	ours := site.Organisation.ODSCode
	if sealed.Site != ours {
		return keyError(care.Conflict, "COPY_MISMATCH", fmt.Sprintf("this is the key of %s, and agent.yaml is that of %s; use the right copy", sealed.Site, ours), nil)
	}
	fmt.Fprintf(s.out, "The copy holds the key %s of %s, sealed on %s.\n", sealed.Key.ID(sitekey.Self), ours, sealed.Made.Format(time.DateOnly))
	source := agent.KeySource(site)
	key, err := sitekey.Open(source)
	switch {
	case err == nil && key.Equal(sealed.Key):
		fmt.Fprintln(s.out, "It is the key that the site uses. Nothing was changed.")
		return nil
	case err == nil:
		return keyError(care.Conflict, "KEY_EXISTS", fmt.Sprintf(
			"the site has another key, %s, in its %s; if that is the wrong one, stop the agent and move it away first", key.ID(sitekey.Self), source), nil)
	case care.ReasonOf(err) != "KEY_MISSING":
		return err
	case c.Test:
		fmt.Fprintln(s.out, "The site has no key now. Nothing was changed.")
		return nil
	}
	if err := restoreTo(s, source, site.StateFolder, sealed.Key); err != nil {
		return err
	}
	recordRestored(s, site, &sealed)
	return nil
}

func restoreTo(s *streams, source sitekey.Source, folder string, key sitekey.Key) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return keyError(care.Internal, "STATE_FOLDER", "the state folder "+folder+" cannot be made; check its path and who may write there", err)
	}
	if err := sitekey.Save(source, key); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Restored to the %s.\n", source)
	return nil
}

func (c keyRestore) unseal(s *streams) (sitekey.Copy, error) {
	opener, err := c.opener(s)
	if err != nil {
		return sitekey.Copy{}, err
	}
	file, err := readSome(s, c.File)
	if err != nil {
		return sitekey.Copy{}, err
	}
	return sitekey.Unseal(file, opener)
}

func (c keyRestore) opener(s *streams) (sitekey.Opener, error) {
	if c.PassphraseFile != "" {
		passphrase, err := readPassphrase(s, c.PassphraseFile)
		if err != nil {
			return sitekey.Opener{}, err
		}
		return sitekey.OpenerWith(passphrase)
	}
	identities, err := readSome(s, c.IdentityFile)
	if err != nil {
		return sitekey.Opener{}, err
	}
	return sitekey.OpenerOf(identities)
}

// keyShow shows the ID of the key.
type keyShow struct {
	siteFlag
}

// Help shows examples.
func (keyShow) Help() string {
	return `The ID is made from the key and says nothing about it. Sealed copies carry the same ID.

Examples:
  mcr-agent key show`
}

// Run shows the ID of the key.
func (c keyShow) Run(s *streams) error {
	site, err := c.load()
	if err != nil {
		return err
	}
	source := agent.KeySource(site)
	key, err := sitekey.Open(source)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Site     %s\nKey ID   %s\nKept in  %s\n", site.Organisation.ODSCode, key.ID(sitekey.Self), source)
	return nil
}

// readPassphrase returns the first line of a file, and asks for it if that is
// standard input.
func readPassphrase(s *streams, file string) (string, error) {
	if file == "-" {
		fmt.Fprint(s.err, "Passphrase: ")
		line, err := readLine(s.in, maxSecretFile)
		if err != nil {
			return "", keyError(care.BadRequest, "UNREADABLE", "no passphrase was given", err)
		}
		return strings.TrimSuffix(line, "\r"), nil
	}
	text, err := readSome(s, file)
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// readSome reads a file, or standard input for "-", of at most 64 KiB.
func readSome(s *streams, file string) ([]byte, error) {
	in := s.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, keyError(care.BadRequest, "UNREADABLE", file+" cannot be opened; check its path and who may read it", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxSecretFile+1))
	if err != nil {
		return nil, keyError(care.BadRequest, "UNREADABLE", file+" cannot be read; is it a file?", err)
	}
	if len(data) > maxSecretFile {
		return nil, keyError(care.LimitExceeded, "TOO_LARGE", file+" is larger than 64 KiB", nil)
	}
	return data, nil
}

// writeNew writes a file that must not exist, for this account only, and
// removes it again when not all of it reached the disk.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return keyError(care.BadRequest, "UNWRITABLE", path+" cannot be made; there must be no such file yet, and its folder must be there", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return keyError(care.Internal, "UNWRITABLE", path+" cannot be written; check the disk", errors.Join(err, os.Remove(path)))
	}
	return nil
}

func keyError(kind care.Kind, reason, detail string, cause error) error {
	return &care.Error{Kind: kind, Op: ownOp, Reason: reason, Detail: detail, Err: cause}
}
