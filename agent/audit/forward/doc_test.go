package forward

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/connectors/all"
)

const document = "../../../packaging/doc/journal-forwarding.md"

// The example that sites copy must load as it stands.
func TestTheExampleLoads(t *testing.T) {
	_, rest, _ := strings.Cut(string(must(os.ReadFile(document))), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	text := strings.ReplaceAll(string(config.Example("gp-practice")), "\njournal:", "\nnot_journal:") + "\n" + example
	site, err := config.Parse("agent.yaml", []byte(text), all.Registry())
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Folder: t.TempDir()}
	for _, f := range site.Journal.Forward {
		s.Receivers = append(s.Receivers, Receiver{Name: f.Name, Kind: string(f.Kind), Address: f.Address, Identifiers: f.Identifiers})
	}
	if f, err := New(s); err != nil || len(f.workers) != 2 {
		t.Errorf("%d receivers, %v", len(s.Receivers), err)
	}
}

// Every kind of entry is put into words.
func TestEveryKindHasWords(t *testing.T) {
	source := string(must(os.ReadFile("../../care/event.go")))
	codes := regexp.MustCompile(`EventKind = "(\w+)"`).FindAllStringSubmatch(source, -1)
	if len(codes) < 30 {
		t.Fatalf("only %d kinds are found", len(codes))
	}
	for _, code := range codes {
		if kinds[care.EventKind(code[1])].words == "" {
			t.Errorf("%s has no words", code[1])
		}
	}
}

// The document names every field that can leave.
func TestTheDocumentListsTheFields(t *testing.T) {
	text := string(must(os.ReadFile(document)))
	source := string(must(os.ReadFile("fields.go")))
	names := regexp.MustCompile(`c\.(?:code|text|number|flag|time|list)\("(\w+)"`).FindAllStringSubmatch(source, -1)
	if len(names) < 40 {
		t.Fatalf("only %d fields are found", len(names))
	}
	for _, name := range names {
		if !strings.Contains(text, "`"+name[1]+"`") {
			t.Errorf("the field %s is not in the document", name[1])
		}
	}
}
