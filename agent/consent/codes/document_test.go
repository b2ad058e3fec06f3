package codes

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the document anew")

const document = "../../../packaging/doc/consent-codes.md"

//go:embed testdata/codes-head.md
var head string

// The document is the shipped list.
func TestCodesDocument(t *testing.T) {
	effects := map[Verdict]string{Dissent: "blocks", Consent: "allows again", ThirdParty: "blocks, unless the site's list says otherwise", Ignored: "no effect"}
	names := map[string]string{SNOMED: "SNOMED CT", ReadV2: "Read v2", CTV3: "CTV3"}
	var out strings.Builder
	out.WriteString(head)
	fmt.Fprintf(&out, "\n## The shipped list, of %s\n\n| Code system | Code | Verdict | Effect | Meaning | Published in |\n|---|---|---|---|---|---|\n",
		Shipped().Date().Format("2 January 2006"))
	for r := range Shipped().Rows() {
		source := r.Source
		if strings.HasPrefix(source, "https://") {
			source = "<" + source + ">"
		}
		fmt.Fprintf(&out, "| %s | `%s` | %s | %s | %s | %s |\n", names[r.System], r.Code, r.Verdict, effects[r.Verdict], r.Meaning, source)
	}
	got := []byte(out.String())
	if *update {
		if err := os.WriteFile(document, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it would be now; look at the difference and run with -update if it is meant", document)
	}
}
