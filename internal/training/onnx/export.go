package onnx

import (
	"fmt"

	"github.com/swath-dev/swath/internal/nn"
)

// The names of the graph's input and output.
const (
	InputName  = "pixels"
	OutputName = "logits"
)

// The names of the values that take the normalisation apart.
const (
	meanName       = "normalisation.mean"
	deviationName  = "normalisation.deviation"
	centredName    = "normalisation.centred"
	normalisedName = "normalisation.normalised"
	upScalesName   = "upsample.scales"
)

// Export turns a trained network into an ONNX graph: raw pixels of free batch, height and width go in as batch × bands ×
// height × width, logits come out as batch × classes, for segmentation followed by height × width. The normalisation comes first and
// stands before any padding; batch norms are folded into the convolutions before them.
func Export(m *nn.Model, name string) (Graph, error) {
	e := &exporter{model: m, consumers: m.Graph.Consumers(), values: make([]string, len(m.Graph.Nodes))}
	e.graph.Name = name
	e.graph.Inputs = []Value{{InputName, []Dim{{Name: "batch"}, {Size: int64(m.Graph.Bands)}, {Name: "height"}, {Name: "width"}}}}
	output := Value{OutputName, []Dim{{Name: "batch"}, {Size: int64(m.Graph.Classes())}}}
	if m.Graph.PerPixel() {
		output.Dims = append(output.Dims, Dim{Name: "height"}, Dim{Name: "width"})
	}
	e.graph.Outputs = []Value{output}
	for _, n := range m.Graph.Nodes {
		if err := e.node(n); err != nil {
			return Graph{}, fmt.Errorf("exporting node %s: %w", n.Name, err)
		}
	}
	return e.graph, nil
}

// exporter turns nodes of nn into nodes of ONNX; values holds the name of each node's value by its ID.
type exporter struct {
	model     *nn.Model
	consumers [][]*nn.Node
	graph     Graph
	values    []string
	upScales  bool
}

func (e *exporter) node(n *nn.Node) error {
	switch n.Kind {
	case nn.KindInput:
		e.input(n)
	case nn.KindBandStats:
		e.bandStats(n)
	case nn.KindConv:
		return e.convolution(n)
	case nn.KindBatchNorm:
		// It was folded into the convolution, whose value stands for it.
		e.values[n.ID] = e.values[n.Inputs[0].ID]
	case nn.KindReLU:
		e.simple(n, "Relu")
	case nn.KindAdd:
		e.simple(n, "Add")
	case nn.KindMaxPool:
		e.simple(n, "MaxPool", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2))
	case nn.KindUpConcat:
		e.upConcat(n)
	case nn.KindGlobalAvgPool:
		e.add("GlobalAveragePool", n.Name+".mean", e.inputs(n))
		e.values[n.ID] = e.add("Flatten", n.Name, []string{n.Name + ".mean"}, Int("axis", 1))
	case nn.KindConcat:
		e.simple(n, "Concat", Int("axis", 1))
	case nn.KindLinear:
		e.linear(n)
	default:
		return fmt.Errorf("there is no ONNX operation for %s", n.Kind)
	}
	return nil
}

// add appends an operation and returns the name of its value.
func (e *exporter) add(op, value string, inputs []string, attributes ...Attribute) string {
	e.graph.Nodes = append(e.graph.Nodes, Node{
		Name: fmt.Sprintf("%s_%d", op, len(e.graph.Nodes)), Op: op, Inputs: inputs, Outputs: []string{value}, Attributes: attributes,
	})
	return value
}

func (e *exporter) constant(name string, values []float32, dims ...int64) string {
	e.graph.Initializers = append(e.graph.Initializers, Tensor{Name: name, Dims: dims, Floats: values})
	return name
}

func (e *exporter) inputs(n *nn.Node) []string {
	var names []string
	for _, in := range n.Inputs {
		names = append(names, e.values[in.ID])
	}
	return names
}

// output is the name of a node's value: the last has the one that users see.
func (e *exporter) output(n *nn.Node) string {
	if n == e.model.Graph.Logits {
		return OutputName
	}
	return n.Name
}

func (e *exporter) simple(n *nn.Node, op string, attributes ...Attribute) {
	e.values[n.ID] = e.add(op, e.output(n), e.inputs(n), attributes...)
}

