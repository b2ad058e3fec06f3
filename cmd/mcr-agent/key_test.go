package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/alecthomas/kong"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

const keyPassphrase = "five plain words of tests"

// keyDesk is a site whose key people look after on the command line.
type keyDesk struct {
	t              *testing.T
	folder, config string
	state          string
}

func newKeyDesk(t *testing.T, ods string) *keyDesk {
	d := &keyDesk{t: t, folder: t.TempDir()}
	d.state = filepath.Join(d.folder, "state")
	d.config = d.write("agent.yaml", fmt.Sprintf(`site: {ods_code: %s, name: Northgate, kind: gp-practice, test_site: true}
state_folder: %q
listen: {address: "127.0.0.1:18443"}
identity: {certificate: agent.pem, key: agent.key, broker_roots: [ca.pem]}
brokers:
  - {name: b, uri: "urn:mcr:test:broker", roles: [records]}
consent: {model: opt-out}
sharing: {enabled: true, sections: [ALL], purposes: [TREAT], organisations: [ANY]}
sources:
  - {name: clinical, kind: memory, settings: {patients: 1}}
`, ods, d.state))
	return d
}

func (d *keyDesk) write(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// withKey gives the site a key.
func (d *keyDesk) withKey() sitekey.Key {
	d.t.Helper()
	if err := os.MkdirAll(d.state, 0o700); err != nil {
		d.t.Fatal(err)
	}
	key, err := sitekey.LoadOrCreate(filepath.Join(d.state, "site.key"))
	if err != nil {
		d.t.Fatal(err)
	}
	return key
}

// withJournal gives a site with a key a journal that nobody has open.
func (d *keyDesk) withJournal() {
	d.t.Helper()
	keys, err := agent.JournalKeysOf(d.site(), d.withKey())
	if err != nil {
		d.t.Fatal(err)
	}
	j, err := audit.Open(filepath.Join(d.state, "journal"), audit.Options{Box: keys.Box, Signer: keys.Signer})
	if err != nil {
		d.t.Fatal(err)
	}
	j.Append(care.Event{Kind: care.AgentStopped})
	if err := j.Close(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *keyDesk) site() *config.Site {
	d.t.Helper()
	site, err := siteFlag{d.config}.load()
	if err != nil {
		d.t.Fatal(err)
	}
	return site
}

// entries returns what the journal tells of the key.
func (d *keyDesk) entries() (told []string) {
	d.t.Helper()
	for line, err := range audit.Read(filepath.Join(d.state, "journal"), 1, 0) {
		if err != nil {
			d.t.Fatal(err)
		}
		if line.Kind == care.SiteKeyCopied || line.Kind == care.SiteKeyRestored {
			told = append(told, fmt.Sprintf("%s %s, by %s", line.Kind, line.Detail, line.Actor))
		}
	}
	return told
}

// wantEntries fails unless the journal tells just that of the key.
func (d *keyDesk) wantEntries(want ...string) {
	d.t.Helper()
	got := d.entries()
	if len(got) != len(want) {
		d.t.Fatalf("the journal tells %q, want %q", got, want)
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]+", by site:") {
			d.t.Errorf("the journal tells %q, want %q", got[i], want[i])
		}
	}
}

// run runs "key ARGS" and returns what it wrote and said.
func (d *keyDesk) run(in string, args ...string) (string, error) {
	d.t.Helper()
	var out bytes.Buffer
	s := &streams{strings.NewReader(in), &out, &out}
	var commands struct {
		Key keyCommand `cmd:""`
	}
	parser, err := kong.New(&commands, kong.Vars{"config": d.config}, kong.Writers(&out, &out))
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, err := parser.Parse(append([]string{"key"}, args...))
	if err != nil {
		return out.String(), err
	}
	err = ctx.Run(s)
	return out.String(), err
}

// want runs "key ARGS" and fails unless it says all of the texts.
func (d *keyDesk) want(in string, args []string, texts ...string) string {
	d.t.Helper()
	out, err := d.run(in, args...)
	if err != nil {
		d.t.Fatalf("%v: %v", args, err)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			d.t.Fatalf("%v said %q; want %q", args, out, text)
		}
	}
	return out
}

// refuse runs "key ARGS" and fails unless it is refused with the text.
func (d *keyDesk) refuse(in string, args []string, text string) {
	d.t.Helper()
	out, err := d.run(in, args...)
	if err == nil || !strings.Contains(err.Error(), text) {
		d.t.Fatalf("%v: %v, said %q; want a refusal with %q", args, err, out, text)
	}
}

func TestKeyShow(t *testing.T) {
	d := newKeyDesk(t, "Y99901")
	d.refuse("", []string{"show"}, "KEY_MISSING")
	d.refuse("", []string{"copy", "--recipient", "age1x"}, "KEY_MISSING")
	if _, err := os.Stat(d.state); err == nil {
		t.Error("looking made the state folder")
	}
	id := d.withKey().ID(sitekey.Self)
	d.want("", []string{"show"}, "Y99901", id, "file "+filepath.Join(d.state, "site.key"))
}

