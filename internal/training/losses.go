package training

import "github.com/swath-dev/swath/internal/nn"

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

// classWeights are n / (classes · n of the class), so that all classes weigh the same; nil where classes are not weighted.
// A class without labels has weight 1.
func (s *Session) classWeights() []float32 {
	if s.settings.ClassWeights != ClassWeightsBalanced {
		return nil
	}
	return balanced(s.counts, s.settings.NumClasses)
}

func balanced(counts []int64, classes int) []float32 {
	total, present := 0.0, 0.0
	for _, n := range counts {
		total += float64(n)
		if n > 0 {
			present++
		}
	}
	weights := make([]float32, classes)
	for class := range weights {
		weights[class] = 1
		if class < len(counts) && counts[class] > 0 {
			weights[class] = float32(total / float64(present*float64(counts[class])))
		}
	}
	return weights
}
