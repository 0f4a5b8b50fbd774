package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/training"
)

// watcher sees how training goes.
type watcher interface {
	resumed(step int)
	watch(training.Snapshot, bool)
}

// trainingRun trains a model and stores it, from the last checkpoint on if there is one.
type trainingRun struct {
	session     *training.Session
	checkpoints *training.Checkpoints
	progress    *training.Progress
	watcher     watcher
	// looked is called once checkpoints are read, before training; its error ends the run. Nil is no call.
	looked func(context.Context) error
	// read and store call a function again for as long as it is worth while storage is unavailable.
	read, store func(ctx context.Context, doing string, f func() error) error
}

// once calls a function once: what fails on a disk of one's own is not tried again.
func once(_ context.Context, _ string, f func() error) error { return f() }

// do trains and then calls commit, which stores what training leaves. Whatever ends the run before the model is safe,
// where training stands is saved first.
func (r *trainingRun) do(ctx context.Context, commit func(context.Context, *training.Outcome) error) (*training.Outcome, error) {
	loop, err := r.session.Loop(ctx, r.progress.Hook(), r.checkpoints.Hook())
	if err != nil {
		return nil, err
	}
	step := 0
	err = r.read(ctx, "reading checkpoints", func() (err error) {
		step, err = r.checkpoints.Resume(ctx, loop)
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.looked != nil {
		if err := r.looked(ctx); err != nil {
			return nil, err
		}
	}
	if step > 0 {
		r.watcher.resumed(step)
	}
	r.progress.Watch(r.watcher.watch)
	r.progress.Start(loop)
	if err := loop.Run(ctx); err != nil {
		return nil, err
	}
	outcome, err := r.session.Finish(ctx, loop)
	if err == nil {
		loop.Begin(training.StoringModel)
		err = r.store(ctx, "storing the model", func() error { return commit(ctx, outcome) })
	}
	switch {
	case err == nil:
		return outcome, nil
	case ctx.Err() != nil:
		return nil, loop.Interrupt(ctx)
	}
	switch systemExitCode(err) {
	case contract.ExitStorage, contract.ExitDiskFull, contract.ExitDenied:
		// Another start may find room, or get in: it is to find the training done.
		if saveErr := loop.Save(ctx); saveErr != nil {
			return nil, fmt.Errorf("%w (and the training could not be saved: %w)", err, saveErr)
		}
	}
	return nil, err
}

// keepMemory makes the program collect garbage more often instead of growing into its limit; 0 stands for that of the
// container or the machine.
func keepMemory(limit int64) {
	if limit == 0 {
		limit = training.MemoryLimit()
	}
	debug.SetMemoryLimit(limit / 10 * 9)
}
