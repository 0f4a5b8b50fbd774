package training

import (
	"fmt"
	"strings"
)

// circumstances are what may have kept a model from learning.
type circumstances struct {
	// steps is how many steps were taken.
	steps int
	// counts are the labels of each class in the training data.
	counts []int64
	// weighted is whether the classes were weighted.
	weighted bool
	// rate is the learning rate that was used, and usual the one by default.
	rate, usual float64
	// overfitted is whether the model is much better on the chips that it was trained on.
	overfitted bool
}

const (
	// unbalanced is by how much the most frequent class has more labels than the rarest, from which on weights help.
	unbalanced = 50
	// farRate is by how much a learning rate differs from the usual one, from which on it is likely the reason.
	farRate = 10
	// overfitting is by how much the score on the training chips is above that on the validation chips.
	overfitting = 0.2
)

// cause is a likely reason for a model that has not learnt, and what to do about it.
type cause struct {
	holds  func(circumstances) bool
	advice func(circumstances) string
}

// causes are in the order in which they are told. All that hold are told.
var causes = []cause{
	{
		func(c circumstances) bool { return c.steps < minSteps },
		func(c circumstances) string {
			return fmt.Sprintf("train for more epochs (%d steps are few: by default there are at least %d)", c.steps, minSteps)
		},
	},
	{
		func(c circumstances) bool { return !c.weighted && c.imbalance() >= unbalanced },
		func(c circumstances) string {
			return fmt.Sprintf("set classWeights to balanced (the most frequent class has %.0f times the labels of the rarest)", c.imbalance())
		},
	},
	{
		func(c circumstances) bool { return c.rate >= farRate*c.usual || c.rate*farRate <= c.usual },
		func(c circumstances) string {
			return fmt.Sprintf("leave out learningRate (%g is far from %g, which is used by default)", c.rate, c.usual)
		},
	},
	{
		func(c circumstances) bool { return c.overfitted },
		func(circumstances) string {
			return "train with more chips of more places (the model is much better on the chips that it was trained on)"
		},
	},
}

// advice is what is likely to help. Where no cause is known it is what helps most often.
func (c circumstances) advice() string {
	var all []string
	for _, cause := range causes {
		if cause.holds(c) {
			all = append(all, cause.advice(c))
		}
	}
	if len(all) == 0 {
		return "check the labels, and train with more chips"
	}
	return strings.Join(all, ", and ")
}

// imbalance is how many times the labels of the rarest class the most frequent one has, among those that occur.
func (c circumstances) imbalance() float64 {
	most, least := int64(0), int64(0)
	for _, n := range c.counts {
		most = max(most, n)
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if least == 0 {
		return 1
	}
	return float64(most) / float64(least)
}

func (s *Session) circumstances(l *Loop) circumstances {
	return circumstances{
		steps: l.state.Step, counts: s.counts, weighted: s.settings.ClassWeights == ClassWeightsBalanced,
		rate: s.settings.LearningRate, usual: defaultRate(s.settings.ModelSize, s.settings.BatchSize),
	}
}
