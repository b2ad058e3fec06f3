package feed

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Limits of a manifest.
const (
	// MaxManifest is the longest manifest in bytes, signatures included.
	MaxManifest = 4 << 10
	// MaxChanges is how many directives one push of changes may hold: they are
	// one message and one transaction.
	MaxChanges = 1000

	maxRegion = 64      // bytes of a region's name
	maxNumber = 1 << 53 // of anything that is counted: exact in every language
)

// Reasons of errors about manifests.
const (
	ReasonManifest  = "MANIFEST"  // it is not as specified
	ReasonSignature = "SIGNATURE" // no key that the site knows has signed it
	ReasonKey       = "KEY"       // a configured key is not a verifier key
)

// firstLine names the format of a manifest. It is frozen.
const firstLine = "mycarerecord/consent/v1"

// timeFormat writes UTC to the millisecond.
const timeFormat = "2006-01-02T15:04:05.000Z"

// Manifest says what a push of flags is and what a site holds of the region
// when it is done. It is the text of a C2SP signed note
// (https://c2sp.org/signed-note).
type Manifest struct {
	Region     string    // name of the region: 1 to 64 printable ASCII characters, no space
	Snapshot   bool      // the push is everything, else changes since Base
	Base       uint64    // for changes: the sequence number that they build on
	Sequence   uint64    // number of this state of the region's flags, 1 or more
	AsOf       time.Time // when the region knew them to be right, UTC, whole milliseconds
	Rows       uint64    // directives in this push
	Content    [32]byte  // SHA-256 over the rows of this push: see Content
	Patients   uint64    // how many patients the site's set of the region then holds
	Directives uint64    // statements in force in it
	Digest     Digest    // digest of these
}

// Unsigned returns the text of the manifest. It is what a region sends to sites
// that ask for no signature.
func (m *Manifest) Unsigned() []byte {
	kind := "snapshot"
	if !m.Snapshot {
		kind = "changes " + strconv.FormatUint(m.Base, 10)
	}
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, "%s\nregion %s\n%s\nsequence %d\nas_of %s\nrows %d\ncontent %s\npatients %d\ndirectives %d\ndigest %s\n",
		firstLine, m.Region, kind, m.Sequence, m.AsOf.UTC().Format(timeFormat), m.Rows, b64(m.Content[:]), m.Patients, m.Directives, b64(m.Digest[:]))
}

// Sign returns the manifest as a note with one signature. Ed25519 signatures
// are deterministic, so that the same manifest signed again is the same bytes
// and a push that broke off can go on.
func (m *Manifest) Sign(signer note.Signer) ([]byte, error) {
	if why := m.fault(); why != "" {
		return nil, malformed(why, nil)
	}
	signed, err := note.Sign(&note.Note{Text: string(m.Unsigned())}, signer)
	if err != nil {
		return nil, failure(care.Internal, ReasonKey, "the manifest could not be signed", err)
	}
	return signed, nil
}

// Read reads a manifest. With verifier keys (the form of
// https://c2sp.org/signed-note) one of them must have signed it, else the error
// has Kind Unauthenticated and Reason SIGNATURE; signatures of unknown keys are
// ignored, a false one of a known key is refused. Without keys a manifest need
// not be signed. There is one spelling only: what Unsigned would not write byte
// by byte is refused with BadRequest, MANIFEST.
func Read(manifest []byte, keys []string) (*Manifest, error) {
	if len(manifest) > MaxManifest {
		return nil, failure(care.LimitExceeded, ReasonManifest, fmt.Sprintf("the manifest is longer than %d bytes", MaxManifest), nil)
	}
	text, err := verified(manifest, keys)
	if err != nil {
		return nil, err
	}
	m, err := parse(text)
	if err != nil {
		return nil, err
	}
	if why := m.fault(); why != "" {
		return nil, malformed(why, nil)
	}
	if string(m.Unsigned()) != text {
		return nil, malformed("it is not written as specified", nil)
	}
	return m, nil
}

// CheckKeys reports whether all texts are verifier keys, for configuration.
func CheckKeys(keys []string) error {
	_, err := verifiers(keys)
	return err
}

func verifiers(keys []string) ([]note.Verifier, error) {
	list := make([]note.Verifier, len(keys))
	for i, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, failure(care.BadRequest, ReasonKey, fmt.Sprintf("region key %d is not a verifier key; copy what mcrctl consent key printed", i+1), err)
		}
		list[i] = v
	}
	return list, nil
}

