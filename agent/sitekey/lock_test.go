package sitekey

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestLockForRefuses(t *testing.T) {
	lock, _ := newLock(t)
	name := strings.TrimPrefix(lock.how, "for ")
	seventeen := strings.Split(strings.Repeat(name+" ", 17), " ")[:17]
	if _, err := LockFor(seventeen[1:]...); err != nil {
		t.Errorf("16 recipients: %v", err)
	}
	private := strings.TrimSpace(strings.SplitN(string(golden(t, "identity-x25519.txt")), "\n", 2)[1])
	for what, recipients := range map[string][]string{
		"none": nil, "too many": seventeen, "no key": {name, "age1"}, "ssh": {"ssh-ed25519 AAAA"}, "hybrid": {"age1pq1xyz"}, "private key": {private}, "two in one": {name + "\n" + name},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := LockFor(recipients...)
			wantReason(t, err, care.BadRequest, "COPY_RECIPIENTS")
			if strings.Contains(err.Error(), private) {
				t.Error("the error quotes a private key")
			}
		})
	}
}

// Mixing would leave the copy open to what the hybrid key guards against.
func TestSealRefusesMixedRecipients(t *testing.T) {
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	lock, _ := newLock(t)
	if alone, err := LockFor(hybrid.Recipient().String()); err != nil || len(alone.how) > 72 {
		t.Errorf("a hybrid key alone: %v, in words %q", err, alone.how)
	}
	mixed, err := LockFor(strings.TrimPrefix(lock.how, "for "), hybrid.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Seal(testCopy(t), mixed)
	wantReason(t, err, care.BadRequest, "COPY_RECIPIENTS")
}

func TestLockWithRefusesWeakPassphrases(t *testing.T) {
	for what, passphrase := range map[string]string{
		"none": "", "15 characters": "123456789012345", "too long": strings.Repeat("a", 1025), "two lines": "1234567890\n1234567890",
		"space before": " 1234567890123456", "space after": "1234567890123456 ", "no ASCII": "Zoë 12345678901234567", "control": "1234567890123456\x7f0",
	} {
		t.Run(what, func(t *testing.T) {
			_, err := LockWith(passphrase)
			wantReason(t, err, care.BadRequest, "COPY_PASSPHRASE")
			if passphrase != "" && strings.Contains(err.Error(), passphrase) {
				t.Error("the error quotes the passphrase")
			}
		})
	}
	for _, passphrase := range []string{"1234567890123456", strings.Repeat("~", 1024)} {
		if _, err := LockWith(passphrase); err != nil {
			t.Errorf("%d characters: %v", len(passphrase), err)
		}
	}
}

func TestOpenersRefuse(t *testing.T) {
	_, err := OpenerWith("")
	wantReason(t, err, care.BadRequest, "COPY_PASSPHRASE")
	secret := "AGE-SECRET-KEY-1QQQQ"
	for _, file := range []string{"", "# only a comment\n", secret, "age1something"} {
		_, err := OpenerOf([]byte(file))
		wantReason(t, err, care.BadRequest, "COPY_IDENTITY")
		if strings.Contains(fmt.Sprint(err, errors.Unwrap(err)), secret) {
			t.Error("the error quotes the private key")
		}
	}
}

// Locks and openers hold secrets too.
func TestLocksDoNotShow(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text := fmt.Sprintf(verb, cheapLock(t, 4)) + fmt.Sprintf(verb, testOpener(t, "passphrase")) + fmt.Sprintf(verb, testOpener(t, "x25519"))
		for _, form := range []string{"%s", "%x", "%d"} {
			if strings.Contains(text, strings.Trim(fmt.Sprintf(form, []byte("plain words")), "[]")) {
				t.Errorf("%s shows the passphrase: %s", verb, text)
			}
		}
		if strings.Contains(text, "AGE-SECRET-KEY") {
			t.Errorf("%s shows the private key", verb)
		}
	}
}

// What is not asked of a passphrase copy costs an attacker less.
func TestPassphraseCostsWork(t *testing.T) {
	lock, err := LockWith(testPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := lock.encrypt(&file); err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(file.String(), "age-encryption.org/v1\n"), "\n")
	if !strings.HasPrefix(line, "-> scrypt ") || !strings.HasSuffix(line, " 18") {
		t.Errorf("the work is given as %q; want scrypt with 2^18", line)
	}
}
