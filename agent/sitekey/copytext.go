package sitekey

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"filippo.io/age/armor"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The fields of the words that Unseal compares with what was sealed.
const (
	siteField = "Site:"
	idField   = "Key ID:"
)

// words are the beginning of a sealed copy, for the person who finds it. They
// may be improved, except the fields for site and ID.
func (c Copy) words(lock Lock) string {
	return `MY CARE RECORD EDGE AGENT: SEALED COPY OF A SITE KEY

The site named below needs this key to read its journal and its consent store.
Nobody can make it again. It is encrypted: without what it was sealed for it is
of no use to anyone. Keep it away from the machine it came from, and keep what
opens it elsewhere. It may be printed.

` + siteField + "    " + string(c.Site) + "\n" +
		idField + "  " + c.Key.ID(Self) + "\n" +
		"Made:    " + c.Made.UTC().Format(time.DateOnly) + "\n" +
		"Sealed:  " + lock.how + `

To restore it, save this text as a file and run, as the agent's account:
    mcr-agent key restore FILE ` + lock.flag + `
Without the agent: save the lines from BEGIN to END alone, and open them with
age (https://age-encryption.org):
    age --decrypt ` + lock.tool + `FILE
It shows the key as 64 hexadecimal digits.

`
}

// payloadFormat is what is encrypted: site, ID, day and the key in hexadecimal
// digits, so that it can be taken out without this program. It is frozen.
const payloadFormat = "mcr site key copy 1\nsite %s\nid %s\nmade %s\nkey %s\n"

func (c Copy) payload() []byte {
	return fmt.Appendf(nil, payloadFormat, c.Site, c.Key.ID(Self), c.Made.UTC().Format(time.DateOnly), hex.EncodeToString(c.Key.secret()[:]))
}

// parsePayload reads what payload made. What would not be written again byte by
// byte is refused.
func parsePayload(payload []byte) (Copy, error) {
	lines := strings.Split(string(payload), "\n")
	if len(lines) != 6 {
		return Copy{}, damaged(nil)
	}
	value := func(line int, name string) string { return strings.TrimPrefix(lines[line], name+" ") }
	made, err := time.Parse(time.DateOnly, value(3, "made"))
	if err != nil {
		return Copy{}, damaged(err)
	}
	secret, err := hex.DecodeString(value(4, "key"))
	if err != nil {
		return Copy{}, damaged(nil) // the cause would quote a digit
	}
	key, err := New(secret)
	if err != nil {
		return Copy{}, damaged(err)
	}
	c := Copy{key, care.ODSCode(value(1, "site")), made}
	if value(2, "id") != key.ID(Self) {
		return Copy{}, mismatch("the sealed key ID")
	}
	if !c.Site.Valid() || !bytes.Equal(c.payload(), payload) {
		return Copy{}, damaged(nil)
	}
	return c, nil
}

// split separates the words from the armoured age file.
func split(file []byte) (words string, armored []byte, err error) {
	i := bytes.Index(file, []byte(armor.Header))
	if i < 0 {
		return "", nil, damaged(nil)
	}
	return string(file[:i]), file[i:], nil
}

// checkWords compares the words with what was sealed. There need not be any,
// but what they say must be true.
func (c Copy) checkWords(words string) error {
	for line := range strings.Lines(words) {
		if site, found := strings.CutPrefix(line, siteField); found && strings.TrimSpace(site) != string(c.Site) {
			return mismatch("the site in its words")
		}
		if id, found := strings.CutPrefix(line, idField); found && strings.TrimSpace(id) != c.Key.ID(Self) {
			return mismatch("the key ID in its words")
		}
	}
	return nil
}
