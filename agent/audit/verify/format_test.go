package verify_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// testTime is when witnesses sign.
var testTime = time.Unix(1795356187, 0)

const formatDocument = "../../../packaging/doc/journal-format.md"

var update = flag.Bool("update", false, "write the example of the format document anew")

// example is the journal of the format document.
type example struct {
	files  map[string][]byte
	lines  [][]byte
	sealed string // the plaintext of the second entry's box
	keys   []string
	box    *audit.Box
	key    sitekey.Key
	leaves []tree.Hash
}

// newExample makes the example from a site key and a nonce that everyone knows.
func newExample(t *testing.T) example {
	t.Helper()
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i + 1)
	}
	key, err := sitekey.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	x := example{key: key, sealed: `{"nhs_number":"9990000042","reason":"unconscious in A&E"}`}
	const purpose = "mcr journal v1: patient"
	boxKey := key.Derive(purpose)
	if x.box, err = audit.NewBox(boxKey, key.ID(purpose)); err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(boxKey[:])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := []byte("nonce of 12b")
	sealed := gcm.Seal(bytes.Clone(nonce), nonce, []byte(x.sealed), []byte("mcr-journal-v1\nr-1"))

	seed := key.Derive("mcr journal v1: head")
	signer, err := tree.NewSigner("mycarerecord/Y99901/journal", &seed)
	if err != nil {
		t.Fatal(err)
	}
	j := journaltest.New()
	j.Signer = signer
	j.Add("AGENT_STARTED", `,"detail":"version 1.0.0","actor":"systemd"`)
	j.Add("RELEASE_DECIDED", fmt.Sprintf(`,"request_id":"r-1","user_name":"Dr \"Ann\" O'Neil\n","patient":{"key":"%s","box":"%s"},"sections":["ALLERGIES"],"released":["ALLERGIES"]`,
		x.box.KeyID(), base64.StdEncoding.EncodeToString(sealed)))
	j.Add("AGENT_STOPPED", "")
	note, err := journaltest.Witness.Cosign(j.Checkpoint(), testTime)
	if err != nil {
		t.Fatal(err)
	}
	j.Notes["checkpoint"] = note
	x.files, x.lines, x.leaves = j.Files(), j.Segments[0].Lines, j.Leaves
	x.keys = []string{signer.VerifierKey(), journaltest.Witness.VerifierKey()}
	return x
}

// text returns the section of the document.
func (x *example) text() string {
	var b strings.Builder
	patient, head := x.key.Derive("mcr journal v1: patient"), x.key.Derive("mcr journal v1: head")
	fmt.Fprintf(&b, "The site key is the bytes 01, 02, ... to 20 (hexadecimal). So the key of the boxes is\n`%x`, its ID `%s`, and the seed of the signing key\n`%x`.\n\n", patient, x.box.KeyID(), head)
	fmt.Fprintf(&b, "The file `journal-00000000000000000001.jsonl` has three lines, and then NULs:\n\n```\n%s\n```\n\n", bytes.Join(x.lines, []byte("\n")))
	fmt.Fprintf(&b, "Their leaf hashes, of which each stands as `prev` in the line after, are\n\n```\n")
	for _, leaf := range x.leaves {
		fmt.Fprintf(&b, "%x\n", leaf)
	}
	left := journaltest.Root(x.leaves[:2])
	root := journaltest.Root(x.leaves)
	fmt.Fprintf(&b, "```\n\nThe node over the first two is `%x`,\nand the root, the node over that and the third leaf,\n`%x`. In the box of the second line, with the nonce `%s`, stands\n\n```\n%s\n```\n\n",
		left, root, hex.EncodeToString([]byte("nonce of 12b")), x.sealed)
	fmt.Fprintf(&b, "The verifier keys of the journal and of a witness are\n\n```\n%s\n```\n\nand the file `checkpoint`, which both signed, is\n\n```\n%s```\n", strings.Join(x.keys, "\n"), x.files["checkpoint"])
	return b.String()
}

// The document's example is what its rules give.
func TestTheFormatDocumentsExample(t *testing.T) {
	x := newExample(t)
	document, err := os.ReadFile(formatDocument)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(document), "compares them. -->\n")
	_, after, ok2 := strings.Cut(rest, "\n## 4. ")
	if !ok || !ok2 {
		t.Fatal("the document has no section 3")
	}
	want := before + "compares them. -->\n" + x.text() + "\n## 4. " + after
	if *update {
		if err := os.WriteFile(formatDocument, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(document) {
		t.Errorf("section 3 of %s is not\n%s", formatDocument, x.text())
	}
}

// The agent reads the example, and it is fine.
func TestTheAgentReadsTheExample(t *testing.T) {
	x := newExample(t)
	folder := filepath.Join(t.TempDir(), "journal")
	if err := journaltest.Write(folder, x.files); err != nil {
		t.Fatal(err)
	}
	r, err := verify.Check(context.Background(), verify.Options{Folder: folder, Keys: x.keys})
	if err != nil || !r.Fine() || r.Anchored != 3 {
		t.Errorf("%v, %+v", err, r)
	}
	n := 0
	for line, err := range audit.Read(folder, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(line.Raw, x.lines[n]) || line.Leaf != x.leaves[n] {
			t.Errorf("entry %d is read as %s", n+1, line.Raw)
		}
		n++
		if err := x.box.Reveal(&line); err != nil {
			t.Error(err)
		}
		if n == 2 && (line.NHSNumber.Reveal() != "9990000042" || line.Reason != "unconscious in A&E") {
			t.Error("the box of entry 2 says something else")
		}
	}
	if n != len(x.lines) {
		t.Errorf("read %d entries", n)
	}
}

// The document names every code of a finding and every field that lines have.
func TestTheFormatDocumentIsComplete(t *testing.T) {
	document, err := os.ReadFile(formatDocument)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range verify.Codes() {
		if code != verify.ExportInvalid && code != verify.ProofInvalid && !bytes.Contains(document, []byte(code)) {
			t.Errorf("the document does not name %s", code)
		}
	}
	golden, err := os.ReadFile("../testdata/v1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(golden) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatal(err)
		}
		for name := range fields {
			if !bytes.Contains(document, []byte("`"+name+"`")) {
				t.Errorf("the document does not explain %q", name)
			}
		}
		if kind := bytes.Trim(fields["kind"], `"`); !bytes.Contains(document, kind) {
			t.Errorf("the document does not explain %s", kind)
		}
	}
}
