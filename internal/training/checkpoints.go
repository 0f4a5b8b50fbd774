package training

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/swath-dev/swath/internal/training/checkpoint"
)

// CheckpointInterval is how often checkpoints are written at most.
const CheckpointInterval = time.Minute

// saveTimeout bounds how long training waits for storage that does not answer.
const saveTimeout = 2 * time.Minute

// Checkpoints saves a training so that it can go on after its process has ended.
type Checkpoints struct {
	keeper *checkpoint.Keeper
	every  time.Duration
	warn   func(string)
	now    func() time.Time
	last   time.Time
}

// NewCheckpoints saves to a store at most so often. What the user should know, such as a checkpoint that could not be
// written, goes to warn; training goes on meanwhile.
func NewCheckpoints(store checkpoint.Store, every time.Duration, warn func(string)) *Checkpoints {
	return &Checkpoints{keeper: checkpoint.NewKeeper(store), every: every, warn: warn, now: time.Now, last: time.Now()}
}

// Hook saves after steps, and at an interruption.
func (c *Checkpoints) Hook() Hook {
	return Hook{
		Step: func(ctx context.Context, l *Loop) error {
			if c.now().Sub(c.last) < c.every {
				return nil
			}
			if err := c.save(ctx, l); err != nil && ctx.Err() == nil {
				c.warn(fmt.Sprintf("the checkpoint of step %d could not be written, training goes on: %v", l.state.Step, err))
			}
			c.last = c.now()
			return nil
		},
		Interrupt: c.save,
	}
}

func (c *Checkpoints) save(ctx context.Context, l *Loop) error {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	return c.keeper.Save(ctx, l.state.Step, l.state, l.tensors())
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
	return found.Step, nil
}

// Clear removes all checkpoints, once the model is safe.
func (c *Checkpoints) Clear(ctx context.Context) error { return c.keeper.RemoveAll(ctx) }
