package training

import (
	"context"
	"errors"
	"time"

	"github.com/swath-dev/swath/internal/dataset"
)

// Estimate is what a training would take.
type Estimate struct {
	Steps  int
	Memory int64
	// Duration is extrapolated from a few steps and an evaluation that were really done, on this machine.
	Duration time.Duration
}

// How many steps an estimate is taken from, after one to warm up, and for how long at most.
const (
	estimateSteps = 8
	estimateTime  = 10 * time.Second
	// reportTime is about what exporting the model and drawing the report takes, whatever the data.
	reportTime = time.Second
)

// Estimate says how long training would take and how much memory, from a few steps whose result is thrown away.
func (s *Session) Estimate(ctx context.Context) (Estimate, error) {
	l, err := s.Loop(ctx)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Steps: l.Steps()}
	if e.Memory, err = s.Memory(); err != nil {
		return e, err
	}
	for view, source := range map[*dataset.View]*source{s.train: l.train, s.valid: l.valid} {
		if source != nil && source.loader.InMemory() {
			e.Memory += view.DecodedBytes()
		}
	}
	chips := func(epoch int, visit func(batch) error) error {
		return l.train.each(l.train.loader.Shuffled(ctx, epoch, 0), nil, visit)
	}
	steps, err := timed(ctx, l, chips, l.step)
	if err != nil {
		return e, err
	}
	forward, err := timed(ctx, l, chips, func(b batch) error { return l.inferPlan.Forward(b.Batch) })
	if err != nil {
		return e, err
	}
	linear, ofLinear, err := s.newLinear(ctx, l)
	if err != nil {
		return e, err
	}
	linearSteps, err := timed(ctx, l, ofLinear, linear.step)
	if err != nil {
		return e, err
	}
	perEpoch := min(l.train.loader.Batches(), (calibrationChips+s.settings.BatchSize-1)/s.settings.BatchSize)
	if l.valid != nil {
		perEpoch += l.valid.loader.Batches()
	}
	passes := perEpoch*s.settings.Epochs + lastPasses*l.measured().loader.Batches()
	e.Duration = multiplied(steps, e.Steps) + multiplied(forward, passes) + linearSteps*baselineSteps + reportTime
	return e, nil
}

// multiplied is d n times, and 100 years at most: sums of a few do not overflow.
func multiplied(d time.Duration, n int) time.Duration {
	const longest = 100 * 365 * 24 * time.Hour
	if n > 0 && d > longest/time.Duration(n) {
		return longest
	}
	return d * time.Duration(n)
}

// timed is how long one call of f takes, on the mean of a few batches after the first.
func timed(ctx context.Context, l *Loop, batches epochs, f func(batch) error) (time.Duration, error) {
	var first, last time.Time
	n := 0
	for epoch := 0; n <= estimateSteps && (n == 0 || last.Sub(first) < estimateTime); epoch++ {
		err := batches(epoch, func(b batch) error {
			if err := f(b); err != nil {
				return err
			}
			last = l.now()
			if n++; n == 1 {
				first = last
			}
			if n > estimateSteps || last.Sub(first) >= estimateTime {
				return errEnough
			}
			return ctx.Err()
		})
		if err != nil && !errors.Is(err, errEnough) {
			return 0, err
		}
	}
	if n < 2 {
		return 0, nil
	}
	return last.Sub(first) / time.Duration(n-1), nil
}
