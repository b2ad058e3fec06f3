//go:build e2e

package hostile

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

// pythonAnswer is what testdata/client.py prints.
type pythonAnswer struct {
	Located struct {
		Family   string `json:"family"`
		Sections int    `json:"sections"`
	} `json:"located"`
	Record struct {
		Openings       int      `json:"openings"`
		Closings       int      `json:"closings"`
		Decision       uint64   `json:"decision"`
		Records        int      `json:"records"`
		OneOutcomeEach bool     `json:"one_outcome_each"`
		NumbersAgree   bool     `json:"numbers_agree"`
		States         []string `json:"states"`
	} `json:"record"`
	Document struct {
		Bytes        int  `json:"bytes"`
		SizeAgrees   bool `json:"size_agrees"`
		DigestAgrees bool `json:"digest_agrees"`
	} `json:"document"`
	Refused struct {
		Status string `json:"status"`
		Code   string `json:"code"`
		Entry  uint64 `json:"entry"`
	} `json:"refused"`
}

// TestClientFromProtoFiles has a broker in another language, made of the
// .proto files alone, ask over TLS with certificates at both ends. It needs
// Debian's python3-grpcio, python3-protobuf and protobuf-compiler.
func TestClientFromProtoFiles(t *testing.T) {
	s := newSite(t)
	s.start(t)
	s.fill(t)
	patient := member(t, memory.CastEndOfLife)
	record := wholeRecord(t, s.as(t, recordsURI), patient)
	records := 0
	for _, section := range record.Sections {
		records += len(section.Records)
	}

	got := s.python(t, patient)
	if got.Located.Family != patient.Family || got.Located.Sections != care.AllSections.Len() {
		t.Errorf("located %+v", got.Located)
	}
	r := got.Record
	if r.Openings != 1 || r.Closings != 1 || r.Records != records || !r.OneOutcomeEach || !r.NumbersAgree || !slices.Contains(r.States, "SECTION_STATE_COMPLETE") {
		t.Errorf("record %+v, want %d records", r, records)
	}
	if d := got.Document; d.Bytes == 0 || !d.SizeAgrees || !d.DigestAgrees {
		t.Errorf("document %+v", d)
	}
	if f := got.Refused; f.Status != "INVALID_ARGUMENT" || f.Code != "INVALID_NHS_NUMBER" || f.Entry == 0 {
		t.Errorf("refused %+v", f)
	}
	decision := s.journal(t, r.Decision)[0]
	if decision.Kind != care.ReleaseDecided || decision.UserName != "Dr Python" || decision.Software != "client.py 1" {
		t.Errorf("entry %d is %s of %q with %q", r.Decision, decision.Kind, decision.UserName, decision.Software)
	}
}

// python generates the messages and runs the client.
func (s *site) python(t *testing.T, patient memory.Member) (answer pythonAnswer) {
	t.Helper()
	generated, source := shortDir(t), filepath.Join("..", "..", "..", "..", "proto")
	files, err := filepath.Glob(filepath.Join(source, "mcr", "edge", "v1", "*.proto"))
	must(t, err)
	files = append(files, filepath.Join("testdata", "status.proto"))
	words := append([]string{"-I", source, "-I", "testdata", "--descriptor_set_in", wellKnown(t), "--python_out", generated}, files...)
	if out, err := exec.Command("protoc", words...).CombinedOutput(); err != nil {
		t.Fatalf("protoc (Debian's protobuf-compiler): %v: %s", err, out)
	}
	certificate := s.broker(t, recordsURI)
	chain, key := filepath.Join(s.dir, "broker.crt"), filepath.Join(s.dir, "broker.key")
	must(t, os.WriteFile(chain, certificate.CertPEM, 0o600))
	must(t, os.WriteFile(key, certificate.KeyPEM, 0o600))
	cmd := exec.Command("/usr/bin/python3", filepath.Join("testdata", "client.py"), generated, s.address, filepath.Join(s.dir, "ca.pem"), chain, key,
		patient.NHSNumber.Reveal(), patient.Family, patient.BirthDate.String())
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("client.py (python3-grpcio, python3-protobuf): %v: %s", err, complaints.String())
	}
	must(t, json.Unmarshal(out, &answer))
	return answer
}

// wellKnown writes the descriptors of the files of Google's that ours import:
// Debian keeps their text in a package that nothing else here needs.
func wellKnown(t *testing.T) string {
	t.Helper()
	set, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto),
		protodesc.ToFileDescriptorProto(anypb.File_google_protobuf_any_proto),
		protodesc.ToFileDescriptorProto(timestamppb.File_google_protobuf_timestamp_proto),
	}})
	must(t, err)
	path := filepath.Join(shortDir(t), "well-known.pb")
	must(t, os.WriteFile(path, set, 0o600))
	return path
}
