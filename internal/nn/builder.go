package nn

import "fmt"

// Builder makes a [Graph] node by node. The first mistake is kept and returned by Build, so that calls can be chained.
type Builder struct {
	graph Graph
	names map[string]bool
	err   error
}

// NewBuilder starts a graph that reads images with so many bands.
func NewBuilder(bands int) *Builder {
	b := &Builder{names: map[string]bool{}}
	b.graph.Bands = bands
	b.node(KindInput, "input", bands)
	if bands < 1 {
		b.fail("an image needs at least one band, not %d", bands)
	}
	return b
}

// Input is the normalised image.
func (b *Builder) Input() *Node { return b.graph.Nodes[0] }

// BandStats is the vector of means and deviations of the normalised bands, 2·bands values.
func (b *Builder) BandStats(name string) *Node {
	n := b.node(KindBandStats, name, 2*b.graph.Bands, b.Input())
	n.Vector = true
	return n
}

// Conv is a convolution without bias with out channels and a kernel × kernel window (1 or 3).
func (b *Builder) Conv(name string, x *Node, out, kernel int) *Node {
	if kernel != 1 && kernel != 3 {
		b.fail("%s: a convolution's kernel is 1 or 3, not %d", name, kernel)
	}
	b.wantImage(name, x)
	n := b.node(KindConv, name, out, x)
	n.Kernel = kernel
	n.Weight = b.param(Spec{Name: name + ".weight", Shape: []int{kernel, kernel, x.Channels, out}, Decay: true, init: initHe, fanIn: kernel * kernel * x.Channels})
	return n
}

// ConvBias is a convolution with bias, as a network's last layer is.
func (b *Builder) ConvBias(name string, x *Node, out, kernel int) *Node {
	n := b.Conv(name, x, out, kernel)
	n.Bias = b.param(Spec{Name: name + ".bias", Shape: []int{out}})
	return n
}

// BatchNorm normalises each channel of a convolution.
func (b *Builder) BatchNorm(name string, x *Node) *Node {
	if x.Kind != KindConv || x.Bias != None {
		b.fail("%s: a batch norm reads a convolution without bias, not %s", name, x.Name)
	}
	n := b.node(KindBatchNorm, name, x.Channels, x)
	shape := []int{x.Channels}
	n.Weight = b.param(Spec{Name: name + ".weight", Shape: shape, init: initOne})
	n.Bias = b.param(Spec{Name: name + ".bias", Shape: shape})
	n.Mean = b.buffer(Spec{Name: name + ".mean", Shape: shape})
	n.Variance = b.buffer(Spec{Name: name + ".variance", Shape: shape, init: initOne})
	return n
}

// ReLU is max(x, 0) of a convolution, a batch norm or a sum.
func (b *Builder) ReLU(name string, x *Node) *Node {
	switch x.Kind {
	case KindConv, KindBatchNorm, KindAdd:
	default:
		b.fail("%s: a ReLU reads a convolution, a batch norm or a sum, not %s", name, x.Name)
	}
	return b.node(KindReLU, name, x.Channels, x)
}

// Add is the sum of two images of the same shape.
func (b *Builder) Add(name string, x, y *Node) *Node {
	b.wantImage(name, x, y)
	if x.Channels != y.Channels || x.Scale != y.Scale {
		b.fail("%s: cannot add %s (%d channels, scale %d) and %s (%d channels, scale %d)", name, x.Name, x.Channels, x.Scale, y.Name, y.Channels, y.Scale)
	}
	return b.node(KindAdd, name, x.Channels, x, y)
}

// maxScale is how often an image can be halved: the number that sides must be divisible by stays one.
const maxScale = 16

// MaxPool halves height and width.
func (b *Builder) MaxPool(name string, x *Node) *Node {
	b.wantImage(name, x)
	n := b.node(KindMaxPool, name, x.Channels, x)
	if n.Scale++; n.Scale > maxScale {
		b.fail("%s: an image can be halved %d times at most", name, maxScale)
	}
	return n
}

// UpConcat doubles low and puts the channels of skip behind it.
func (b *Builder) UpConcat(name string, low, skip *Node) *Node {
	b.wantImage(name, low, skip)
	if low.Scale != skip.Scale+1 {
		b.fail("%s: %s must have half the size of %s", name, low.Name, skip.Name)
	}
	n := b.node(KindUpConcat, name, low.Channels+skip.Channels, low, skip)
	n.Scale = skip.Scale
	return n
}

