package edge_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoadRegion(t *testing.T) {
	for name, test := range map[string]struct {
		files  map[string]string
		detail string
	}{
		"whole":          {files: map[string]string{"address": "h:1\n", "server_name": "s\n"}},
		"no server name": {files: map[string]string{"address": "h:1"}},
		"no address":     {detail: "address cannot be read"},
		"empty address":  {files: map[string]string{"address": " \n"}, detail: "address is empty"},
		"huge address":   {files: map[string]string{"address": strings.Repeat("a", 1<<20+1)}, detail: "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range test.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			region, err := edge.LoadRegion(dir)
			if test.detail != "" {
				if care.KindOf(err) != care.BadRequest || !strings.Contains(err.Error(), test.detail) {
					t.Errorf("err %v", err)
				}
				return
			}
			if err != nil || region.Address != "h:1" || region.ServerName != strings.TrimSpace(test.files["server_name"]) ||
				region.Key != filepath.Join(dir, "broker.key") {
				t.Errorf("err %v, %+v", err, region)
			}
		})
	}
}

func TestDialFaults(t *testing.T) {
	agent := edgetest.Start(t, edgetest.Script{})
	for name, test := range map[string]struct {
		change func(*edge.Region)
		detail string
	}{
		"no roots":   {func(r *edge.Region) { r.CA += "x" }, "cannot be read"},
		"roots":      {func(r *edge.Region) { r.CA = r.Key }, "holds no certificate"},
		"no chain":   {func(r *edge.Region) { r.Certificate += "x" }, "cannot be read"},
		"no key":     {func(r *edge.Region) { r.Key += "x" }, "cannot be read"},
		"not a pair": {func(r *edge.Region) { r.Certificate = r.CA }, "are not a certificate and its key"},
		"address":    {func(r *edge.Region) { r.Address = "unknown-scheme://%%" }, "is not host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			region := agent.Region
			test.change(&region)
			_, err := edge.Dial(region)
			if care.KindOf(err) != care.BadRequest || !strings.Contains(err.Error(), test.detail) {
				t.Errorf("err %v", err)
			}
		})
	}
}

func TestGetDocument(t *testing.T) {
	type answer = []*edgev1.GetDocumentResponse
	content := []byte(strings.Repeat("a discharge summary. ", 100))
	for name, test := range map[string]struct {
		damage func(answer) answer
		fault  string
	}{
		"whole":            {func(a answer) answer { return a }, ""},
		"size not known":   {func(a answer) answer { a[0].Opening.Size = -1; return a }, ""},
		"no opening":       {func(a answer) answer { return a[1:] }, "the first message has no opening"},
		"opening twice":    {func(a answer) answer { a[1].Opening = a[0].Opening; return a }, "an opening came later"},
		"another document": {func(a answer) answer { a[0].Opening.DocumentId = "d-2"; return a }, "the document is not the one"},
		"no closing":       {func(a answer) answer { return a[:len(a)-1] }, "the closing is missing"},
		"after closing":    {func(a answer) answer { return append(a, a[1]) }, "something came after the closing"},
		"chunk lost":       {func(a answer) answer { return append(a[:1:1], a[2:]...) }, "the document has 2100 bytes and 1100 came"},
		"chunks swapped":   {func(a answer) answer { a[1], a[2] = a[2], a[1]; return a }, "the digest of what came is not"},
		"byte changed":     {func(a answer) answer { a[1].Chunk = append([]byte("b"), a[1].Chunk[1:]...); return a }, "the digest of what came is not"},
	} {
		t.Run(name, func(t *testing.T) {
			agent := edgetest.Start(t, edgetest.Script{Document: func(q *edgev1.GetDocumentRequest) ([]*edgev1.GetDocumentResponse, error) {
				return test.damage(edgetest.Document("d-1", "text/plain", "Summary", content, 1000)), nil
			}})
			var got bytes.Buffer
			d, err := agent.Client(t).GetDocument(t.Context(), &edgev1.GetDocumentRequest{DocumentId: "d-1"}, &got)
			if err != nil || d.Whole != (test.fault == "") || d.Size != int64(got.Len()) {
				t.Fatalf("err %v, whole %v, faults %q, %d of %d bytes", err, d.Whole, d.Faults, d.Size, got.Len())
			}
			if d.Whole && (!bytes.Equal(got.Bytes(), content) || d.SHA256 != d.Closing.GetDigest()) {
				t.Error("the content is another one")
			}
			if !d.Whole && !slices.ContainsFunc(d.Faults, func(f string) bool { return strings.HasPrefix(f, test.fault) }) {
				t.Errorf("faults %q, want %q", d.Faults, test.fault)
			}
		})
	}
}

// fullDisk is a writer that takes nothing.
type fullDisk struct{}

var errFull = errors.New("full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestGetDocumentFails(t *testing.T) {
	refused := edgetest.Refuse(codes.NotFound, &edgev1.Refusal{Code: "NO_RECORD_FOUND"})
	agent := edgetest.Start(t, edgetest.Script{Document: func(q *edgev1.GetDocumentRequest) ([]*edgev1.GetDocumentResponse, error) {
		if q.GetDocumentId() == "none" {
			return nil, refused
		}
		return edgetest.Document("d-1", "text/plain", "", []byte("text"), 2), nil
	}})
	d, err := agent.Client(t).GetDocument(t.Context(), &edgev1.GetDocumentRequest{DocumentId: "none"}, fullDisk{})
	if refusal, ok := edge.RefusalOf(err); !ok || refusal.GetCode() != "NO_RECORD_FOUND" || d.Whole {
		t.Errorf("refused: err %v, whole %v", err, d.Whole)
	}
	d, err = agent.Client(t).GetDocument(t.Context(), &edgev1.GetDocumentRequest{DocumentId: "d-1"}, fullDisk{})
	if !errors.Is(err, errFull) || d.Whole {
		t.Errorf("full disk: err %v, whole %v", err, d.Whole)
	}
}

func TestOperate(t *testing.T) {
	agent := edgetest.Start(t, edgetest.Script{
		Consent: &edgetest.Consent{},
		Status:  &edgev1.GetStatusResponse{Releasing: true},
		Locate: func(*edgev1.LocatePatientRequest) (*edgev1.LocatePatientResponse, error) {
			return &edgev1.LocatePatientResponse{Sections: []edgev1.Section{allergies}}, nil
		},
	})
	client := agent.Client(t)
	if state, err := client.ConsentState(t.Context()); err != nil || len(state.GetInstance()) != 16 {
		t.Errorf("state %v, err %v", state, err)
	}
	if st, err := client.Status(t.Context()); err != nil || !st.GetReleasing() {
		t.Errorf("status %v, err %v", st, err)
	}
	if found, err := client.Locate(t.Context(), &edgev1.LocatePatientRequest{}); err != nil || len(found.GetSections()) != 1 {
		t.Errorf("found %v, err %v", found, err)
	}
}
