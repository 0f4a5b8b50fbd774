//go:build linux

package main

import (
	"os"
	"testing"

	"github.com/swath-dev/swath/internal/training/onnx"
)

func TestONNXRuntimeGetsTheSameNetworksWithoutNormalisation(t *testing.T) {
	folder := t.TempDir()
	for _, r := range references {
		t.Run(r.Name, func(t *testing.T) {
			if err := r.export(folder); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(r.file(folder))
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Unmarshal(data)
			if err != nil {
				t.Fatal(err)
			}
			operations := map[string]int{}
			for _, n := range m.Graph.Nodes {
				operations[n.Op]++
			}
			convolutions := 4
			if r.Segmentation {
				convolutions = 11
			}
			if operations["Conv"] != convolutions || operations["Sub"]+operations["Div"] != 0 {
				t.Errorf("the network has the operations %v", operations)
			}
			if first := m.Graph.Nodes[0]; first.Op != "Conv" || first.Inputs[0] != onnx.InputName {
				t.Errorf("the first operation is %+v", first)
			}
			for i, want := range []int{r.Batch, r.Bands, r.Side, r.Side} {
				if d := m.Graph.Inputs[0].Dims[i]; d.Size != int64(want) || d.Name != "" {
					t.Errorf("dimension %d is %+v, want %d", i, d, want)
				}
			}
		})
	}
}
