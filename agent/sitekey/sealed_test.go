package sitekey

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const testPassphrase = "five plain words of tests"

var testDay = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func testCopy(t testing.TB) Copy { return Copy{testKey(t), "Y99901", testDay} }

func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// testOpener returns the opener of the golden file of that kind.
func testOpener(t testing.TB, kind string) Opener {
	t.Helper()
	opener, err := OpenerWith(testPassphrase)
	if kind != "passphrase" {
		opener, err = OpenerOf(golden(t, "identity-"+kind+".txt"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return opener
}

// newLock returns a lock for a new private key, and what opens it.
func newLock(t testing.TB) (Lock, Opener) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	lock, err := LockFor(identity.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	return lock, openerOf(identity)
}

// cheapLock returns a lock with a passphrase that takes no second.
func cheapLock(t testing.TB, workFactor int) Lock {
	t.Helper()
	lock, err := lockWith(testPassphrase, workFactor)
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

// wantCopy fails unless the copy is the one of the golden files.
func wantCopy(t *testing.T, c Copy, err error) {
	t.Helper()
	if err != nil || !c.Key.Equal(testKey(t)) || c.Site != "Y99901" || !c.Made.Equal(testDay) {
		t.Fatalf("got %+v, %v", c, err)
	}
}

// Copies lie in safes. Those that version 1 made must open for ever; never
// make these files anew.
func TestGoldenCopiesOpen(t *testing.T) {
	for _, kind := range []string{"x25519", "hybrid", "passphrase"} {
		t.Run(kind, func(t *testing.T) {
			file := golden(t, "copy-"+kind+".txt")
			c, err := Unseal(file, testOpener(t, kind))
			wantCopy(t, c, err)
		})
	}
}

// A copy that was mailed, pasted or saved by another editor still opens.
func TestUnsealForgivesHandling(t *testing.T) {
	file := string(golden(t, "copy-x25519.txt"))
	words, armored, _ := strings.Cut(file, armor.Header)
	armored = armor.Header + armored
	for name, text := range map[string]string{
		"armour only":   armored,
		"CRLF":          strings.ReplaceAll(file, "\n", "\r\n"),
		"BOM":           "\ufeff" + file,
		"blank lines":   "\n\n" + words + "\n\n" + armored + "\n\n",
		"other words":   "Found in the safe.\n" + armored,
		"space at ends": strings.ReplaceAll(words, "\n", " \t\n") + armored,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Unseal([]byte(text), testOpener(t, "x25519"))
			wantCopy(t, c, err)
		})
	}
}

// encrypt seals any payload and words, as someone could who has the public key.
func encrypt(t *testing.T, words, payload string, lock Lock) []byte {
	t.Helper()
	var file bytes.Buffer
	file.WriteString(words)
	armored := armor.NewWriter(&file)
	w, err := lock.encrypt(armored)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte(payload))
	if err := errors.Join(err, w.Close(), armored.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestUnsealRefusesWrongWords(t *testing.T) {
	file := string(golden(t, "copy-x25519.txt"))
	for _, change := range [][2]string{{"Y99901", "Y99902"}, {"c35c7e1c", "c35c7e1d"}, {siteField + "    Y99901", siteField}, {"c35c7e1c", "c35c7e1c\n" + idField + "00000000"}} {
		_, err := Unseal([]byte(strings.Replace(file, change[0], change[1], 1)), testOpener(t, "x25519"))
		wantReason(t, err, care.Conflict, "COPY_MISMATCH")
	}
}

func TestUnsealRefusesWrongPayloads(t *testing.T) {
	lock, opener := newLock(t)
	good := string(testCopy(t).payload())
	if c, err := Unseal(encrypt(t, "", good, lock), opener); err != nil || !c.Key.Equal(testKey(t)) {
		t.Fatalf("the payload as it should be: %v", err)
	}
	line := strings.Split(good, "\n")
	for name, c := range map[string]struct{ payload, reason string }{
		"other ID":       {strings.Replace(good, "id c35c7e1c", "id c35c7e1d", 1), "COPY_MISMATCH"},
		"other key":      {strings.Replace(good, "key 01", "key 02", 1), "COPY_MISMATCH"},
		"version":        {strings.Replace(good, "copy 1", "copy 2", 1), "COPY_DAMAGED"},
		"no site":        {strings.Replace(good, "Y99901", "", 1), "COPY_DAMAGED"},
		"site":           {strings.Replace(good, "Y99901", "y99901", 1), "COPY_DAMAGED"},
		"no day":         {strings.Replace(good, "2026-11-22", "2026-11-32", 1), "COPY_DAMAGED"},
		"capitals":       {strings.Replace(good, line[4], "key "+strings.ToUpper(line[4][4:]), 1), "COPY_DAMAGED"},
		"short key":      {strings.Replace(good, line[4], line[4][:66], 1), "COPY_DAMAGED"},
		"no hexadecimal": {strings.Replace(good, "key 01", "key 0x", 1), "COPY_DAMAGED"},
		"zeros":          {strings.Replace(good, line[4], "key "+strings.Repeat("0", 64), 1), "COPY_DAMAGED"},
		"no name":        {strings.Replace(good, "made ", "", 1), "COPY_DAMAGED"},
		"line missing":   {strings.Join(line[1:], "\n"), "COPY_DAMAGED"},
		"more":           {good + "more\n", "COPY_DAMAGED"},
		"no end":         {strings.TrimSuffix(good, "\n"), "COPY_DAMAGED"},
		"empty":          {"", "COPY_DAMAGED"},
		"raw key":        {string(testSecret()), "COPY_DAMAGED"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Unseal(encrypt(t, "", c.payload, lock), opener)
			if care.ReasonOf(err) != c.reason {
				t.Fatalf("got %v; want %s", err, c.reason)
			}
			checkNoSecret(t, err.Error())
		})
	}
}

func TestUnsealRefusesWrongFiles(t *testing.T) {
	file := golden(t, "copy-x25519.txt")
	end := bytes.Index(file, []byte(armor.Footer))
	flipped := bytes.Clone(file)
	flipped[end-10] ^= 1
	for name, text := range map[string][]byte{
		"empty": nil, "words only": file[:bytes.Index(file, []byte(armor.Header))], "cut": file[:end-70], "no end": file[:end],
		"flipped": flipped, "more after it": append(bytes.Clone(file), "more"...), "header only": []byte(armor.Header),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Unseal(text, testOpener(t, "x25519"))
			wantReason(t, err, care.BadRequest, "COPY_DAMAGED")
		})
	}
	_, err := Unseal(append(bytes.Repeat([]byte("\n"), maxCopy-len(file)), file...), testOpener(t, "x25519"))
	if err != nil {
		t.Errorf("a copy of 64 KiB: %v", err)
	}
	_, err = Unseal(append(bytes.Repeat([]byte("\n"), maxCopy-len(file)+1), file...), testOpener(t, "x25519"))
	wantReason(t, err, care.LimitExceeded, "COPY_TOO_LARGE")
}

