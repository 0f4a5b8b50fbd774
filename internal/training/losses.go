package training

import (
	"context"

	"github.com/swath-dev/swath/internal/nn"
)

// loss is what the settings ask for, class weights aside.
func (s *Session) loss() nn.Loss {
	loss := nn.Loss{IgnoreLabel: nn.None}
	if s.settings.IgnoreLabel != nil {
		loss.IgnoreLabel = ignoredClass
	}
	if s.settings.Loss == LossFocal {
		loss.FocalGamma = focalGamma
	}
	return loss
}

// focalGamma is what Lin et al. 2017 (arXiv:1708.02002) found best.
const focalGamma = 2

// takeClassCounts counts the labels of the training part where the file was split.
func (s *Session) takeClassCounts(ctx context.Context, l *Loop) error {
	if s.split == nil {
		return nil
	}
	s.counts = make([]int64, s.settings.NumClasses)
	return l.train.each(l.train.loader.Sequential(ctx, 0), nil, func(b batch) error {
		for _, label := range b.labels {
			if int(label) != l.loss.IgnoreLabel {
				s.counts[label]++
			}
		}
		return nil
	})
}

// classWeights are n / (classes · n of the class), so that all classes weigh the same; nil where classes are not weighted.
// A class without labels has weight 1.
func (s *Session) classWeights() []float32 {
	if s.settings.ClassWeights != ClassWeightsBalanced {
		return nil
	}
	total, present := 0.0, 0.0
	for _, n := range s.counts {
		total += float64(n)
		if n > 0 {
			present++
		}
	}
	weights := make([]float32, s.settings.NumClasses)
	for class := range weights {
		weights[class] = 1
		if class < len(s.counts) && s.counts[class] > 0 {
			weights[class] = float32(total / (present * float64(s.counts[class])))
		}
	}
	return weights
}
