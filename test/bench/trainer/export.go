//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/onnx"
)

// file is where the network is for onnxruntime.
func (r reference) file(folder string) string {
	return filepath.Join(folder, fmt.Sprintf("%d-bands-%d.onnx", r.Bands, r.Side))
}

// export writes the network for onnxruntime, without the normalisation of pixels, which PyTorch's has not either, and
// with all sizes fixed, so that the runtime can do its best.
func (r reference) export(folder string) error {
	g, err := r.graph()
	if err != nil {
		return err
	}
	graph, err := onnx.Export(nn.NewModel(g, 0), "reference")
	if err != nil {
		return fmt.Errorf("exporting %s: %w", r.Name, err)
	}
	if err := dropNormalisation(&graph); err != nil {
		return fmt.Errorf("exporting %s: %w", r.Name, err)
	}
	r.fixSizes(&graph)
	if err := os.WriteFile(r.file(folder), onnx.Marshal(&onnx.Model{Producer: "swath benchmark", Graph: graph}), 0o600); err != nil {
		return fmt.Errorf("exporting %s: %w", r.Name, err)
	}
	return nil
}

// dropNormalisation takes the subtraction and the division that stand first away.
func dropNormalisation(g *onnx.Graph) error {
	if len(g.Nodes) < 3 || g.Nodes[0].Op != "Sub" || g.Nodes[0].Inputs[0] != onnx.InputName || g.Nodes[1].Op != "Div" {
		return errors.New("the graph does not begin with the normalisation of its pixels")
	}
	constants := []string{g.Nodes[0].Inputs[1], g.Nodes[1].Inputs[1]}
	normalised := g.Nodes[1].Outputs[0]
	g.Nodes = g.Nodes[2:]
	for i := range g.Nodes {
		for j, name := range g.Nodes[i].Inputs {
			if name == normalised {
				g.Nodes[i].Inputs[j] = onnx.InputName
			}
		}
	}
	var kept []onnx.Tensor
	for _, t := range g.Initializers {
		if t.Name != constants[0] && t.Name != constants[1] {
			kept = append(kept, t)
		}
	}
	g.Initializers = kept
	return nil
}

// fixSizes gives the free dimensions the sizes of the benchmark.
func (r reference) fixSizes(g *onnx.Graph) {
	sizes := map[string]int64{"batch": int64(r.Batch), "height": int64(r.Side), "width": int64(r.Side)}
	for _, values := range [][]onnx.Value{g.Inputs, g.Outputs} {
		for _, v := range values {
			for i, d := range v.Dims {
				if size, ok := sizes[d.Name]; ok {
					v.Dims[i] = onnx.Dim{Size: size}
				}
			}
		}
	}
}
