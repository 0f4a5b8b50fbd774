package nn

import (
	"errors"
	"fmt"
	"math"
)

// Loss is softmax cross entropy, or focal loss (Lin et al. 2017, arXiv:1708.02002): −w·(1 − p)^γ·log p, where p is the probability of
// the labelled class and w that class's weight. The zero value but for IgnoreLabel is plain cross entropy.
type Loss struct {
	// FocalGamma is γ; 0 is cross entropy.
	FocalGamma float64
	// ClassWeights has a weight ≥ 0 for each class; nil means 1.
	ClassWeights []float32
	// IgnoreLabel is left out of everything; None ignores none.
	IgnoreLabel int
}

// LossResult sums up a batch. The mean is weighted by the class weights, as in PyTorch.
type LossResult struct {
	// Mean is Sum / Weight, or 0 if there is no weight: a batch of ignored labels alone.
	Mean float64
	// Sum of the weighted losses, and of the weights, of all labels that count.
	Sum, Weight float64
	// Count is the number of labels that are not ignored.
	Count int
}

// ErrLabel says that a label or a class weight has no meaning.
var ErrLabel = errors.New("label does not fit the classes")

func (l Loss) check(classes int, labels []uint8) error {
	if l.ClassWeights != nil && len(l.ClassWeights) != classes {
		return fmt.Errorf("%w: %d class weights for %d classes", ErrLabel, len(l.ClassWeights), classes)
	}
	for c, w := range l.ClassWeights {
		if !(w >= 0) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("%w: class %d has weight %v", ErrLabel, c, w)
		}
	}
	if !(l.FocalGamma >= 0) || l.FocalGamma > 16 {
		return fmt.Errorf("%w: a focal gamma lies in 0 to 16, not %v", ErrLabel, l.FocalGamma)
	}
	for i, y := range labels {
		if int(y) >= classes && int(y) != l.IgnoreLabel {
			return fmt.Errorf("%w: label %d is %d, and there are %d classes", ErrLabel, i, y, classes)
		}
	}
	return nil
}
