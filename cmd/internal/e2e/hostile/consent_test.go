//go:build e2e

package hostile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// desk is the site's own line to its agent.
func (s *site) desk(t testing.TB) edgev1.ConsentServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+filepath.Join(s.state, "agent.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return edgev1.NewConsentServiceClient(conn)
}

// dissents records that patients have opted out at the site.
func dissents(ctx context.Context, desk edgev1.ConsentServiceClient, numbers ...string) error {
	request := &edgev1.RecordDirectivesRequest{}
	for _, n := range numbers {
		request.Directives = append(request.Directives, &edgev1.Directive{NhsNumber: n, Kind: edgev1.DirectiveKind_DIRECTIVE_KIND_DISSENT,
			Effective: timestamppb.Now(), RecordedBy: "reception"})
	}
	_, err := desk.RecordDirectives(ctx, request)
	return err
}

// told asks for a patient's record and returns what the agent answers. Consent
// is asked before it is known whether there is such a patient.
func told(t testing.TB, c *edge.Client, number string) care.Kind {
	t.Helper()
	asked := asking(member(t, memory.CastEmergency))
	asked.Subject.NhsNumber = number
	_, err := c.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asked})
	if err == nil {
		return care.OK
	}
	refusal, ours := edge.RefusalOf(err)
	if !ours {
		t.Fatalf("not a refusal: %v", err)
	}
	kind, _ := care.ParseKind(refusal.GetCode())
	return kind
}

// testNumbers returns n valid numbers of the test range.
func testNumbers(n int) (list []string) {
	for i := 9995550000; len(list) < n; i++ {
		if _, err := care.ParseNHSNumber(fmt.Sprint(i)); err == nil {
			list = append(list, fmt.Sprint(i))
		}
	}
	return list
}

