package training

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/results"
)

const (
	// The linear model sees at most so many chips, batch by batch, for so many steps: enough for a convex problem.
	baselineChips = 512
	baselineSteps = 400
	baselineRate  = 0.05
)

// baselines measures simple methods on the validation data.
func (s *Session) baselines(ctx context.Context, l *Loop) (map[string]results.Evaluation, error) {
	majority, err := s.majority(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("measuring the majority baseline: %w", err)
	}
	linear, err := s.linear(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("measuring the linear baseline: %w", err)
	}
	return map[string]results.Evaluation{manifest.BaselineMajority: majority, manifest.BaselineLinear: linear}, nil
}

// majority always says the most frequent class of the training data; its loss is that of the classes' shares there, each
// class counted once more so that none has the share 0.
func (s *Session) majority(ctx context.Context, l *Loop) (results.Evaluation, error) {
	var total int64
	best := 0
	counts := make([]int64, s.settings.NumClasses)
	copy(counts, s.counts)
	for class, n := range counts {
		total += n + 1
		if n > counts[best] {
			best = class
		}
	}
	sums := partial{Confusion: metrics.NewConfusion(s.settings.NumClasses)}
	err := l.valid.each(l.valid.loader.Sequential(ctx, 0), nil, func(b batch) error {
		for _, label := range b.labels {
			if int(label) == l.loss.IgnoreLabel {
				continue
			}
			weight := 1.0
			if l.loss.ClassWeights != nil {
				weight = float64(l.loss.ClassWeights[label])
			}
			share := float64(counts[label]+1) / float64(total)
			sums.Confusion.Add(int(label), best)
			sums.Loss += float64(weight * s.lossOf(share))
			sums.Weight += weight
		}
		return ctx.Err()
	})
	return sums.evaluation(), err
}

// lossOf is the loss where the right class has a probability.
func (s *Session) lossOf(p float64) float64 {
	loss := -math.Log(p)
	if s.settings.Loss == LossFocal {
		return (1 - p) * (1 - p) * loss
	}
	return loss
}

// linear trains a linear model: on mean and deviation of each band of a chip, or for segmentation on the bands of each
// pixel.
func (s *Session) linear(ctx context.Context, l *Loop) (results.Evaluation, error) {
	builder := nn.NewBuilder(s.graph.Bands)
	var logits *nn.Node
	if s.request.Task == Classification {
		logits = builder.Linear("logits", builder.BandStats("bands"), s.settings.NumClasses)
	} else {
		logits = builder.ConvBias("logits", builder.Input(), s.settings.NumClasses, 1)
	}
	graph, err := builder.Build(logits)
	if err != nil {
		return results.Evaluation{}, err
	}
	model, err := s.newModel(graph)
	if err != nil {
		return results.Evaluation{}, err
	}
	side := s.report.Training.Shape[1]
	plan, err := nn.NewPlan(model, s.planConfig(nn.Train, l.train.loader.MaxBatch(), side))
	if err != nil {
		return results.Evaluation{}, err
	}
	optimizer := nn.NewAdamW(model, nn.AdamWConfig{})
	for epoch, step := 0, 0; step < baselineSteps; epoch++ {
		chips := 0
		err := l.train.each(l.train.loader.Shuffled(ctx, calibrationEpoch+epoch, 0), nil, func(b batch) error {
			if step++; step > baselineSteps || chips >= baselineChips {
				return errEnough
			}
			chips += b.N
			return stepLinear(plan, optimizer, b, l.loss, baselineRate*(1-float64(step)/(baselineSteps+1)))
		})
		if err != nil && !errors.Is(err, errEnough) {
			return results.Evaluation{}, err
		}
	}
	infer, err := nn.NewPlan(model, s.planConfig(nn.Infer, l.inferPlan.Config().MaxBatch, side))
	if err != nil {
		return results.Evaluation{}, err
	}
	sums, err := l.evaluateModel(ctx, infer, nil)
	if err != nil {
		return results.Evaluation{}, err
	}
	return sums.evaluation(), nil
}

func stepLinear(plan *nn.Plan, optimizer *nn.AdamW, b batch, loss nn.Loss, rate float64) error {
	if err := plan.Forward(b.Batch); err != nil {
		return err
	}
	if _, err := plan.Loss(loss, b.labels); err != nil {
		return err
	}
	if err := plan.Backward(); err != nil {
		return err
	}
	return optimizer.Step(plan.Gradients(), rate)
}
