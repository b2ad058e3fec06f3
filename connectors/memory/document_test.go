package memory

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"testing/iotest"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestDocumentsAreWhatTheirReferenceSays opens every document of the practice.
func TestDocumentsAreWhatTheirReferenceSays(t *testing.T) {
	p, c := northgateOf(t, 1, practiceSize)
	opened, placeholders := map[string]int{}, 0
	for i := range p.residents {
		records, _ := everything(t, c, p.residents[i].number)
		patient, _ := c.Identify(t.Context(), p.residents[i].number)
		for _, r := range records {
			if r.Section != care.Documents {
				continue
			}
			doc, err := c.Document(t.Context(), patient, r.ID)
			if care.ReasonOf(err) == "PLACEHOLDER" {
				placeholders++
				continue
			}
			if err != nil {
				t.Fatalf("Document: %v", err)
			}
			checkDocument(t, &r, doc)
			opened[doc.ContentType]++
		}
	}
	if opened["text/plain"] < 10 || opened["application/pdf"] < 3 || placeholders < 2 {
		t.Errorf("opened %v and met %d placeholders: not every kind occurs", opened, placeholders)
	}
}

func checkDocument(t *testing.T, r *care.Record, doc care.Document) {
	t.Helper()
	content, err := io.ReadAll(doc.Body)
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Content []struct {
			Attachment struct {
				ContentType string
				Size        int64
			}
		}
	}
	if err := json.Unmarshal(r.Resource, &reference); err != nil {
		t.Fatal(err)
	}
	said := reference.Content[0].Attachment
	if doc.Size != int64(len(content)) || said.Size != doc.Size || said.ContentType != doc.ContentType || len(content) < 200 {
		t.Errorf("%s: %d bytes of %s came, %d promised, the reference says %+v", r.ID, len(content), doc.ContentType, doc.Size, said)
	}
	if doc.ContentType == "application/pdf" && (!bytes.HasPrefix(content, []byte("%PDF-1.4\n")) || !bytes.HasSuffix(content, []byte("%%EOF\n"))) {
		t.Errorf("%s is not a PDF", r.ID)
	}
	if doc.ID != r.ID || doc.Confidentiality != r.Confidentiality || len(doc.Links) != len(r.Links) || doc.Origin != r.Origin {
		t.Errorf("%s: what decides its release is not that of its reference", r.ID)
	}
	if err := doc.Body.Close(); err != nil {
		t.Error(err)
	}
	if n, err := doc.Body.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%s can be read after Close", r.ID)
	}
}

func TestDocumentOfAnotherPatient(t *testing.T) {
	p, c := northgateOf(t, 1, 30)
	records, _ := everything(t, c, p.residents[0].number)
	other, err := c.Identify(t.Context(), p.residents[1].number)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, r := range records {
		if r.Section == care.Documents {
			tried++
			if _, err := c.Document(t.Context(), other, r.ID); care.KindOf(err) != care.RecordNotFound {
				t.Errorf("another patient's document: %v", err)
			}
		}
	}
	if tried == 0 {
		t.Error("the first patient has no document to try with")
	}
}

// TestSizedDocument reads a document that is made up on the way.
func TestSizedDocument(t *testing.T) {
	const size = 3*patternLength + 77
	want := make([]byte, size)
	for i := range want {
		want[i] = byte(i % patternPeriod)
	}
	if err := iotest.TestReader(&pattern{left: size}, want); err != nil {
		t.Error(err)
	}
	got, err := io.ReadAll(iotest.OneByteReader(&pattern{left: size}))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read one byte at a time it differs: %v", err)
	}
	uneven, rest := &pattern{left: size}, make([]byte, size)
	for done, ask := 0, 100; done < size; ask = size {
		n, err := uneven.Read(rest[done:min(done+ask, size)])
		if err != nil {
			t.Fatal(err)
		}
		done += n
	}
	if !bytes.Equal(rest, want) {
		t.Error("read in one long piece after a short one it differs")
	}
}

func TestSizedIsAboutItsSize(t *testing.T) {
	number, _ := testNumber(7000)
	for _, size := range []int{2 << 10, 50 << 10, 1 << 20} {
		c, err := New(origin, []Patient{Sized(number, size, 50<<20)})
		if err != nil {
			t.Fatal(err)
		}
		patient, err := c.Identify(t.Context(), number)
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for item := range c.Fetch(t.Context(), care.Query{Patient: patient, Sections: care.SetOf(care.Observations), MaxRows: 5000}) {
			if item.Record != nil {
				total += len(item.Record.Resource)
			}
		}
		if total < size*9/10 || total > size*11/10 {
			t.Errorf("Sized(%d) answers with %d bytes", size, total)
		}
		doc, err := c.Document(t.Context(), patient, "gp.document."+SizedDocument)
		if err != nil || doc.Size != 50<<20 {
			t.Fatalf("Document: %v, %d bytes", err, doc.Size)
		}
		if n, err := io.Copy(io.Discard, doc.Body); err != nil || n != 50<<20 {
			t.Errorf("%d bytes came: %v", n, err)
		}
	}
}
