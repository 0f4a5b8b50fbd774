package lifecycle

import (
	"encoding/json"
	"math"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// useHyperparameters records those that the trainer says it used. What the
// schema would refuse is left out: a trainer's slip must never keep a status from
// being written.
func (w *world) useHyperparameters(raw json.RawMessage) {
	if used := UsableHyperparameters(raw); used != nil {
		w.status.Hyperparameters = used
	}
}

// UsableHyperparameters reads hyperparameters as the trainer says them, and gives
// nil when the schema of the status would refuse them.
func UsableHyperparameters(raw json.RawMessage) *v1alpha1.Hyperparameters {
	if len(raw) == 0 {
		return nil
	}
	var h v1alpha1.Hyperparameters
	if err := json.Unmarshal(raw, &h); err != nil || !inBounds(h) || h == (v1alpha1.Hyperparameters{}) {
		return nil
	}
	return &h
}

// inBounds repeats the schema's bounds.
func inBounds(h v1alpha1.Hyperparameters) bool {
	return within(h.NumClasses, 2, 256) && within(h.Epochs, 1, 100000) && within(h.BatchSize, 1, 4096) &&
		withinFloat(h.LearningRate, 1e-8, 1) && withinFloat(h.WeightDecay, 0, 10) && withinFloat(h.Warmup, 0, 1) &&
		within(h.Seed, 0, 9007199254740991) && within(h.IgnoreLabel, 0, 255) &&
		within(h.EarlyStoppingPatience, 1, 100000) && withinFloat(h.ValidationFraction, 0, 0.5) &&
		oneOf(h.ModelSize, "small", "base", "large") && oneOf(h.Loss, "crossEntropy", "focal") &&
		oneOf(h.ClassWeights, "none", "balanced") && oneOf(h.Augmentation, "none", "flips", "d4")
}

func within[T int32 | int64](v *T, low, high T) bool {
	return v == nil || *v >= low && *v <= high
}

func withinFloat(v *float64, low, high float64) bool {
	return v == nil || !math.IsNaN(*v) && *v >= low && *v <= high
}

func oneOf[T ~string](v *T, words ...T) bool {
	if v == nil {
		return true
	}
	for _, word := range words {
		if *v == word {
			return true
		}
	}
	return false
}
