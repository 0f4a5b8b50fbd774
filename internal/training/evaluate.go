package training

import (
	"context"
	"errors"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/metrics"
)

const (
	// calibrationChips is over how many training chips the statistics of batch norms are taken before an evaluation.
	calibrationChips = 512
	// calibrationEpoch numbers the order in which those chips are drawn; no epoch of training has it.
	calibrationEpoch = 1 << 30
)

// errEnough ends going through an epoch early.
var errEnough = errors.New("enough batches")

// calibrate takes the statistics of batch norms again, with the weights as they are now, over up to 512 training chips:
// the running ones are of many different weights, and with small batches they are noise (Wu and Johnson 2021,
// arXiv:2105.07576). The chips are the same each time.
func (l *Loop) calibrate(ctx context.Context) error {
	calibration, err := l.trainPlan.Calibrate()
	if err != nil {
		return err
	}
	chips := 0
	epoch := l.train.loader.Shuffled(ctx, calibrationEpoch, 0)
	err = l.train.each(epoch, nil, func(b batch) error {
		if err := calibration.Add(b.Batch); err != nil {
			return err
		}
		if chips += b.N; chips >= calibrationChips {
			return errEnough
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return calibration.Apply()
}

// seen is one batch of an evaluation, for those who look closer.
type seen struct {
	batch
	predicted []uint8
	logits    []float32
}

// measured gives the data that figures are of: the validation chips, or where there are none those of training.
func (l *Loop) measured() *source {
	if l.valid != nil {
		return l.valid
	}
	return l.train
}

// evaluate passes all data that figures are of through a plan, whose weights it loads as they are. visit, which may be
// nil, sees each batch.
func (l *Loop) evaluate(ctx context.Context, plan *nn.Plan, visit func(seen) error) (*partial, error) {
	on := l.measured()
	plan.Load()
	sums := &partial{Confusion: metrics.NewConfusion(l.settings.NumClasses)}
	var logits []float32
	err := on.each(on.loader.Sequential(ctx, 0), nil, func(b batch) error {
		if err := plan.Forward(b.Batch); err != nil {
			return err
		}
		loss, err := plan.Loss(l.loss, b.labels)
		if err != nil {
			return err
		}
		predicted := l.predicted[:plan.Labels()]
		if err := plan.Predict(predicted); err != nil {
			return err
		}
		count(sums.Confusion, b.labels, predicted, l.loss.IgnoreLabel)
		sums.Loss += loss.Sum
		sums.Weight += loss.Weight
		sums.Chips += b.N
		if visit != nil {
			if n := plan.Labels() * l.settings.NumClasses; cap(logits) < n {
				logits = make([]float32, n)
			}
			logits = logits[:plan.Labels()*l.settings.NumClasses]
			if err := plan.Logits(logits); err != nil {
				return err
			}
			if err := visit(seen{b, predicted, logits}); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return sums, err
}
