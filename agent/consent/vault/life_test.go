package vault

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestLocked(t *testing.T) {
	s, v := stocked(t)
	_, err := Open(s.path, s.opts)
	fails(t, err, care.ConsentUnavailable, ReasonLocked)
	_, err = Check(t.Context(), s.path, s.opts.Key, nil)
	fails(t, err, care.ConsentUnavailable, ReasonLocked)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Check(ctx, s.path, s.opts.Key, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	check(t, v.Close())
	report, err := Check(t.Context(), s.path, s.opts.Key, nil)
	check(t, err)
	if report.Entries != 500 || report.Pages < 400 || report.Epoch != firstEpoch+1 || report.Bytes != int64(len(s.image(t))) {
		t.Errorf("%+v", report)
	}
	s.open(t)
}

func TestClose(t *testing.T) {
	_, v := stocked(t)
	check(t, v.Close())
	check(t, v.Close())
	r, k := v.Read(), keyNumber(1)
	_, err := r.Get(0, &k)
	r.Done()
	fails(t, err, care.ConsentUnavailable, ReasonClosed)
	fails(t, v.Update(t.Context(), func(*Change) error { return nil }), care.ConsentUnavailable, ReasonClosed)
	fails(t, v.Err(), care.ConsentUnavailable, ReasonClosed)
	select {
	case <-v.Failed():
		t.Error("closing counts as failing")
	default:
	}
}

// TestCreate proves that a vault is never made over another, and that one whose
// creation was cut off is completed.
func TestCreate(t *testing.T) {
	s := newShelf(t)
	if Exists(s.path) {
		t.Error("exists before it was created")
	}
	check(t, os.WriteFile(s.path+".new-1", []byte("half"), 0o600)) // what a power cut leaves
	check(t, Create(s.path, s.opts))
	image := s.image(t)
	fails(t, Create(s.path, s.opts), care.Conflict, "EXISTS")
	if !bytes.Equal(image, s.image(t)) {
		t.Error("the vault was changed")
	}
	check(t, os.Remove(s.path+markerSuffix))
	if !Exists(s.path) {
		t.Error("a vault without a marker does not exist")
	}
	v := s.open(t)
	if absent(s.path + markerSuffix) {
		t.Error("the marker was not made")
	}
	if v.Root().Epoch != firstEpoch || v.Root().State != State(text("new")) {
		t.Errorf("%+v", v.Root())
	}
	check(t, v.Close())
	check(t, os.Remove(s.path))
	if !Exists(s.path) {
		t.Error("forgets that there was one")
	}
	_, err := Open(s.path, s.opts)
	if fails(t, err, care.ConsentUnavailable, ReasonDamaged); !absent(s.path) {
		t.Error("opening made a file")
	}
	s.path += "/folder/missing"
	fails(t, Create(s.path, s.opts), care.ConsentUnavailable, "CREATE")
}

func TestOptions(t *testing.T) {
	s, v := stocked(t)
	check(t, v.Close())
	for name, o := range map[string]Options{"no key": {Parse: s.opts.Parse, First: s.opts.First}, "no functions": {Key: s.opts.Key}} {
		_, err := Open(s.path, o)
		fails(t, err, care.BadRequest, "OPTIONS")
		if fails(t, Create(s.path+name, o), care.BadRequest, "OPTIONS"); Exists(s.path + name) {
			t.Errorf("%s: created", name)
		}
	}
	bad := s.opts
	bad.Parse = func([]byte) (State, error) { return nil, errors.New("not a state") }
	_, err := Open(s.path, bad)
	fails(t, err, care.ConsentUnavailable, ReasonDamaged)
	s.open(t)
}

func TestQuarantine(t *testing.T) {
	s, v := stocked(t)
	check(t, v.Close())
	image, now := s.image(t), time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	check(t, os.Remove(s.path+markerSuffix))
	name, err := Quarantine(s.path, now)
	check(t, err)
	if kept, err := os.ReadFile(name); err != nil || !bytes.Equal(kept, image) || name != s.path+".damaged-20261122T210000Z" {
		t.Errorf("%s: %v", name, err)
	}
	if !absent(s.path) || !Exists(s.path) {
		t.Error("the place is not free, or forgets that there was one")
	}
	if name, err := Quarantine(s.path, now); name != "" || err != nil {
		t.Errorf("quarantined nothing as %q: %v", name, err)
	}
	check(t, Create(s.path, s.opts))
	second, err := Quarantine(s.path, now)
	check(t, err)
	if second == name || absent(name) {
		t.Error("the first was overwritten")
	}
}
