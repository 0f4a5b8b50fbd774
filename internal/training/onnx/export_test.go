package onnx_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/onnx"
)

// trained makes a model whose weights and statistics are all different, as after training.
func trained(t testing.TB, task training.Task, bands, side, classes int) *nn.Model {
	t.Helper()
	graph, err := training.NewGraph(task, training.SizeSmall, bands, side, classes)
	if err != nil {
		t.Fatal(err)
	}
	m := nn.NewModel(graph, 7)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range m.Weights {
		m.Weights[i] += float32(random.NormFloat64()) * 0.05
	}
	for i := range m.Statistics {
		m.Statistics[i] = 0.5 + random.Float32()
	}
	mean, deviation := make([]float32, bands), make([]float32, bands)
	for i := range mean {
		mean[i], deviation[i] = 100+float32(i), 20+float32(i)
	}
	if err := m.SetNormalisation(mean, deviation); err != nil {
		t.Fatal(err)
	}
	return m
}

func logits(t *testing.T, m *nn.Model, side, n int, pixels []float32) []float32 {
	t.Helper()
	plan, err := nn.NewPlan(m, nn.PlanConfig{Mode: nn.Infer, MaxBatch: n, Height: side, Width: side})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Forward(nn.Batch{N: n, Pixels: pixels}); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, plan.Labels()*m.Graph.Classes())
	if err := plan.Logits(out); err != nil {
		t.Fatal(err)
	}
	return out
}

// What is read back gives the same logits, bit for bit: the file holds exactly what inference computes.
func TestImportGivesTheSameLogits(t *testing.T) {
	cases := map[string]struct {
		task                 training.Task
		bands, side, classes int
	}{
		"classification":                      {training.Classification, 3, 16, 3},
		"classification of large chips":       {training.Classification, 12, 64, 10},
		"segmentation of the least chips":     {training.Segmentation, 1, 8, 2},
		"segmentation of medium chips":        {training.Segmentation, 4, 24, 7},
		"segmentation, three times halved":    {training.Segmentation, 3, 32, 3},
		"as many classes as there can be":     {training.Classification, 2, 8, 256},
		"more bands than any platform has":    {training.Classification, 40, 8, 2},
		"segmentation with a side of its own": {training.Segmentation, 2, 40, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := trained(t, c.task, c.bands, c.side, c.classes)
			graph, err := onnx.Export(m, "test")
			if err != nil {
				t.Fatal(err)
			}
			read, err := onnx.Unmarshal(onnx.Marshal(&onnx.Model{Graph: graph}))
			if err != nil {
				t.Fatal(err)
			}
			again, err := onnx.Import(&read.Graph)
			if err != nil {
				t.Fatal(err)
			}
			const n = 3
			pixels := make([]float32, n*c.bands*c.side*c.side)
			random := rand.New(rand.NewPCG(3, 4))
			for i := range pixels {
				pixels[i] = 100 + 30*float32(random.NormFloat64())
			}
			if want, got := logits(t, m, c.side, n, pixels), logits(t, again, c.side, n, pixels); !slices.Equal(got, want) {
				t.Errorf("logits differ: %v… and %v…", got[:2], want[:2])
			}
		})
	}
}

func TestGraphsThatAreNotOursAreErrors(t *testing.T) {
	export := func(t *testing.T) *onnx.Graph {
		graph, err := onnx.Export(trained(t, training.Classification, 3, 16, 3), "test")
		if err != nil {
			t.Fatal(err)
		}
		return &graph
	}
	cases := map[string]func(*onnx.Graph){
		"an operation that is not known": func(g *onnx.Graph) { g.Nodes[3].Op = "Gelu" },
		"no normalisation":               func(g *onnx.Graph) { g.Nodes = g.Nodes[2:] },
		"a value that nothing makes":     func(g *onnx.Graph) { g.Nodes[2].Inputs[0] = "nothing" },
		"weights that are missing":       func(g *onnx.Graph) { g.Initializers = g.Initializers[:4] },
		"weights of a wrong size":        func(g *onnx.Graph) { g.Initializers[2].Dims = []int64{1, 1, 1, 1} },
		"no input":                       func(g *onnx.Graph) { g.Inputs = nil },
		"too many bands":                 func(g *onnx.Graph) { g.Inputs[0].Dims[1].Size = 1 << 40 },
		"an output that nothing makes":   func(g *onnx.Graph) { g.Outputs[0].Name = "nothing" },
		"an operation without inputs":    func(g *onnx.Graph) { g.Nodes[2].Inputs = nil },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			g := export(t)
			change(g)
			if _, err := onnx.Import(g); !errors.Is(err, onnx.ErrFormat) {
				t.Errorf("error %v, want %v", err, onnx.ErrFormat)
			}
		})
	}
}

// Whatever a file says, reading it ends with a network or with an error.
// tiny is a whole network of few weights.
func tiny(t testing.TB) []byte {
	t.Helper()
	b := nn.NewBuilder(1)
	low := b.MaxPool("low", b.ReLU("relu", b.ConvBias("first", b.Input(), 2, 3)))
	graph, err := b.Build(b.ConvBias("logits", b.UpConcat("up", low, b.Input()), 2, 1))
	if err != nil {
		t.Fatal(err)
	}
	exported, err := onnx.Export(nn.NewModel(graph, 1), "tiny")
	if err != nil {
		t.Fatal(err)
	}
	return onnx.Marshal(&onnx.Model{Graph: exported})
}

func FuzzImport(f *testing.F) {
	for _, task := range []training.Task{training.Classification, training.Segmentation} {
		graph, err := onnx.Export(trained(f, task, 1, 8, 2), "test")
		if err != nil {
			f.Fatal(err)
		}
		// Without weights the file is small; those are checked before they are used.
		graph.Initializers = graph.Initializers[:2]
		f.Add(onnx.Marshal(&onnx.Model{Graph: graph}))
	}
	f.Add(tiny(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Unmarshal(data)
		if err != nil {
			return
		}
		network, err := onnx.Import(&m.Graph)
		if err != nil {
			if !errors.Is(err, onnx.ErrFormat) {
				t.Errorf("error %v is not of the kind %v", err, onnx.ErrFormat)
			}
			return
		}
		// What can be imported can be planned, or is refused for its side.
		side := min(network.Graph.Factor(), 64)
		config := nn.PlanConfig{Mode: nn.Infer, MaxBatch: 1, Height: side, Width: side, Workers: 1}
		if needed, err := nn.PlanBytes(network.Graph, config); err == nil && needed < 64<<20 {
			if _, err := nn.NewPlan(network, config); err != nil {
				t.Errorf("planning what could be counted: %v", err)
			}
		}
	})
}