func TestUnsealNeedsTheRightOpener(t *testing.T) {
	cheap, err := Seal(testCopy(t), cheapLock(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := OpenerWith(testPassphrase + "!")
	if err != nil {
		t.Fatal(err)
	}
	_, other := newLock(t)
	for name, c := range map[string]struct {
		file   []byte
		opener Opener
	}{
		"passphrase":               {cheap, wrong},
		"private key":              {golden(t, "copy-x25519.txt"), other},
		"private for passphrase":   {cheap, other},
		"passphrase for private":   {golden(t, "copy-x25519.txt"), wrong},
		"x25519 for hybrid":        {golden(t, "copy-hybrid.txt"), other},
		"nothing":                  {cheap, Opener{}},
		"nothing, for private key": {golden(t, "copy-x25519.txt"), Opener{}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Unseal(c.file, c.opener)
			wantReason(t, err, care.BadRequest, "COPY_LOCKED")
		})
	}
}

// A copy could ask for so much work that the machine is busy for minutes.
func TestUnsealBoundsWork(t *testing.T) {
	file := golden(t, "copy-passphrase.txt")
	inside, err := io.ReadAll(armor.NewReader(bytes.NewReader(file[bytes.Index(file, []byte(armor.Header)):])))
	if err != nil {
		t.Fatal(err)
	}
	var greedy bytes.Buffer
	armored := armor.NewWriter(&greedy)
	_, err = armored.Write(bytes.Replace(inside, []byte(" 18\n"), []byte(" 19\n"), 1))
	if err := errors.Join(err, armored.Close()); err != nil {
		t.Fatal(err)
	}
	// Had the work been done, the passphrase would seem to be wrong.
	_, err = Unseal(greedy.Bytes(), testOpener(t, "passphrase"))
	wantReason(t, err, care.BadRequest, "COPY_DAMAGED")
}

func TestSealForSeveral(t *testing.T) {
	one, openOne := newLock(t)
	two, openTwo := newLock(t)
	names := []string{strings.TrimPrefix(one.how, "for "), strings.TrimPrefix(two.how, "for ")}
	lock, err := LockFor(names...)
	if err != nil {
		t.Fatal(err)
	}
	c := testCopy(t)
	c.Made = time.Date(2026, 11, 23, 0, 30, 0, 0, time.FixedZone("", 3600)) // still the 22nd in UTC
	file, err := Seal(c, lock)
	if err != nil {
		t.Fatal(err)
	}
	for _, opener := range []Opener{openOne, openTwo} {
		c, err := Unseal(file, opener)
		wantCopy(t, c, err)
	}
	for _, want := range append(names, "\nSite:    Y99901\n", "\nKey ID:  c35c7e1c\n", "\nMade:    2026-11-22\n", "key restore FILE --identity-file", "age --decrypt --identity") {
		if !strings.Contains(string(file), want) {
			t.Errorf("the words lack %q:\n%s", want, file)
		}
	}
	checkNoSecret(t, string(file))
	for line := range strings.Lines(string(file)) {
		if len(line) > 81 {
			t.Errorf("too wide for paper: %q", line)
		}
	}
}

func TestPassphraseWords(t *testing.T) {
	file, err := Seal(testCopy(t), cheapLock(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(file), "key restore FILE --passphrase-file") || strings.Contains(string(file), testPassphrase) {
		t.Errorf("the words are wrong:\n%s", file)
	}
	c, err := Unseal(file, testOpener(t, "passphrase"))
	wantCopy(t, c, err)
}

func TestSealRefusesTheIncomplete(t *testing.T) {
	lock, _ := newLock(t)
	good := testCopy(t)
	for name, c := range map[string]struct {
		copy Copy
		lock Lock
	}{
		"no key": {Copy{Site: good.Site, Made: good.Made}, lock}, "no site": {Copy{Key: good.Key, Made: good.Made}, lock},
		"site": {Copy{good.Key, "Y99901\nKey ID:  0", good.Made}, lock}, "no day": {Copy{Key: good.Key, Site: good.Site}, lock}, "no lock": {good, Lock{}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Seal(c.copy, c.lock)
			wantReason(t, err, care.BadRequest, "COPY_INCOMPLETE")
		})
	}
}
