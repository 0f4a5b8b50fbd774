package nn

import (
	"fmt"
	"math"
)

// AdamWConfig holds the constants of [AdamW]. The zero value of a field means the default.
type AdamWConfig struct {
	// Beta1 and Beta2 are the decays of both moments, by default 0.9 and 0.999.
	Beta1, Beta2 float64
	// Epsilon is added to the root of the second moment, by default 1e-8.
	Epsilon float64
	// WeightDecay is multiplied by the rate and the weight; there is none by default.
	WeightDecay float64
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101). Biases and batch norms do not decay.
type AdamW struct {
	// First and Second are the moments, in the order of Model.Weights; Steps is the number of steps taken. These three are all the
	// state there is: written into a checkpoint and read again, the next step is the same.
	First, Second []float32
	Steps         int64

	model     *Model
	config    AdamWConfig
	kernels   *kernels
	constants adamConstants
}

// NewAdamW starts with moments of zero.
func NewAdamW(m *Model, c AdamWConfig) *AdamW {
	if c.Beta1 == 0 {
		c.Beta1 = 0.9
	}
	if c.Beta2 == 0 {
		c.Beta2 = 0.999
	}
	if c.Epsilon == 0 {
		c.Epsilon = 1e-8
	}
	return &AdamW{First: make([]float32, len(m.Weights)), Second: make([]float32, len(m.Weights)), model: m, config: c, kernels: defaultKernels()}
}

// Step changes the model's weights by the gradients (in the order of Model.Weights) at a learning rate.
func (a *AdamW) Step(gradients []float32, rate float64) error {
	if len(gradients) != len(a.First) {
		return fmt.Errorf("%w: %d gradients for %d weights", ErrShape, len(gradients), len(a.First))
	}
	a.Steps++
	c := a.config
	k := &a.constants
	*k = adamConstants{
		beta1: float32(c.Beta1), rest1: float32(1 - c.Beta1),
		beta2: float32(c.Beta2), rest2: float32(1 - c.Beta2),
		scale:   float32(1 / (1 - power(c.Beta1, a.Steps))),
		root:    float32(1 / (1 - power(c.Beta2, a.Steps))),
		epsilon: float32(c.Epsilon),
		rate:    float32(-rate),
	}
	at := 0
	for _, s := range a.model.Graph.Params {
		k.keep = 1
		if s.Decay {
			k.keep = float32(1 - float64(rate*c.WeightDecay))
		}
		end := at + s.Len()
		a.kernels.adam(a.model.Weights[at:end], a.First[at:end], a.Second[at:end], gradients[at:end], k)
		at = end
	}
	return nil
}

// adamConstants are those of one step and one parameter: m = β₁·m + (1−β₁)·g; v = β₂·v + (1−β₂)·g²;
// w = keep·w − rate·(m·scale) / (√(v·root) + ε).
type adamConstants struct {
	beta1, rest1, beta2, rest2, scale, root, epsilon, rate, keep float32
}

// power is x^n by squaring, rounded in a fixed order (math.Pow differs between machines).
func power(x float64, n int64) float64 {
	y := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			y = float64(y * x)
		}
		x = float64(x * x)
	}
	return y
}

// ClipNorm scales gradients down to an Euclidean norm of limit if theirs is greater, and returns the norm before. A limit of 0 only
// measures.
func ClipNorm(gradients []float32, limit float64) float64 {
	sum := 0.0
	for _, g := range gradients {
		sum += float64(float64(g) * float64(g))
	}
	norm := math.Sqrt(sum)
	if limit > 0 && norm > limit {
		factor := float32(limit / norm)
		for i, g := range gradients {
			gradients[i] = float32(g * factor)
		}
	}
	return norm
}
