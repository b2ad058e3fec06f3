// Package lifecycle runs the tasks of a process together: the first that ends
// with an error, or panics, ends them all.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Task is something that runs until ctx ends or it fails. A task that ends
// because ctx ended returns nil or the context's error.
type Task func(ctx context.Context) error

// Run runs the tasks, each in its own goroutine, and returns when all have
// ended: no goroutine outlives it. It returns the first error that was not the
// end of ctx. A task that returns nil early does not end the others.
func Run(ctx context.Context, tasks ...Task) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, task := range tasks {
		all.Go(func() {
			if err := guarded(ctx, task); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// guarded runs a task and turns a panic into an error. The panic's value is
// not shown, because it may quote what was being worked on; its place is.
func guarded(ctx context.Context, task Task) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("lifecycle: a task panicked at:\n%s", debug.Stack())
		}
	}()
	return task(ctx)
}
