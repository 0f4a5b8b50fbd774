package training

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/results"
)

// ErrInterrupted says that training was told to stop. If there is a checkpoint hook, it has saved where training stood.
var ErrInterrupted = errors.New("training was interrupted")

// NotFiniteError says that training has left the numbers: with these hyperparameters it cannot succeed.
type NotFiniteError struct {
	Step, Epoch  int
	LearningRate float64
	// What is not finite: "training loss", "validation loss" or "gradient".
	What string
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("the %s is not finite at step %d (epoch %d) with learning rate %.3g; try a lower learningRate",
		e.What, e.Step, e.Epoch, e.LearningRate)
}

// Hook is called by the loop. Any of the functions may be nil; an error ends training.
type Hook struct {
	// Step is called after each step, Epoch after each epoch that is wholly done.
	Step  func(context.Context, *Loop) error
	Epoch func(context.Context, *Loop) error
	// Interrupt is called when training ends before its model is safe, with a context that is not yet at its end.
	Interrupt func(context.Context, *Loop) error
	// Finish is called with what is begun after the last epoch.
	Finish func(l *Loop, doing string)
}

// Loop trains a model: epoch after epoch, step after step. What is done beside the steps hangs on it as hooks.
type Loop struct {
	task      Task
	settings  Settings
	model     *nn.Model
	chosen    *nn.Model
	optimizer *nn.AdamW
	loss      nn.Loss
	schedule  schedule
	train     *source
	valid     *source
	augmenter *augmenter
	trainPlan *nn.Plan
	inferPlan *nn.Plan
	predicted []uint8
	state     state
	hooks     []Hook
	now       func() time.Time
	lapse     time.Time
	// side is that of a chip, and perChip how long one takes to be trained on; 0 before the first step.
	side    int
	perChip time.Duration
}

// Steps is the number of steps that training has if it does not stop early.
func (l *Loop) Steps() int { return l.settings.Epochs * l.train.loader.Batches() }

