package connectortest

import (
	"context"
	"maps"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// checkDirectivesConcurrent reads all and single ones from many goroutines.
func checkDirectivesConcurrent(t testing.TB, h Harness) {
	d := directives(t, h.open(t))
	whole := h.wholeOnly(t, d)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			if worker%4 == 0 || whole {
				if got, err := h.readDirectives(t.Context(), t, d); err != nil || !maps.Equal(got, h.wantedOfAll()) {
					t.Errorf("Directives beside others gives something else, or %v", err)
				}
				return
			}
			for round := range 4 {
				h.checkOf(t, d, h.Patients[(worker+round)%len(h.Patients)])
			}
		})
	}
	wg.Wait()
}

func checkDirectivesClosed(t testing.TB, h Harness) {
	c := h.Open(t)
	d := directives(t, c)
	whole := h.wholeOnly(t, d)
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	h.mustFail(t, d, whole, "a closed source")
}

// mustFail checks that directives cannot be had, and that this is said.
func (h Harness) mustFail(t testing.TB, d care.DirectiveSource, whole bool, what string) {
	t.Helper()
	if _, err := h.readDirectives(t.Context(), t, d); err == nil {
		t.Errorf("the directives of %s end without an error: it is taken for one that says nothing", what)
	} else {
		h.wantError(t, err, care.SourceUnavailable, "")
	}
	if whole {
		return
	}
	list, err := d.DirectivesOf(t.Context(), h.Patients[0].NHSNumber)
	h.wantError(t, err, care.SourceUnavailable, "")
	if len(list) > 0 {
		t.Errorf("DirectivesOf %s fails and gives statements all the same", what)
	}
}

func checkDirectivesLeaks(t testing.TB, h Harness) {
	before := goleak.IgnoreCurrent()
	c := h.Open(t)
	d := directives(t, c)
	for n := range 3 {
		got := 0
		for range d.Directives(t.Context()) {
			if got++; got > n {
				break
			}
		}
	}
	if !h.wholeOnly(t, d) {
		h.checkOf(t, d, h.Patients[0])
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := goleak.Find(before); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func checkUnreadable(t testing.TB, h Harness) {
	c := closing(t, h.Faults.Unreadable(t))
	d := directives(t, c)
	for range 2 {
		h.mustFail(t, d, h.wholeOnly(t, d), "a source of which they cannot be read")
	}
	h.identify(t, c, h.Patients[0]) // nothing else of it is broken
}

func checkDirectivesDown(t testing.TB, h Harness) {
	d := directives(t, closing(t, h.Faults.Down(t)))
	h.mustFail(t, d, h.wholeOnly(t, d), "a source that is down")
}

func checkDirectivesHang(t testing.TB, h Harness) {
	whole := h.wholeOnly(t, directives(t, h.open(t)))
	c, asked := h.Faults.Hang(t)
	closing(t, c)
	d := directives(t, c)
	h.cancelWhenAsked(t, asked, func(ctx context.Context) {
		_, err := h.readDirectives(ctx, t, d)
		h.wantError(t, err, care.Cancelled, "")
	})
	if whole {
		return
	}
	again, asked := h.Faults.Hang(t)
	closing(t, again)
	h.cancelWhenAsked(t, asked, func(ctx context.Context) {
		_, err := directives(t, again).DirectivesOf(ctx, h.Patients[0].NHSNumber)
		h.wantError(t, err, care.Cancelled, "")
	})
}
