//go:build otelcol

package forward

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A real OpenTelemetry Collector, as the document configures it, takes
// everything. It is not installed by .ci/run; MCR_OTELCOL is its program.
func TestOpenTelemetryCollector(t *testing.T) {
	dir, port := t.TempDir(), unused(t)
	writeCredentials(t, dir)
	config := filepath.Join(dir, "otelcol.yaml")
	text := example(t, "```yaml", 1, "/etc/otelcol", dir, "0.0.0.0:4317", "127.0.0.1:"+port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &shared{}
	cmd := exec.Command(os.Getenv("MCR_OTELCOL"), "--config", config)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	j, plain := newJournal(t), serve(t, nil, newCollected().handle)
	j.add(t, 2*MaxBatch)
	receiver := plain.receiver(OTLP)
	receiver.Address = "localhost:" + port
	r := run(t, j.settings(receiver))
	s := r.until(t, "delivered", func(s Status) bool { return s.Position == 2*MaxBatch && s.Behind == 0 })
	if s.Rejected > 0 {
		t.Errorf("%+v", s)
	}
	for end := time.Now().Add(patience); strings.Count(log.text(), "EventName: RELEASE_REFUSED") < 2*MaxBatch; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(log.text()[:min(len(log.text()), 5000)])
		}
	}
	for _, want := range []string{"SeverityNumber: Info2(10)", "service.instance.id: Str(Y99901)", "mcr.seq: Int(512)", "mcr.organisation_name: Str(Test Surgery)"} {
		if !strings.Contains(log.text(), want) {
			t.Errorf("the collector has not shown %s", want)
		}
	}
	if strings.Contains(log.text(), canaryNumber) {
		t.Error("a patient is named")
	}
}

// shared is a buffer that a process writes while a test reads.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
