package view

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// TestSummariseWhatConnectorsSend puts every kind of resource that our own
// connectors make into words: none may be unreadable, and none that has all
// its columns without a text.
func TestSummariseWhatConnectorsSend(t *testing.T) {
	files, err := filepath.Glob("../../../connectors/ukcore/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var is struct{ ResourceType, ID string }
			if err := json.Unmarshal(data, &is); err != nil {
				t.Fatal(err)
			}
			s := Summarise(&edgev1.Record{ResourceType: is.ResourceType, Id: is.ID, Effective: "2024-03-31", Source: "source", Resource: data})
			if strings.Contains(s.Marker, partlyRead) || strings.Contains(s.Marker, unreadable) || strings.Contains(file, "-full") && strings.HasPrefix(s.Main, "(") {
				t.Errorf("%+v", s)
			}
		})
	}
}