// GlobalAvgPool is the mean of each channel over the image.
func (b *Builder) GlobalAvgPool(name string, x *Node) *Node {
	b.wantImage(name, x)
	n := b.node(KindGlobalAvgPool, name, x.Channels, x)
	n.Vector = true
	return n
}

// Concat puts vectors behind each other.
func (b *Builder) Concat(name string, xs ...*Node) *Node {
	b.wantVector(name, xs...)
	channels := 0
	for _, x := range xs {
		channels += x.Channels
	}
	n := b.node(KindConcat, name, channels, xs...)
	n.Vector = true
	return n
}

// Linear is a matrix product with bias on a vector.
func (b *Builder) Linear(name string, x *Node, out int) *Node {
	b.wantVector(name, x)
	n := b.node(KindLinear, name, out, x)
	n.Vector = true
	n.Weight = b.param(Spec{Name: name + ".weight", Shape: []int{x.Channels, out}, Decay: true, init: initHe, fanIn: x.Channels})
	n.Bias = b.param(Spec{Name: name + ".bias", Shape: []int{out}})
	return n
}

// Build ends the graph. The logits are a linear layer, or a convolution at the input's full size.
func (b *Builder) Build(logits *Node) (*Graph, error) {
	if b.err == nil {
		b.check(logits)
	}
	if b.err != nil {
		return nil, fmt.Errorf("building a network: %w", b.err)
	}
	g := b.graph
	g.Logits = logits
	return &g, nil
}

func (b *Builder) check(logits *Node) {
	switch {
	case logits.Kind == KindLinear:
	case logits.Kind == KindConv && logits.Scale == 0:
	default:
		b.fail("the logits are a linear layer or a convolution at full size, not %s", logits.Name)
	}
	if logits.Channels < 2 || logits.Channels > MaxClasses {
		b.fail("there are 2 to %d classes, not %d", MaxClasses, logits.Channels)
	}
	read := map[*Node]bool{logits: true, b.Input(): true}
	for _, n := range b.graph.Nodes {
		for _, in := range n.Inputs {
			read[in] = true
		}
	}
	for _, n := range b.graph.Nodes {
		if !read[n] {
			b.fail("nothing reads %s", n.Name)
		}
	}
	b.checkSoleReaders()
	if b.graph.Nodes[len(b.graph.Nodes)-1] != logits {
		b.fail("the logits %s must be the last node", logits.Name)
	}
}

// checkSoleReaders makes sure that nothing else reads what a batch norm or a ReLU reads, since that is never stored.
func (b *Builder) checkSoleReaders() {
	for id, readers := range b.graph.Consumers() {
		for _, r := range readers {
			if (r.Kind == KindBatchNorm || r.Kind == KindReLU) && len(readers) > 1 {
				b.fail("%s must be the only reader of %s", r.Name, b.graph.Nodes[id].Name)
			}
		}
	}
}

func (b *Builder) node(kind Kind, name string, channels int, inputs ...*Node) *Node {
	n := &Node{ID: len(b.graph.Nodes), Kind: kind, Name: name, Inputs: inputs, Channels: channels, Weight: None, Bias: None, Mean: None, Variance: None}
	for _, in := range inputs {
		n.Scale = max(n.Scale, in.Scale)
	}
	switch {
	case name == "" || b.names[name]:
		b.fail("a node needs a name of its own, not %q", name)
	case channels < 1:
		b.fail("%s: there must be at least one channel, not %d", name, channels)
	}
	b.names[name] = true
	b.graph.Nodes = append(b.graph.Nodes, n)
	return n
}

func (b *Builder) param(s Spec) int {
	b.graph.Params = append(b.graph.Params, s)
	return len(b.graph.Params) - 1
}

func (b *Builder) buffer(s Spec) int {
	b.graph.Buffers = append(b.graph.Buffers, s)
	return len(b.graph.Buffers) - 1
}

func (b *Builder) wantImage(name string, xs ...*Node) {
	for _, x := range xs {
		if x.Vector {
			b.fail("%s reads images, and %s is a vector", name, x.Name)
		}
	}
}

func (b *Builder) wantVector(name string, xs ...*Node) {
	for _, x := range xs {
		if !x.Vector {
			b.fail("%s reads vectors, and %s is an image", name, x.Name)
		}
	}
}

// fail keeps the first mistake only: a graph that someone made up can have as many as nodes.
func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}