// Run trains until the last epoch is done, or until patience runs out. When ctx ends it lets the hooks save what there is
// and returns [ErrInterrupted].
func (l *Loop) Run(ctx context.Context) error {
	err := l.run(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	return l.Interrupt(ctx)
}

// Interrupt lets the hooks save where training stands, and returns [ErrInterrupted]. ctx may have ended.
func (l *Loop) Interrupt(ctx context.Context) error {
	if err := l.Save(ctx); err != nil {
		return fmt.Errorf("%w at step %d: %w", ErrInterrupted, l.state.Step, err)
	}
	return fmt.Errorf("%w at step %d", ErrInterrupted, l.state.Step)
}

// Save lets the hooks save where training stands. ctx may have ended.
func (l *Loop) Save(ctx context.Context) error {
	l.account()
	for _, hook := range l.hooks {
		if hook.Interrupt != nil {
			if err := hook.Interrupt(context.WithoutCancel(ctx), l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Loop) run(ctx context.Context) error {
	l.lapse = l.now()
	for l.state.Epoch < l.settings.Epochs && !l.state.StoppedEarly {
		if err := l.trainEpoch(ctx); err != nil {
			return err
		}
		if err := l.endEpoch(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// account adds the time since the last call to the epoch under way.
func (l *Loop) account() float64 {
	now := l.now()
	seconds := now.Sub(l.lapse).Seconds()
	l.lapse = now
	l.state.Partial.Seconds += seconds
	l.state.Seconds += seconds
	return seconds
}

// trainEpoch does what is left of the epoch under way.
func (l *Loop) trainEpoch(ctx context.Context) error {
	if l.state.Batch >= l.train.loader.Batches() {
		return ctx.Err()
	}
	epoch := l.train.loader.Shuffled(ctx, l.state.Epoch, l.state.Batch)
	augment := func(b *dataset.Batch) {
		for i, sample := range b.Samples {
			pixels := b.Pixels[i*l.train.perChip : (i+1)*l.train.perChip]
			labels := b.Labels[i*l.train.labelsPerChip : (i+1)*l.train.labelsPerChip]
			l.augmenter.apply(l.augmenter.move(l.state.Epoch, int(sample)), pixels, labels)
		}
	}
	return l.train.each(epoch, augment, func(b batch) error {
		if err := l.step(b); err != nil {
			return err
		}
		for _, hook := range l.hooks {
			if hook.Step != nil {
				if err := hook.Step(ctx, l); err != nil {
					return err
				}
			}
		}
		return ctx.Err()
	})
}

// step trains on one batch.
func (l *Loop) step(b batch) error {
	rate := l.schedule.rate(l.state.Step)
	if err := l.trainPlan.Forward(b.Batch); err != nil {
		return err
	}
	loss, err := l.trainPlan.Loss(l.loss, b.labels)
	if err != nil {
		return err
	}
	if !finite(loss.Sum) {
		return l.notFinite("training loss", rate)
	}
	predicted := l.predicted[:l.trainPlan.Labels()]
	if err := l.trainPlan.Predict(predicted); err != nil {
		return err
	}
	count(l.state.Partial.Confusion, b.labels, predicted, l.loss.IgnoreLabel)
	if err := l.trainPlan.Backward(); err != nil {
		return err
	}
	norm := nn.ClipNorm(l.trainPlan.Gradients(), clipNorm)
	if !finite(norm) {
		return l.notFinite("gradient", rate)
	}
	if err := l.optimizer.Step(l.trainPlan.Gradients(), rate); err != nil {
		return err
	}
	l.state.Partial.Loss += loss.Sum
	l.state.Partial.Weight += loss.Weight
	l.state.Partial.Chips += b.N
	seconds := l.account()
	l.state.Partial.TrainSeconds += seconds
	l.perChip = time.Duration(seconds * float64(time.Second) / float64(b.N))
	l.state.Step++
	l.state.Batch++
	l.state.OptimizerSteps = l.optimizer.Steps
	return nil
}

// clipNorm bounds the length of a gradient: far above that of healthy training, it takes the edge off a bad batch.
const clipNorm = 5

func (l *Loop) notFinite(what string, rate float64) error {
	return &NotFiniteError{Step: l.state.Step + 1, Epoch: l.state.Epoch + 1, LearningRate: rate, What: what}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// count adds predictions to a matrix, ignored labels aside.
func count(to *metrics.Confusion, truth, predicted []uint8, ignore int) {
	for i, t := range truth {
		if int(t) != ignore {
			to.Add(int(t), int(predicted[i]))
		}
	}
}

// endEpoch takes the statistics again, evaluates, chooses the weights and writes the row of the epoch. It changes nothing
// of the state before all of that is done, so that an interruption does it again.
func (l *Loop) endEpoch(ctx context.Context) error {
	if err := l.calibrate(ctx); err != nil {
		return err
	}
	row := results.Row{
		Step: l.state.Step, Epoch: l.state.Epoch + 1, Train: l.state.Partial.evaluation(),
		LearningRate: l.schedule.rate(l.state.Step - 1), Weights: weightsDigest(l.model)[:hashLength],
	}
	if l.valid != nil {
		found, err := l.evaluate(ctx, l.inferPlan, nil)
		if err != nil {
			return err
		}
		valid := found.evaluation()
		if !finite(valid.Loss) {
			return &NotFiniteError{Step: l.state.Step, Epoch: row.Epoch, LearningRate: row.LearningRate, What: "validation loss"}
		}
		row.Valid = &valid
	}
	l.account()
	p := &l.state.Partial
	row.Seconds = p.Seconds
	if p.TrainSeconds > 0 {
		row.SamplesPerSecond = float64(p.Chips) / p.TrainSeconds
	}
	l.choose(row)
	l.state.Rows = append(l.state.Rows, row)
	l.state.Epoch++
	l.state.Batch = 0
	p.reset()
	for _, hook := range l.hooks {
		if hook.Epoch != nil {
			if err := hook.Epoch(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// hashLength is how many characters of the digest of the weights a row has.
const hashLength = 16

// choose keeps the weights if they are the best so far: those of the least validation loss, the later of equals, or
// without validation the last.
func (l *Loop) choose(row results.Row) {
	if row.Valid == nil || l.state.Chosen == 0 || row.Valid.Loss <= l.state.ChosenLoss {
		l.state.Chosen = row.Epoch
		if row.Valid != nil {
			l.state.ChosenLoss = row.Valid.Loss
		}
		l.chosen.CopyFrom(l.model)
	}
	patience := l.settings.EarlyStoppingPatience
	l.state.StoppedEarly = patience > 0 && row.Valid != nil && row.Epoch-max(l.state.Chosen, l.warmEpochs()) >= patience
}

// warmEpochs is the number of epochs in which the learning rate rises. Patience runs after them only: a loss that
// wavers while the steps still grow says nothing about what more training would give.
func (l *Loop) warmEpochs() int {
	batches := l.train.loader.Batches()
	return (l.schedule.warmup + batches - 1) / batches
}
