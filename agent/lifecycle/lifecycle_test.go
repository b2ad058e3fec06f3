package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/lifecycle"
)

func untilDone(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestFirstFailureEndsAll(t *testing.T) {
	broken := errors.New("broken")
	ended := make(chan struct{})
	err := lifecycle.Run(context.Background(),
		func(ctx context.Context) error { defer close(ended); return untilDone(ctx) },
		func(context.Context) error { return broken },
	)
	if !errors.Is(err, broken) {
		t.Errorf("Run returned %v, want the failure of the second task", err)
	}
	select {
	case <-ended:
	default:
		t.Error("Run returned while a task was still running")
	}
}

func TestPanicIsAFailureAndShowsNoValue(t *testing.T) {
	err := lifecycle.Run(context.Background(), untilDone, func(context.Context) error { panic("canary 9990000018") })
	if err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Fatalf("Run returned %v, want the panic", err)
	}
	if strings.Contains(err.Error(), "9990000018") {
		t.Error("the panic's value is shown")
	}
}

func TestEndOfContextIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := lifecycle.Run(ctx, untilDone); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestEarlyNilLeavesOthersRunning(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	other := make(chan struct{})
	err := lifecycle.Run(ctx,
		func(context.Context) error { close(other); return nil },
		func(ctx context.Context) error { <-other; cancel(); return untilDone(ctx) },
	)
	if err != nil {
		t.Errorf("Run returned %v", err)
	}
}