func (e *exporter) input(n *nn.Node) {
	bands := int64(e.model.Graph.Bands)
	mean := e.constant(meanName, e.model.Mean, 1, bands, 1, 1)
	deviation := e.constant(deviationName, e.model.Deviation, 1, bands, 1, 1)
	centred := e.add("Sub", centredName, []string{InputName, mean})
	e.values[n.ID] = e.add("Div", normalisedName, []string{centred, deviation})
}

// bandStats computes the deviation in two passes, as nn does.
func (e *exporter) bandStats(n *nn.Node) {
	x := e.values[n.Inputs[0].ID]
	overImage := []Attribute{Ints("axes", 2, 3), Int("keepdims", 1)}
	mean := e.add("ReduceMean", n.Name+".mean", []string{x}, overImage...)
	centred := e.add("Sub", n.Name+".centred", []string{x, mean})
	square := e.add("Mul", n.Name+".square", []string{centred, centred})
	variance := e.add("ReduceMean", n.Name+".variance", []string{square}, overImage...)
	deviation := e.add("Sqrt", n.Name+".deviation", []string{variance})
	both := e.add("Concat", n.Name+".both", []string{mean, deviation}, Int("axis", 1))
	e.values[n.ID] = e.add("Flatten", n.Name, []string{both}, Int("axis", 1))
}

func (e *exporter) convolution(n *nn.Node) error {
	var norm *nn.Node
	for _, c := range e.consumers[n.ID] {
		if c.Kind == nn.KindBatchNorm {
			norm = c
		}
	}
	if norm != nil && len(e.consumers[n.ID]) > 1 {
		return fmt.Errorf("its value is read beside its batch norm, so that they cannot be folded")
	}
	weights, bias := e.model.Folded(n, norm)
	in, kernel := n.Inputs[0].Channels, int64(n.Kernel)
	w := e.constant(n.Name+".weight", toOIHW(weights, n.Kernel, in, n.Channels), int64(n.Channels), int64(in), kernel, kernel)
	b := e.constant(n.Name+".bias", bias, int64(n.Channels))
	pad := kernel / 2
	e.values[n.ID] = e.add("Conv", e.output(n), append(e.inputs(n), w, b),
		Ints("kernel_shape", kernel, kernel), Ints("pads", pad, pad, pad, pad), Ints("strides", 1, 1))
	return nil
}

// toOIHW turns a kernel of kernel × kernel × in × out into out × in × kernel × kernel.
func toOIHW(weights []float32, kernel, in, out int) []float32 {
	turned := make([]float32, len(weights))
	for at := range kernel * kernel {
		for i := range in {
			for o := range out {
				turned[(o*in+i)*kernel*kernel+at] = weights[(at*in+i)*out+o]
			}
		}
	}
	return turned
}

// fromOIHW is the inverse of toOIHW. It writes into turned, which has as many values.
func fromOIHW(turned, weights []float32, kernel, in, out int) {
	for at := range kernel * kernel {
		for i := range in {
			for o := range out {
				turned[(at*in+i)*out+o] = weights[(o*in+i)*kernel*kernel+at]
			}
		}
	}
}

func (e *exporter) upConcat(n *nn.Node) {
	if !e.upScales {
		e.upScales = true
		e.constant(upScalesName, []float32{1, 1, 2, 2}, 4)
	}
	low, skip := e.values[n.Inputs[0].ID], e.values[n.Inputs[1].ID]
	up := e.add("Resize", n.Name+".up", []string{low, "", upScalesName}, String("mode", "nearest"),
		String("coordinate_transformation_mode", "asymmetric"), String("nearest_mode", "floor"))
	e.values[n.ID] = e.add("Concat", e.output(n), []string{up, skip}, Int("axis", 1))
}

func (e *exporter) linear(n *nn.Node) {
	in := n.Inputs[0].Channels
	w := e.constant(n.Name+".weight", e.model.Params[n.Weight], int64(in), int64(n.Channels))
	b := e.constant(n.Name+".bias", e.model.Params[n.Bias], int64(n.Channels))
	e.values[n.ID] = e.add("Gemm", e.output(n), append(e.inputs(n), w, b))
}