func TestKeyCopyAndRestoreWithPassphrase(t *testing.T) {
	d := newKeyDesk(t, "Y99901")
	id := d.withKey().ID(sitekey.Self)
	d.withJournal()
	passphrase, file := d.write("passphrase", keyPassphrase+"\r\nnot this line"), filepath.Join(d.folder, "copy.txt")
	d.want("", []string{"copy", "--passphrase-file", passphrase, "--out", file}, id, "Y99901", file, "test it")
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "Key ID:  "+id) {
		t.Fatalf("the copy is %q, %v", text, err)
	}
	d.refuse("", []string{"copy", "--passphrase-file", passphrase, "--out", file}, "UNWRITABLE")

	d.wantEntries("SITE_KEY_COPIED key "+id+", for a passphrase", "SITE_KEY_COPIED key "+id+", for a passphrase")

	test := []string{"restore", file, "--test", "--passphrase-file", "-"}
	d.want(keyPassphrase+"\n", test, id, "It is the key that the site uses")
	d.refuse("wrong passphrase!", test, "COPY_LOCKED")
	if err := os.Remove(filepath.Join(d.state, "site.key")); err != nil {
		t.Fatal(err)
	}
	d.want("", []string{"restore", file, "--passphrase-file", passphrase}, "Restored to the file")
	if told := d.entries(); len(told) != 3 || !strings.HasPrefix(told[2], "SITE_KEY_RESTORED key "+id+", from a copy sealed on 20") {
		t.Errorf("the journal tells %q", told)
	}

	fresh := newKeyDesk(t, "Y99901")
	fresh.want(keyPassphrase, test, "no key now")
	fresh.want("", []string{"restore", file, "--passphrase-file", passphrase}, "Restored to the file "+fresh.state)
	fresh.want("", []string{"show"}, id)
	fresh.want("", []string{"restore", file, "--passphrase-file", passphrase}, "Nothing was changed")
}

func TestKeyCopyAndRestoreWithPublicKey(t *testing.T) {
	d := newKeyDesk(t, "Y99901")
	id := d.withKey().ID(sitekey.Self)
	one, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	two, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	d.withJournal()
	text := d.want("", []string{"copy", "--recipient", one.Recipient().String(), "--recipient", two.Recipient().String()}, "BEGIN AGE")
	d.wantEntries(fmt.Sprintf("SITE_KEY_COPIED key %s, for %.24s..., %.24s...", id, one.Recipient(), two.Recipient()))
	file, identity := d.write("copy.txt", text), d.write("identity", two.String()+"\n")
	d.want("", []string{"restore", file, "--test", "--identity-file", identity}, id, "It is the key that the site uses")
	d.refuse("", []string{"restore", file, "--test", "--identity-file", file}, "COPY_IDENTITY")

	other := newKeyDesk(t, "Y99902")
	other.refuse("", []string{"restore", file, "--identity-file", identity}, "COPY_MISMATCH")
	if _, err := os.Stat(other.state); err == nil {
		t.Error("a copy of another site was restored")
	}

	replaced := newKeyDesk(t, "Y99901")
	before := replaced.withKey()
	replaced.refuse("", []string{"restore", file, "--identity-file", identity}, "KEY_EXISTS")
	if !replaced.withKey().Equal(before) {
		t.Error("the key of the site was replaced")
	}
	damaged := newKeyDesk(t, "Y99901")
	damaged.withKey()
	if err := os.WriteFile(filepath.Join(damaged.state, "site.key"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged.refuse("", []string{"restore", file, "--identity-file", identity}, "KEY_DAMAGED")
}

// A copy that the journal cannot tell of is made only if that is asked for.
func TestUnrecordedCopy(t *testing.T) {
	d := newKeyDesk(t, "Y99901")
	d.withKey()
	file := filepath.Join(d.folder, "copy.txt")
	copied := []string{"copy", "--passphrase-file", d.write("passphrase", keyPassphrase), "--out", file}
	d.refuse("", copied, "UNRECORDED")
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a copy all the same")
	}
	d.want("", append(copied, "--unrecorded"), "Write down who has it", "Sealed copy of the key")
	if _, err := os.Stat(filepath.Join(d.state, "journal")); err == nil {
		t.Error("a journal was made")
	}
}

// A copy is sealed with one thing, and a passphrase is never an argument.
func TestKeyUsage(t *testing.T) {
	d := newKeyDesk(t, "Y99901")
	d.withKey()
	weak := d.write("weak", "short")
	large := d.write("large", strings.Repeat("x", maxSecretFile+1))
	d.refuse("", []string{"copy"}, "--recipient")
	d.refuse("", []string{"copy", "--recipient", "age1x", "--passphrase-file", weak}, "can't be used together")
	d.refuse("", []string{"copy", "--passphrase", "words"}, "unknown flag")
	d.refuse("", []string{"copy", "--recipient", "age1x"}, "COPY_RECIPIENTS")
	d.refuse("", []string{"copy", "--passphrase-file", weak}, "COPY_PASSPHRASE")
	d.refuse("", []string{"copy", "--passphrase-file", large}, "TOO_LARGE")
	d.refuse("", []string{"restore", weak}, "--identity-file")
	d.refuse("", []string{"restore", large, "--passphrase-file", weak}, "TOO_LARGE")
	d.refuse("", []string{"restore", weak, "--passphrase-file", weak}, "COPY_DAMAGED")
	for _, help := range []string{keyCopy{}.Help(), keyRestore{}.Help(), keyShow{}.Help()} {
		if !strings.Contains(help, "Examples:\n") {
			t.Errorf("help without examples: %s", help)
		}
	}
}
