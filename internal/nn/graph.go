package nn

import "fmt"

// Kind says what a node computes.
type Kind int

// The kinds of nodes. Images are batch × height × width × channels, vectors batch × channels.
const (
	// KindInput is the image, normalised by the model's mean and deviation of each band.
	KindInput Kind = iota
	// KindBandStats is the vector of the mean and then the population deviation of each normalised band of the chip.
	KindBandStats
	// KindConv is a convolution with stride 1 and zeros around the image, so that height and width stay.
	KindConv
	// KindBatchNorm normalises each channel (Ioffe and Szegedy 2015, arXiv:1502.03167), ε = [BatchNormEpsilon].
	KindBatchNorm
	// KindReLU is max(x, 0).
	KindReLU
	// KindAdd is the sum of two images of the same shape.
	KindAdd
	// KindMaxPool is the greatest of each 2×2 block; height and width are halved.
	KindMaxPool
	// KindUpConcat doubles the first image (nearest neighbour) and puts the channels of the second behind its own.
	KindUpConcat
	// KindGlobalAvgPool is the vector of each channel's mean over the image.
	KindGlobalAvgPool
	// KindConcat puts vectors behind each other.
	KindConcat
	// KindLinear is a matrix product with bias on vectors.
	KindLinear
)

var kindNames = [...]string{"Input", "BandStats", "Conv", "BatchNorm", "ReLU", "Add", "MaxPool", "UpConcat", "GlobalAvgPool", "Concat", "Linear"}

// String is the kind's name, as in "Conv".
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kindNames[k]
}

// None stands for a parameter or buffer that a node does not have.
const None = -1

// Node is one operation of a graph, with the value it makes. Nodes are made by a [Builder] and never change afterwards.
type Node struct {
	// ID is the node's position in Graph.Nodes; inputs come before the nodes that read them.
	ID int
	// Kind is what is computed.
	Kind Kind
	// Name is unique; the names of parameters and buffers begin with it.
	Name string
	// Inputs are the nodes whose values are read.
	Inputs []*Node
	// Channels of the value.
	Channels int
	// Vector says that the value is batch × channels; otherwise it is an image.
	Vector bool
	// Scale says how often the image was halved: its height is the input's height >> Scale, and its width likewise.
	Scale int
	// Kernel is the side of a convolution's window: 1 or 3.
	Kernel int
	// Weight and Bias are positions in Model.Params of a convolution, a linear layer or a batch norm (scale and offset there), or None.
	Weight, Bias int
	// Mean and Variance are positions in Model.Buffers of a batch norm's running statistics, or None.
	Mean, Variance int
}

// Spec describes a parameter or buffer of a graph.
type Spec struct {
	// Name is that of the node, a dot, and "weight", "bias", "mean" or "variance".
	Name string
	// Shape is {kernel, kernel, in, out} for convolutions, {in, out} for linear layers, {channels} for the rest.
	Shape []int
	// Decay says that weight decay applies: to weights of convolutions and linear layers, not to biases and batch norms.
	Decay bool
	// kind and fan serve the initialisation.
	init  initKind
	fanIn int
}

type initKind int

const (
	initZero initKind = iota
	initOne
	initHe
)

// Len is the number of values.
func (s Spec) Len() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Graph is a network's structure: nodes in the order of their computation, the last of which gives the logits.
type Graph struct {
	// Nodes in topological order.
	Nodes []*Node
	// Params are trained; Buffers are the running statistics of batch norms.
	Params, Buffers []Spec
	// Bands is the number of channels of the input image.
	Bands int
	// Logits is the node whose value the loss reads: a vector for a label per chip, an image for a label per pixel.
	Logits *Node
}

// Classes is the number of logits of each label.
func (g *Graph) Classes() int { return g.Logits.Channels }

// PerPixel says whether there is a label for each pixel, not one for each chip.
func (g *Graph) PerPixel() bool { return !g.Logits.Vector }

// Factor is the number by which height and width of the input must be divisible.
func (g *Graph) Factor() int {
	scale := 0
	for _, n := range g.Nodes {
		scale = max(scale, n.Scale)
	}
	return 1 << scale
}

// Consumers gives, for each node by ID, the nodes that read its value.
func (g *Graph) Consumers() [][]*Node {
	consumers := make([][]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			consumers[in.ID] = append(consumers[in.ID], n)
		}
	}
	return consumers
}
