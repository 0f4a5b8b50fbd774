package training

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/swath-dev/swath/internal/training/checkpoint"
)

// CheckpointInterval is how often checkpoints are written at most.
const CheckpointInterval = time.Minute

const (
	// writeTimeout bounds a write beside training, saveTimeout one that the end of the process waits for.
	writeTimeout = 10 * time.Minute
	saveTimeout  = 2 * time.Minute
	// stopTimeout is how long a write that was cancelled is waited for.
	stopTimeout = 10 * time.Second
	// maxDenied is how many writes in a row may be denied until training stops: what is denied twice stays denied for this
	// process, and without checkpoints every further step may be lost.
	maxDenied = 2
)

// Checkpoints saves a training so that it can go on after its process has ended. While training goes on they are written
// beside it, from a copy, so that slow storage does not slow it down.
type Checkpoints struct {
	keeper *checkpoint.Keeper
	every  time.Duration
	warn   func(string)
	now    func() time.Time
	last   time.Time
	copied []checkpoint.Tensor
	// writing is the write under way; nil where there is none.
	writing *write
	// stored is called with the step of each checkpoint that is stored, or taken over.
	stored func(step int)
	// denied is how many writes in a row were denied.
	denied int
}

// write is one checkpoint that is being written beside training.
type write struct {
	step   int
	cancel context.CancelFunc
	done   chan error
}

// NewCheckpoints saves to a store at most so often. What the user should know, such as a checkpoint that could not be
// written, goes to warn; training goes on meanwhile.
func NewCheckpoints(store checkpoint.Store, every time.Duration, warn func(string)) *Checkpoints {
	return &Checkpoints{
		keeper: checkpoint.NewKeeper(store), every: every, warn: warn, now: time.Now, last: time.Now(), stored: func(int) {},
	}
}

// OnStored has f called with the step of each checkpoint that is stored from now on, or taken over, in the goroutine of
// the loop.
func (c *Checkpoints) OnStored(f func(step int)) { c.stored = f }

// Hook saves after steps, and when training ends before its model is safe.
func (c *Checkpoints) Hook() Hook {
	return Hook{
		Step: func(ctx context.Context, l *Loop) error {
			if err := c.collect(); err != nil {
				return err
			}
			if c.writing == nil && c.now().Sub(c.last) >= c.every {
				c.begin(ctx, l)
			}
			return nil
		},
		Interrupt: func(ctx context.Context, l *Loop) error {
			c.stop()
			return c.save(ctx, l)
		},
	}
}

// begin copies where training stands and starts to write it.
func (c *Checkpoints) begin(ctx context.Context, l *Loop) {
	tensors := l.tensors()
	if c.copied == nil {
		c.copied = make([]checkpoint.Tensor, len(tensors))
	}
	for i, t := range tensors {
		c.copied[i] = checkpoint.Tensor{Name: t.Name, Values: append(c.copied[i].Values[:0], t.Values...)}
	}
	// An interruption stops the write by itself, to save what is newer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	w := &write{step: l.state.Step, cancel: cancel, done: make(chan error, 1)}
	saved, copied := l.state.clone(), c.copied
	go func() { w.done <- c.keeper.Save(ctx, saved.Step, saved, copied) }()
	c.writing, c.last = w, c.now()
}

// collect looks whether the write under way has come to its end. The error ends training.
func (c *Checkpoints) collect() error {
	if c.writing == nil {
		return nil
	}
	var err error
	select {
	case err = <-c.writing.done:
	default:
		return nil
	}
	step := c.writing.step
	c.writing.cancel()
	c.writing = nil
	if !errors.Is(err, checkpoint.ErrDenied) {
		c.denied = 0
	} else if c.denied++; c.denied == maxDenied {
		return fmt.Errorf("training stopped at step %d, since its checkpoints cannot be stored and all further work could be lost: %w", step, err)
	}
	if err != nil {
		c.warn(fmt.Sprintf("the checkpoint of step %d could not be written, training goes on: %v", step, err))
		return nil
	}
	c.stored(step)
	return nil
}

// stop ends the write under way. If it cannot be ended it keeps its copy, and the next one gets another.
func (c *Checkpoints) stop() {
	if c.writing == nil {
		return
	}
	c.writing.cancel()
	select {
	case <-c.writing.done: //nolint:errcheck // What it ended with no longer matters.
	case <-time.After(stopTimeout):
		c.copied = nil
	}
	c.writing = nil
}

// save writes where training stands, and waits for it.
func (c *Checkpoints) save(ctx context.Context, l *Loop) error {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	if err := c.keeper.Save(ctx, l.state.Step, l.state, l.tensors()); err != nil {
		return err
	}
	c.stored(l.state.Step)
	return nil
}

// Resume takes over the last whole checkpoint of this training, and says at which step that was; 0 where there is none.
// A store that cannot be read is an error: training must not start afresh because of it.
func (c *Checkpoints) Resume(ctx context.Context, l *Loop) (step int, err error) {
	var found state
	tensors, ok, skipped, err := c.keeper.Load(ctx, &found)
	if err != nil {
		return 0, err
	}
	for _, damage := range skipped {
		c.warn(fmt.Sprintf("passed over: %v", damage))
	}
	if !ok {
		return 0, nil
	}
	if found.Identity != l.state.Identity {
		c.warn("the checkpoints are of another training (other data, hyperparameters or version of the arithmetic), so this one starts from the beginning")
		return 0, c.keeper.RemoveAll(ctx)
	}
	found.Resumed++
	found.Rows = slices.Clip(found.Rows)
	if err := l.restore(found, tensors); err != nil {
		return 0, fmt.Errorf("resuming at step %d: %w", found.Step, err)
	}
	c.stored(found.Step)
	return found.Step, nil
}

// Clear removes all checkpoints, once the model is safe.
func (c *Checkpoints) Clear(ctx context.Context) error {
	c.stop()
	return c.keeper.RemoveAll(ctx)
}
