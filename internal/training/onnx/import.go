package onnx

import (
	"fmt"
	"slices"

	"github.com/swath-dev/swath/internal/nn"
)

// Import turns a graph that [Export] made back into a network for inference; its logits are the same, bit for bit. A
// graph with other operations is [ErrFormat].
func Import(g *Graph) (*nn.Model, error) {
	if len(g.Inputs) != 1 || len(g.Inputs[0].Dims) != 4 || len(g.Outputs) != 1 {
		return nil, fmt.Errorf("%w: it must have one input of four dimensions and one output", ErrFormat)
	}
	bands := g.Inputs[0].Dims[1].Size
	if bands < 1 || bands > maxBands {
		return nil, fmt.Errorf("%w: its input has %d bands", ErrFormat, bands)
	}
	i := &importer{
		builder:   nn.NewBuilder(int(bands)),
		constants: map[string]*Tensor{},
		values:    map[string]*nn.Node{},
		weights:   map[string]weights{},
		used:      map[*Tensor]bool{},
	}
	for k := range g.Initializers {
		i.constants[g.Initializers[k].Name] = &g.Initializers[k]
	}
	for nodes := g.Nodes; len(nodes) > 0; {
		used, err := i.nodes(nodes)
		if err != nil {
			return nil, fmt.Errorf("%w: operation %s: %w", ErrFormat, nodes[0].Name, err)
		}
		nodes = nodes[used:]
	}
	return i.model(g.Outputs[0].Name)
}

// What a false file can make the importer allocate is kept small: maxBands bounds the input, and maxChannels the channels of
// all nodes together, since nodes without weights can multiply them at the cost of a few bytes.
const (
	maxBands    = 4096
	maxChannels = 1 << 17
)

// importer builds a network: values maps names of ONNX values to nodes, weights maps names of parameters to their numbers.
type importer struct {
	builder         *nn.Builder
	constants       map[string]*Tensor
	values          map[string]*nn.Node
	weights         map[string]weights
	mean, deviation []float32
	// used are the constants that have become weights. None may do so twice: the network would outgrow the file.
	used map[*Tensor]bool
	// channels are those of all nodes together.
	channels int
}

// weights are the numbers of a parameter. Those of a convolution, where kernel is not 0, are still out × in × kernel × kernel.
type weights struct {
	values          []float32
	kernel, in, out int
}

// copyTo copies the numbers in the network's order, and reports whether there are as many as it wants.
func (w weights) copyTo(to []float32) bool {
	if len(w.values) != len(to) {
		return false
	}
	if w.kernel == 0 {
		copy(to, w.values)
		return true
	}
	fromOIHW(to, w.values, w.kernel, w.in, w.out)
	return true
}

// nodes takes over the first operations, of which one node of the network is made, and returns how many there were.
func (i *importer) nodes(nodes []Node) (int, error) {
	n := &nodes[0]
	for _, pattern := range patterns {
		if !matches(nodes, pattern.ops) {
			continue
		}
		made, err := pattern.take(i, nodes[:len(pattern.ops)])
		if err != nil {
			return 0, err
		}
		last := nodes[len(pattern.ops)-1]
		if len(last.Outputs) != 1 {
			return 0, fmt.Errorf("it has %d outputs", len(last.Outputs))
		}
		if i.channels += made.Channels; i.channels > maxChannels {
			return 0, fmt.Errorf("the operations up to it have more than %d channels", maxChannels)
		}
		i.values[last.Outputs[0]] = made
		return len(pattern.ops), nil
	}
	return 0, fmt.Errorf("%s cannot be read here", n.Op)
}

func matches(nodes []Node, ops []string) bool {
	if len(nodes) < len(ops) {
		return false
	}
	return slices.EqualFunc(nodes[:len(ops)], ops, func(n Node, op string) bool { return n.Op == op })
}

// pattern is a run of operations that stands for one node. Longer ones come first.
type pattern struct {
	ops  []string
	take func(*importer, []Node) (*nn.Node, error)
}

var patterns = []pattern{
	{[]string{"ReduceMean", "Sub", "Mul", "ReduceMean", "Sqrt", "Concat", "Flatten"}, (*importer).bandStats},
	{[]string{"Sub", "Div"}, (*importer).normalisation},
	{[]string{"Resize", "Concat"}, (*importer).upConcat},
	{[]string{"GlobalAveragePool", "Flatten"}, (*importer).globalAvgPool},
	{[]string{"Conv"}, (*importer).convolution},
	{[]string{"Relu"}, (*importer).relu},
	{[]string{"Add"}, (*importer).sum},
	{[]string{"MaxPool"}, (*importer).maxPool},
	{[]string{"Concat"}, (*importer).concat},
	{[]string{"Gemm"}, (*importer).linear},
}

func (i *importer) normalisation(nodes []Node) (*nn.Node, error) {
	if len(nodes[0].Inputs) != 2 || len(nodes[1].Inputs) != 2 || nodes[0].Inputs[0] != InputName {
		return nil, fmt.Errorf("the normalisation does not read %s", InputName)
	}
	mean, deviation := i.constants[nodes[0].Inputs[1]], i.constants[nodes[1].Inputs[1]]
	if mean == nil || deviation == nil {
		return nil, fmt.Errorf("the normalisation has no constants")
	}
	i.mean, i.deviation = mean.Floats, deviation.Floats
	return i.builder.Input(), nil
}

