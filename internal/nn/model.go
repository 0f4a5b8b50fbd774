package nn

import (
	"errors"
	"fmt"
	"math"
)

// MaxClasses is the largest number of classes: labels are bytes.
const MaxClasses = 256

// BatchNormEpsilon is added to variances; BatchNormMomentum is the weight of a new batch in the running statistics.
const (
	BatchNormEpsilon  = 1e-5
	BatchNormMomentum = 0.1
)

// Model is a graph with its weights, running statistics and normalisation.
type Model struct {
	// Graph is the structure; it never changes.
	Graph *Graph
	// Params and Buffers have the order, names and shapes of Graph.Params and Graph.Buffers. They may be written between steps.
	Params, Buffers [][]float32
	// Weights holds all Params behind each other, Statistics all Buffers: the same memory.
	Weights, Statistics []float32
	// Mean and Deviation of each band, in the units of the pixels: the input is (pixel − mean) / deviation.
	Mean, Deviation []float32
}

// NewModel makes a model with weights drawn from seed (He et al. 2015, arXiv:1502.01852), and with mean 0 and deviation 1.
func NewModel(g *Graph, seed uint64) *Model {
	m := &Model{Graph: g, Mean: make([]float32, g.Bands), Deviation: make([]float32, g.Bands)}
	for i := range m.Deviation {
		m.Deviation[i] = 1
	}
	m.Params, m.Weights = slab(g.Params)
	m.Buffers, m.Statistics = slab(g.Buffers)
	for i, s := range g.Params {
		s.fill(m.Params[i], NewRNG(seed, streamInit, uint64(i)))
	}
	for i, s := range g.Buffers {
		s.fill(m.Buffers[i], nil)
	}
	return m
}

// streamInit sets the streams of the initialisation apart from those that a caller draws from the same seed.
const streamInit = 0x696e6974

// slab makes one block of memory for all specs and cuts it up.
func slab(specs []Spec) (parts [][]float32, all []float32) {
	n := 0
	for _, s := range specs {
		n += s.Len()
	}
	all = make([]float32, n)
	rest := all
	for _, s := range specs {
		parts = append(parts, rest[:s.Len():s.Len()])
		rest = rest[s.Len():]
	}
	return parts, all
}

func (s Spec) fill(data []float32, rng *RNG) {
	switch s.init {
	case initOne:
		for i := range data {
			data[i] = 1
		}
	case initHe:
		deviation := math.Sqrt(2 / float64(s.fanIn))
		for i := range data {
			data[i] = float32(rng.Normal() * deviation)
		}
	default:
		clear(data)
	}
}

// ErrNormalisation says that means or deviations do not fit the model.
var ErrNormalisation = errors.New("normalisation does not fit the model")

// SetNormalisation sets mean and deviation of each band, in the units of the pixels.
func (m *Model) SetNormalisation(mean, deviation []float32) error {
	if len(mean) != m.Graph.Bands || len(deviation) != m.Graph.Bands {
		return fmt.Errorf("%w: %d means and %d deviations for %d bands", ErrNormalisation, len(mean), len(deviation), m.Graph.Bands)
	}
	for i, d := range deviation {
		if !(d > 0) || math.IsInf(float64(d), 0) || math.IsNaN(float64(mean[i])) || math.IsInf(float64(mean[i]), 0) {
			return fmt.Errorf("%w: band %d has mean %v and deviation %v", ErrNormalisation, i, mean[i], d)
		}
	}
	copy(m.Mean, mean)
	copy(m.Deviation, deviation)
	return nil
}

// excludedLogit is the logit of a class that is never answered. Beside any other logit the exponential of it is 0, and unlike
// −∞ it stays a number in whatever a runtime computes from it. It is the least float32.
const excludedLogit = -0x1.fffffep127

// Exclude makes the model never answer a class: the class has no weights, and a bias so low that its probability is 0.
// Training leaves it so, since the gradients of such a class are 0, and so does every format that keeps the weights.
func (m *Model) Exclude(class int) {
	logits := m.Graph.Logits
	weights := m.Params[logits.Weight]
	for i := class; i < len(weights); i += logits.Channels {
		weights[i] = 0
	}
	m.Params[logits.Bias][class] = excludedLogit
}

// excluded returns the class that is never answered, or [None].
func (m *Model) excluded() int {
	logits := m.Graph.Logits
	if logits.Bias == None {
		return None
	}
	for class, bias := range m.Params[logits.Bias] {
		if bias == excludedLogit {
			return class
		}
	}
	return None
}

// Folded gives the weights ({kernel, kernel, in, out}) and bias of a convolution that does what conv and the batch norm after it
// (nil for none) do with the running statistics. It is what inference and exported models compute.
func (m *Model) Folded(conv, norm *Node) (weights, bias []float32) {
	weights = append([]float32(nil), m.Params[conv.Weight]...)
	bias = make([]float32, conv.Channels)
	if conv.Bias != None {
		copy(bias, m.Params[conv.Bias])
	}
	if norm == nil {
		return weights, bias
	}
	scale, offset := foldedBatchNorm(m, norm)
	for i := range weights {
		weights[i] = float32(float64(weights[i]) * scale[i%conv.Channels])
	}
	for c := range bias {
		bias[c] = float32(offset[c])
	}
	return weights, bias
}

// foldedBatchNorm gives scale and offset of a batch norm with its running statistics: y = scale·x + offset.
func foldedBatchNorm(m *Model, norm *Node) (scale, offset []float64) {
	scale, offset = make([]float64, norm.Channels), make([]float64, norm.Channels)
	for c := range scale {
		variance := float64(m.Buffers[norm.Variance][c])
		scale[c] = float64(m.Params[norm.Weight][c]) / math.Sqrt(variance+BatchNormEpsilon)
		offset[c] = float64(m.Params[norm.Bias][c]) - float64(float64(m.Buffers[norm.Mean][c])*scale[c])
	}
	return scale, offset
}

// CopyFrom takes over weights, statistics and normalisation of a model of the same graph.
func (m *Model) CopyFrom(other *Model) {
	copy(m.Weights, other.Weights)
	copy(m.Statistics, other.Statistics)
	copy(m.Mean, other.Mean)
	copy(m.Deviation, other.Deviation)
}
