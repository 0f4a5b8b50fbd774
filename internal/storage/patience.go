package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DefaultPatience is for how long storage may leave one step without an answer:
// a call, the next bytes of what is read, room for the next bytes of what is
// written. Whoever sends or takes the bytes at the other end does not count.
const DefaultPatience = 2 * time.Minute

// closingPatience is how much longer than another step the last one of a write
// may take: S3 puts the parts of a large file together for minutes.
const closingPatience = 5

// errNoAnswer is why a watch ends an operation.
var errNoAnswer = errors.New("storage gives no answer")

// watch ends an operation that storage leaves without an answer.
type watch struct {
	ctx      context.Context
	end      context.CancelCauseFunc
	timer    *time.Timer
	patience time.Duration
}

// watch begins an operation; its steps are between step and done.
func (s *Store) watch(ctx context.Context) *watch {
	w := &watch{patience: s.patience}
	w.ctx, w.end = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(w.patience, func() { w.end(errNoAnswer) })
	w.timer.Stop()
	return w
}

// step begins a step that may take patience times the given number.
func (w *watch) step(times int) { w.timer.Reset(time.Duration(times) * w.patience) }

// done ends a step, and says of an error if it comes from the watch.
func (w *watch) done(err error) error {
	w.timer.Stop()
	if err != nil && errors.Is(context.Cause(w.ctx), errNoAnswer) {
		return fmt.Errorf("%w: %w within %s: %w", ErrUnavailable, errNoAnswer, w.patience, err)
	}
	return err
}

// stop ends the operation.
func (w *watch) stop() {
	w.timer.Stop()
	w.end(context.Canceled)
}

// call is an operation of one step.
func (s *Store) call(ctx context.Context, do func(context.Context) error) error {
	w := s.watch(ctx)
	defer w.stop()
	w.step(1)
	return w.done(do(w.ctx))
}