func (i *importer) bandStats(nodes []Node) (*nn.Node, error) {
	if x, err := i.value(&nodes[0], 0); err != nil || x != i.builder.Input() {
		return nil, fmt.Errorf("band statistics do not read the normalised pixels")
	}
	return i.builder.BandStats(nodes[0].Name), nil
}

func (i *importer) upConcat(nodes []Node) (*nn.Node, error) {
	low, err := i.value(&nodes[0], 0)
	if err != nil {
		return nil, err
	}
	skip, err := i.value(&nodes[1], 1)
	if err != nil {
		return nil, err
	}
	return i.builder.UpConcat(nodes[0].Name, low, skip), nil
}

func (i *importer) globalAvgPool(nodes []Node) (*nn.Node, error) {
	x, err := i.value(&nodes[0], 0)
	if err != nil {
		return nil, err
	}
	return i.builder.GlobalAvgPool(nodes[0].Name, x), nil
}

func (i *importer) relu(nodes []Node) (*nn.Node, error) {
	x, err := i.value(&nodes[0], 0)
	if err != nil {
		return nil, err
	}
	return i.builder.ReLU(nodes[0].Name, x), nil
}

func (i *importer) maxPool(nodes []Node) (*nn.Node, error) {
	x, err := i.value(&nodes[0], 0)
	if err != nil {
		return nil, err
	}
	return i.builder.MaxPool(nodes[0].Name, x), nil
}

func (i *importer) sum(nodes []Node) (*nn.Node, error) {
	x, err := i.value(&nodes[0], 0)
	if err != nil {
		return nil, err
	}
	y, err := i.value(&nodes[0], 1)
	if err != nil {
		return nil, err
	}
	return i.builder.Add(nodes[0].Name, x, y), nil
}

func (i *importer) concat(nodes []Node) (*nn.Node, error) {
	var all []*nn.Node
	for k := range nodes[0].Inputs {
		x, err := i.value(&nodes[0], k)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return i.builder.Concat(nodes[0].Name, all...), nil
}

func (i *importer) convolution(nodes []Node) (*nn.Node, error) {
	n := &nodes[0]
	x, w, b, err := i.withWeights(n, 4)
	if err != nil {
		return nil, err
	}
	out, in, kernel := int(w.Dims[0]), int(w.Dims[1]), int(w.Dims[2])
	if in != x.Channels || w.Dims[2] != w.Dims[3] || len(b.Floats) != out {
		return nil, fmt.Errorf("weights of dimensions %v and %d biases do not fit %d channels", w.Dims, len(b.Floats), x.Channels)
	}
	i.weights[n.Name+".weight"] = weights{w.Floats, kernel, in, out}
	i.weights[n.Name+".bias"] = weights{values: b.Floats}
	return i.builder.ConvBias(n.Name, x, out, kernel), nil
}

func (i *importer) linear(nodes []Node) (*nn.Node, error) {
	n := &nodes[0]
	x, w, b, err := i.withWeights(n, 2)
	if err != nil {
		return nil, err
	}
	if int(w.Dims[0]) != x.Channels || len(b.Floats) != int(w.Dims[1]) {
		return nil, fmt.Errorf("weights of dimensions %v and %d biases do not fit %d channels", w.Dims, len(b.Floats), x.Channels)
	}
	i.weights[n.Name+".weight"] = weights{values: w.Floats}
	i.weights[n.Name+".bias"] = weights{values: b.Floats}
	return i.builder.Linear(n.Name, x, int(w.Dims[1])), nil
}

// value is the node that an operation reads as its input k.
func (i *importer) value(n *Node, k int) (*nn.Node, error) {
	if k >= len(n.Inputs) {
		return nil, fmt.Errorf("it has %d inputs", len(n.Inputs))
	}
	x := i.values[n.Inputs[k]]
	if x == nil {
		return nil, fmt.Errorf("its input %q is made by no operation before it", n.Inputs[k])
	}
	return x, nil
}

// withWeights gives the input of an operation, its weights of so many dimensions, and its bias.
func (i *importer) withWeights(n *Node, dims int) (x *nn.Node, w, b *Tensor, err error) {
	if x, err = i.value(n, 0); err != nil {
		return nil, nil, nil, err
	}
	if len(n.Inputs) != 3 {
		return nil, nil, nil, fmt.Errorf("it has %d inputs in place of a value, weights and a bias", len(n.Inputs))
	}
	w, b = i.constants[n.Inputs[1]], i.constants[n.Inputs[2]]
	if w == nil || b == nil || len(w.Dims) != dims {
		return nil, nil, nil, fmt.Errorf("its weights %q and %q are not constants of the right dimensions", n.Inputs[1], n.Inputs[2])
	}
	if w == b || i.used[w] || i.used[b] {
		return nil, nil, nil, fmt.Errorf("its weights %q and %q are those of another operation, too", n.Inputs[1], n.Inputs[2])
	}
	i.used[w], i.used[b] = true, true
	return x, w, b, nil
}

// model builds the network and fills in its weights.
func (i *importer) model(output string) (*nn.Model, error) {
	logits := i.values[output]
	if logits == nil {
		return nil, fmt.Errorf("%w: no operation makes its output %s", ErrFormat, output)
	}
	graph, err := i.builder.Build(logits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	m := nn.NewModel(graph, 0)
	for k, spec := range graph.Params {
		if !i.weights[spec.Name].copyTo(m.Params[k]) {
			return nil, fmt.Errorf("%w: %s has %d values in place of %d", ErrFormat, spec.Name, len(i.weights[spec.Name].values), len(m.Params[k]))
		}
	}
	if err := m.SetNormalisation(i.mean, i.deviation); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return m, nil
}
