package training

import (
	"context"
	"errors"
	"fmt"

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
	// baselinePixels is how many pixels a step sees at most. Of larger batches some rows and columns are left out: what is
	// linear is learnt from a part of the pixels just as well.
	baselinePixels = 1 << 15
)

// baselines measures simple methods on the same data as the model.
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
// class counted once more so that none has the share 0. As the model, it never answers the class of the ignored label.
func (s *Session) majority(ctx context.Context, l *Loop) (results.Evaluation, error) {
	best, shares := classShares(s.counts, s.settings.NumClasses, s.excluded())
	sums := partial{Confusion: metrics.NewConfusion(s.settings.NumClasses)}
	on := l.measured()
	err := on.each(on.loader.Sequential(ctx, 0), nil, func(b batch) error {
		for _, label := range b.labels {
			if int(label) == l.loss.IgnoreLabel {
				continue
			}
			weight := 1.0
			if l.loss.ClassWeights != nil {
				weight = float64(l.loss.ClassWeights[label])
			}
			sums.Confusion.Add(int(label), best)
			sums.Loss += float64(weight * lossOf(shares[label], l.loss))
			sums.Weight += weight
		}
		return ctx.Err()
	})
	return sums.evaluation(), err
}

// classShares are the most frequent class, the first of equals, and the share of each, counted once more. The excluded class,
// which is nil where there is none, has the share 0.
func classShares(counts []int64, classes int, excluded *int) (best int, shares []float64) {
	all := make([]int64, classes)
	copy(all, counts)
	for class := range all {
		all[class]++
	}
	if excluded != nil {
		all[*excluded] = 0
	}
	total := int64(0)
	for class, n := range all {
		total += n
		if n > all[best] {
			best = class
		}
	}
	for _, n := range all {
		shares = append(shares, float64(n)/float64(total))
	}
	return best, shares
}

// lossOf is the loss where the right class has the probability p, class weights aside.
func lossOf(p float64, loss nn.Loss) float64 {
	surprise := -nn.Log(p)
	if loss.FocalGamma == focalGamma {
		rest := 1 - p
		return float64(float64(rest*rest) * surprise)
	}
	return surprise
}

// linear trains a linear model and measures it.
func (s *Session) linear(ctx context.Context, l *Loop) (results.Evaluation, error) {
	m, epochs, err := s.newLinear(ctx, l)
	if err != nil {
		return results.Evaluation{}, err
	}
	for epoch := 0; m.steps < baselineSteps; epoch++ {
		chips := 0
		err := epochs(epoch, func(b batch) error {
			if m.steps >= baselineSteps || chips >= baselineChips {
				return errEnough
			}
			chips += b.N
			if err := m.step(b); err != nil {
				return err
			}
			return ctx.Err()
		})
		if err != nil && !errors.Is(err, errEnough) {
			return results.Evaluation{}, err
		}
	}
	config := l.inferPlan.Config()
	infer, err := nn.NewPlan(m.model, s.planConfig(nn.Infer, config.MaxBatch, config.Height))
	if err != nil {
		return results.Evaluation{}, err
	}
	sums, err := l.evaluate(ctx, infer, nil)
	if err != nil {
		return results.Evaluation{}, err
	}
	return sums.evaluation(), nil
}

// linearModel is a linear model in training: on mean and deviation of each band of a chip, or for segmentation on the
// bands of each pixel.
type linearModel struct {
	model     *nn.Model
	plan      *nn.Plan
	optimizer *nn.AdamW
	loss      nn.Loss
	steps     int
}

// newLinear makes the linear model, and gives the batches of an epoch that it is trained on.
func (s *Session) newLinear(ctx context.Context, l *Loop) (*linearModel, epochs, error) {
	graph, err := s.linearGraph()
	if err != nil {
		return nil, nil, err
	}
	model, err := s.newModel(graph)
	if err != nil {
		return nil, nil, err
	}
	size, side := l.train.loader.MaxBatch(), s.report.Training.Shape[1]
	shuffled := func(epoch int, visit func(batch) error) error {
		return l.train.each(l.train.loader.Shuffled(ctx, calibrationEpoch+epoch, 0), nil, visit)
	}
	if size*side*side > baselinePixels {
		thin, err := s.thinOut(l, shuffled)
		if err != nil {
			return nil, nil, err
		}
		size, side, shuffled = thin.size, thin.side, thin.each
	}
	plan, err := nn.NewPlan(model, s.planConfig(nn.Train, size, side))
	if err != nil {
		return nil, nil, err
	}
	return &linearModel{model: model, plan: plan, optimizer: nn.NewAdamW(model, nn.AdamWConfig{}), loss: l.loss}, shuffled, nil
}

// linearGraph is a linear model on mean and deviation of each band of a chip, or for segmentation on the bands of each pixel.
func (s *Session) linearGraph() (*nn.Graph, error) {
	builder := nn.NewBuilder(s.graph.Bands)
	var logits *nn.Node
	if s.request.Task == Classification {
		logits = builder.Linear("logits", builder.BandStats("bands"), s.settings.NumClasses)
	} else {
		logits = builder.ConvBias("logits", builder.Input(), s.settings.NumClasses, 1)
	}
	return builder.Build(logits)
}

// step trains on one batch, with a rate that falls in a line.
func (m *linearModel) step(b batch) error {
	m.steps++
	rate := float64(baselineRate * (1 - float64(m.steps)/(baselineSteps+1)))
	if err := m.plan.Forward(b.Batch); err != nil {
		return err
	}
	if _, err := m.plan.Loss(m.loss, b.labels); err != nil {
		return err
	}
	if err := m.plan.Backward(); err != nil {
		return err
	}
	return m.optimizer.Step(m.plan.Gradients(), rate)
}