// verified returns the text of a manifest that is signed as the keys demand.
func verified(manifest []byte, keys []string) (string, error) {
	known, err := verifiers(keys)
	if err != nil {
		return "", err
	}
	if len(keys) == 0 {
		text, _, signed := strings.Cut(string(manifest), "\n\n")
		if signed {
			text += "\n"
		}
		return text, nil
	}
	n, err := note.Open(manifest, note.VerifierList(known...))
	if err != nil {
		return "", failure(care.Unauthenticated, ReasonSignature,
			"no key of the site's configuration has signed the manifest, or its signature is false; compare consent.region_keys with the region's verifier key", err)
	}
	return n.Text, nil
}

// parse reads the lines of a manifest's text. Whether they are spelled as they
// must be is seen when they are written again.
func parse(text string) (*Manifest, error) {
	lines := strings.Split(text, "\n")
	names := []string{"", "region ", "", "sequence ", "as_of ", "rows ", "content ", "patients ", "directives ", "digest ", ""}
	if len(lines) != len(names) || lines[0] != firstLine {
		return nil, malformed("it does not have the lines of "+firstLine, nil)
	}
	p := parser{lines: lines, names: names}
	m := &Manifest{Region: p.text(1), Snapshot: lines[2] == "snapshot", Sequence: p.number(3), AsOf: p.time(4), Rows: p.number(5),
		Patients: p.number(7), Directives: p.number(8)}
	p.hash(6, &m.Content)
	p.hash(9, (*[32]byte)(&m.Digest))
	if !m.Snapshot {
		names[2] = "changes "
		m.Base = p.number(2)
	}
	return m, p.err
}

// parser takes the values of lines; the first fault stays.
type parser struct {
	lines, names []string
	err          error
}

func (p *parser) text(line int) string {
	value, found := strings.CutPrefix(p.lines[line], p.names[line])
	if !found {
		p.wrong(line, nil)
	}
	return value
}

func (p *parser) number(line int) uint64 {
	n, err := strconv.ParseUint(p.text(line), 10, 64)
	if err != nil {
		p.wrong(line, err)
	}
	return n
}

func (p *parser) time(line int) time.Time {
	t, err := time.Parse(timeFormat, p.text(line))
	if err != nil {
		p.wrong(line, err)
	}
	return t
}

func (p *parser) hash(line int, into *[32]byte) {
	b, err := base64.StdEncoding.DecodeString(p.text(line))
	if err != nil || len(b) != len(into) {
		p.wrong(line, err)
		return
	}
	copy(into[:], b)
}

func (p *parser) wrong(line int, cause error) {
	if p.err == nil {
		p.err = malformed(fmt.Sprintf("its line %d is wrong", line+1), cause)
	}
}

// fault returns what is wrong with the values of a manifest, or nothing.
func (m *Manifest) fault() string {
	switch {
	case !validRegion(m.Region):
		return "the region's name is not 1 to 64 printable ASCII characters without a space"
	case m.Sequence == 0:
		return "its sequence is 0"
	case max(m.Sequence, m.Rows, m.Patients, m.Directives) > maxNumber:
		return "a number is greater than 2^53"
	case m.Snapshot && m.Base != 0:
		return "a snapshot builds on nothing"
	case !m.Snapshot && (m.Base == 0 || m.Base > m.Sequence):
		return "changes build on a sequence before theirs"
	case !m.Snapshot && m.Rows > MaxChanges:
		return fmt.Sprintf("there are more than %d changes; send a snapshot", MaxChanges)
	case m.Patients > m.Directives:
		return "there are more patients than directives"
	case m.AsOf.Year() < firstYear || m.AsOf.Year() > lastYear || m.AsOf.Nanosecond()%int(time.Millisecond) != 0:
		return "as_of is not a time between 1900 and 2200 in whole milliseconds"
	}
	return ""
}

func validRegion(name string) bool {
	if name == "" || len(name) > maxRegion {
		return false
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return true
}

func malformed(why string, cause error) *care.Error {
	return failure(care.BadRequest, ReasonManifest, "the manifest is refused: "+why, cause)
}

// ID identifies a manifest by its bytes, signatures included: a push may go on
// only under the very same ones.
func ID(manifest []byte) [32]byte { return sha256.Sum256(manifest) }
