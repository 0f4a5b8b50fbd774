package main

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/swath-dev/swath/internal/nn"
)

// warmups are the steps that are not counted.
const warmups = 3

// timing is what one process measured of one model; times are medians in milliseconds.
type timing struct {
	Name        string             `json:"name"`
	TrainMillis float64            `json:"trainMillis"`
	InferMillis map[string]float64 `json:"inferMillis"` // By engine.
	PeakMiB     float64            `json:"peakMiB"`
}

// process is the answer of one process.
type process struct {
	Versions map[string]string `json:"versions"`
	Timings  []timing          `json:"timings"`
}

// ours measures package nn in this process.
func ours(o options, only string) (process, error) {
	p := process{Versions: map[string]string{"kernels": nn.KernelName()}}
	for _, r := range references {
		if only != "" && only != r.Name {
			continue
		}
		t, err := r.measure(o.threads, clocks[o.clock])
		if err != nil {
			return p, fmt.Errorf("measuring %s: %w", r.Name, err)
		}
		p.Timings = append(p.Timings, t)
	}
	return p, nil
}

func (r reference) measure(workers int, now func() time.Duration) (timing, error) {
	t := timing{Name: r.Name, InferMillis: map[string]float64{}}
	g, err := r.graph()
	if err != nil {
		return t, err
	}
	m := nn.NewModel(g, 0)
	pixels, labels := r.example()
	config := nn.PlanConfig{Mode: nn.Train, MaxBatch: r.Batch, Height: r.Side, Width: r.Side, Workers: workers}
	train, err := nn.NewPlan(m, config)
	if err != nil {
		return t, err
	}
	optimizer := nn.NewAdamW(m, nn.AdamWConfig{WeightDecay: 0.01})
	t.TrainMillis, err = median(now, r.TrainSteps, func() error {
		return step(train, optimizer, nn.Batch{N: r.Batch, Pixels: pixels}, labels)
	})
	if err != nil {
		return t, err
	}
	config.Mode = nn.Infer
	infer, err := nn.NewPlan(m, config)
	if err != nil {
		return t, err
	}
	t.InferMillis["swath"], err = median(now, r.InferenceRuns, func() error {
		return infer.Forward(nn.Batch{N: r.Batch, Pixels: pixels})
	})
	t.PeakMiB = float64(train.Bytes()+int64(len(m.Weights))*16) / (1 << 20)
	return t, err
}

func step(p *nn.Plan, o *nn.AdamW, b nn.Batch, labels []uint8) error {
	if err := p.Forward(b); err != nil {
		return err
	}
	if _, err := p.Loss(nn.Loss{IgnoreLabel: nn.None}, labels); err != nil {
		return err
	}
	if err := p.Backward(); err != nil {
		return err
	}
	return o.Step(p.Gradients(), 1e-3)
}

// example draws a batch; times do not depend on what is in it.
func (r reference) example() (pixels []float32, labels []uint8) {
	rng := nn.NewRNG(1)
	pixels = make([]float32, r.Batch*r.Bands*r.Side*r.Side)
	for i := range pixels {
		pixels[i] = float32(rng.Normal())
	}
	labels = make([]uint8, r.Batch)
	if r.Segmentation {
		labels = make([]uint8, r.Batch*r.Side*r.Side)
	}
	for i := range labels {
		labels[i] = uint8(rng.IntN(r.Classes))
	}
	return pixels, labels
}

// clocks are ways to time a step: by the clock on the wall, or by the processor time of all threads of this process.
var clocks = map[string]func() time.Duration{
	"wall": func() time.Duration { return time.Since(started) },
	"cpu": func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	},
}

var started = time.Now()

// median runs do some times more than it counts, and gives the median in milliseconds.
func median(now func() time.Duration, runs int, do func() error) (float64, error) {
	var times []float64
	for i := range warmups + runs {
		start := now()
		if err := do(); err != nil {
			return 0, err
		}
		if i >= warmups {
			times = append(times, float64((now()-start).Microseconds())/1000)
		}
	}
	return middle(times), nil
}

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
