//go:build linux

package main

import (
	"fmt"

	"github.com/swath-dev/swath/internal/nn"
)

// reference is one of the networks that are measured; reference.py has the same.
type reference struct {
	Name          string `json:"name"`
	Bands         int    `json:"bands"`
	Side          int    `json:"side"`
	Batch         int    `json:"batch"`
	Classes       int    `json:"classes"`
	Segmentation  bool   `json:"segmentation"`
	TrainSteps    int    `json:"trainSteps"`
	InferenceRuns int    `json:"inferenceRuns"`
}

var references = []reference{
	{Name: "CNN 3×80×80, batch 32", Bands: 3, Side: 80, Batch: 32, Classes: 2, TrainSteps: 20, InferenceRuns: 20},
	{Name: "U-Net 4×64×64, batch 16", Bands: 4, Side: 64, Batch: 16, Classes: 7, Segmentation: true, TrainSteps: 12, InferenceRuns: 16},
	{Name: "U-Net 4×128×128, batch 16", Bands: 4, Side: 128, Batch: 16, Classes: 7, Segmentation: true, TrainSteps: 6, InferenceRuns: 8},
}

func (r reference) graph() (*nn.Graph, error) {
	b := nn.NewBuilder(r.Bands)
	logits := classifier(b, r.Classes)
	if r.Segmentation {
		b = nn.NewBuilder(r.Bands)
		logits = unet(b, r.Classes)
	}
	g, err := b.Build(logits)
	if err != nil {
		return nil, fmt.Errorf("describing %s: %w", r.Name, err)
	}
	return g, nil
}

func convolution(b *nn.Builder, name string, x *nn.Node, channels int) *nn.Node {
	return b.ReLU(name+".relu", b.BatchNorm(name+".norm", b.Conv(name+".conv", x, channels, 3)))
}

func classifier(b *nn.Builder, classes int) *nn.Node {
	x := b.Input()
	for i, channels := range []int{16, 32, 64, 64} {
		name := fmt.Sprintf("block%d", i+1)
		x = b.MaxPool(name+".pool", convolution(b, name, x, channels))
	}
	return b.Linear("head", b.GlobalAvgPool("mean", x), classes)
}

func unet(b *nn.Builder, classes int) *nn.Node {
	double := func(name string, x *nn.Node, channels int) *nn.Node {
		return convolution(b, name+".2", convolution(b, name+".1", x, channels), channels)
	}
	e1 := double("encoder1", b.Input(), 16)
	e2 := double("encoder2", b.MaxPool("pool1", e1), 32)
	bottom := double("bottom", b.MaxPool("pool2", e2), 64)
	d2 := double("decoder2", b.UpConcat("up2", bottom, e2), 32)
	d1 := double("decoder1", b.UpConcat("up1", d2, e1), 16)
	return b.ConvBias("head", d1, classes, 1)
}