// TestOptOutsSurviveKills kills the agent while people at the site record
// opt-outs, again and again. Every opt-out that was acknowledged is refused
// ever after. What this says of the disk is in TestKilled's comment; lost
// writes are simulated in agent/consent/vault.
func TestOptOutsSurviveKills(t *testing.T) {
	s := newSite(t)
	agent := s.start(t)
	s.fill(t)
	numbers := testNumbers(4000)
	var mu sync.Mutex
	var acknowledged []string
	for round := range 8 {
		var recorders sync.WaitGroup
		desk, enough := s.desk(t), make(chan struct{})
		var begun int
		for range 4 {
			recorders.Go(func() {
				for {
					mu.Lock()
					mine := numbers[:3]
					numbers = numbers[3:]
					mu.Unlock()
					if dissents(within(t), desk, mine...) != nil {
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, mine...)
					if begun++; begun == 5+round*3 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		agent.kill()
		recorders.Wait()
		agent = s.start(t)
	}
	client := s.as(t, recordsURI)
	for _, n := range acknowledged {
		if k := told(t, client, n); k != care.NoPatientConsent {
			t.Errorf("an opt-out that was acknowledged is answered with %s", k)
		}
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d opt-outs were acknowledged", len(acknowledged))
	}
	wholeRecord(t, client, member(t, memory.CastEmergency))
	agent.stop()
}

// TestOnlyTheRegionsWordOpensAfterAStart: a process that the region has not
// vouched for releases nothing, and still knows who has dissented.
func TestOnlyTheRegionsWordOpensAfterAStart(t *testing.T) {
	s := newSite(t)
	agent := s.start(t)
	s.fill(t)
	optedOut := testNumbers(1)[0]
	must(t, dissents(within(t), s.desk(t), optedOut))
	agent.stop()
	s.filled = false
	agent = s.start(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	if k := told(t, client, patient.NHSNumber.Reveal()); k != care.ConsentUnavailable {
		t.Errorf("before the region has vouched the answer is %s", k)
	}
	if k := told(t, client, optedOut); k != care.NoPatientConsent {
		t.Errorf("somebody who has opted out is answered with %s", k)
	}
	s.fill(t)
	wholeRecord(t, client, patient)
	agent.stop()
}

// TestConsentStoreIsLost puts an older copy of the consent store back, or
// damages it, or takes it away. Nobody's record leaves until the region has
// sent its flags again, and then the site's own opt-outs are there as well, read
// back from the journal.
func TestConsentStoreIsLost(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, store, older string){
		"older copy": func(t *testing.T, store, older string) { copyFile(t, older, store) },
		"bits flipped": func(t *testing.T, store, _ string) {
			content, err := os.ReadFile(store)
			must(t, err)
			for range 40 {
				content[rand.IntN(len(content))] ^= 1 << rand.IntN(8)
			}
			must(t, os.WriteFile(store, content, 0o600))
		},
		"cut":   func(t *testing.T, store, _ string) { must(t, os.Truncate(store, 5000)) },
		"empty": func(t *testing.T, store, _ string) { must(t, os.Truncate(store, 0)) },
		"gone":  func(t *testing.T, store, _ string) { must(t, os.Remove(store)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			agent := s.start(t)
			s.fill(t)
			numbers := testNumbers(2)
			must(t, dissents(within(t), s.desk(t), numbers[0]))
			agent.stop()
			store := filepath.Join(s.state, "consent.db")
			older := filepath.Join(s.dir, "older.db")
			copyFile(t, store, older)
			agent = s.start(t)
			must(t, dissents(within(t), s.desk(t), numbers[1]))
			agent.stop()

			spoil(t, store, older)
			s.filled = false
			agent = s.start(t)
			client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
			for _, n := range append(numbers, patient.NHSNumber.Reveal()) {
				if k := told(t, client, n); k != care.ConsentUnavailable {
					t.Errorf("before it was brought back the answer is %s", k)
				}
			}
			s.fill(t)
			eventually(t, "the record is released again", func() bool { return told(t, client, patient.NHSNumber.Reveal()) == care.OK })
			for _, n := range numbers {
				if k := told(t, client, n); k != care.NoPatientConsent {
					t.Errorf("an opt-out made at the site is answered with %s", k)
				}
			}
			if s.count(t, care.ConsentRebuilt) == 0 {
				t.Error("the journal does not tell that the store was rebuilt")
			}
			if out, code := s.command(t, "alerts", "list"); code != 0 || !strings.Contains(out, "CONSENT_DOUBTED") {
				t.Errorf("the privacy officer is not told: code %d: %s", code, out)
			}
			agent.stop()
			s.holdsTogether(t)
		})
	}
}

// TestSitePutBackFromThePast puts the whole state folder of a site back to what
// it was: store and journal agree, and only the region knows better.
func TestSitePutBackFromThePast(t *testing.T) {
	s := newSite(t)
	agent := s.start(t)
	flags := filepath.Join(s.dir, "flags.csv")
	must(t, os.WriteFile(flags, []byte("nhs_number,directive,effective,by\n"+testNumbers(3)[2]+",DISSENT,2026-03-01,region\n"), 0o600))
	office := s.folder(t, officeURI)
	ctl := func(words ...string) (string, int) {
		return s.ctlIn(t, office, words...)
	}
	if out, code := ctl("consent", "push", flags); code != 0 {
		t.Fatalf("consent push: %d: %s", code, out)
	}
	agent.stop()
	past := shortDir(t) + "/past"
	copyFolder(t, s.state, past)
	agent = s.start(t)
	must(t, dissents(within(t), s.desk(t), testNumbers(1)...))
	if out, code := ctl("consent", "push", flags); code != 0 {
		t.Fatalf("consent push: %d: %s", code, out)
	}
	agent.stop()

	must(t, os.RemoveAll(s.state))
	copyFolder(t, past, s.state)
	agent = s.start(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	if k := told(t, client, patient.NHSNumber.Reveal()); k != care.ConsentUnavailable {
		t.Errorf("before the region has looked the answer is %s", k)
	}
	if out, code := ctl("consent", "beat"); code != 6 {
		t.Errorf("mcrctl does not notice: code %d: %s", code, out)
	}
	if k := told(t, client, patient.NHSNumber.Reveal()); k != care.ConsentUnavailable {
		t.Errorf("after the region has noticed the answer is %s", k)
	}
	out, code := ctl("consent", "push", flags)
	if code != 6 || !strings.Contains(out, "PUT BACK FROM THE PAST") {
		t.Errorf("the push that heals it ends with code %d: %s", code, out)
	}
	eventually(t, "the record is released again", func() bool { return told(t, client, patient.NHSNumber.Reveal()) == care.OK })
	agent.stop()
}

// TestDissentStopsAnAnswerOnItsWay: an opt-out that is acknowledged while a
// document is being sent stops it.
func TestDissentStopsAnAnswerOnItsWay(t *testing.T) {
	s := largeSite(t)
	agent := s.start(t)
	s.fill(t)
	client := s.as(t, recordsURI, grpc.WithStaticStreamWindowSize(64<<10), grpc.WithStaticConnWindowSize(64<<10))
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	stream, err := edgev1.NewRecordServiceClient(client.Conn()).GetRecord(ctx, &edgev1.GetRecordRequest{Context: asking(large())})
	must(t, err)
	_, err = stream.Recv()
	must(t, err)
	must(t, dissents(within(t), s.desk(t), large().NHSNumber.Reveal()))
	messages := 0
	for ; err == nil; messages++ {
		_, err = stream.Recv()
	}
	if refusal, _ := edge.RefusalOf(err); refusal.GetCode() != care.NoPatientConsent.String() {
		t.Errorf("after %d more messages the answer ended with %v", messages, err)
	}
	if messages > 20 { // what had left for the caller's window and the kernel's buffers before
		t.Errorf("%d messages came after the opt-out was acknowledged", messages)
	}
	agent.stop()
}

// TestConsentChangeThatCannotBeWritten lets writing the consent store fail. The
// change is not acknowledged, nothing is released any more, and the agent ends:
// only opening the file again tells what is on disk. What was acknowledged
// before is there.
func TestConsentChangeThatCannotBeWritten(t *testing.T) {
	for _, what := range []string{"fdatasync:error=EIO", "pwrite64:error=EIO", "pwrite64:error=ENOSPC"} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t)
			agent := s.start(t)
			s.fill(t)
			numbers := testNumbers(30)
			must(t, dissents(within(t), s.desk(t), numbers[0]))
			detach := agent.inject(t, filepath.Join(s.state, "consent.db"), what)
			if err := dissents(within(t), s.desk(t), numbers[1:]...); err == nil {
				t.Error("a change that could not be written was acknowledged")
			}
			if code := agent.wait(); code != exitFailed {
				t.Errorf("the agent ended with code %d, want %d:\n%s", code, exitFailed, agent.text())
			}
			detach()
			agent = s.start(t)
			client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
			if k := told(t, client, numbers[0]); k != care.NoPatientConsent {
				t.Errorf("an opt-out that was acknowledged is answered with %s", k)
			}
			must(t, dissents(within(t), s.desk(t), numbers[1:]...))
			if k := told(t, client, numbers[7]); k != care.NoPatientConsent {
				t.Errorf("an opt-out that was handed in again is answered with %s", k)
			}
			wholeRecord(t, client, patient)
			agent.stop()
			s.holdsTogether(t)
		})
	}
}
