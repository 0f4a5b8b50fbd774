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
	// CPUMillis is the processor time of a step of training and of a run of inference, all threads together; it says more than the clock
	// on a busy machine. Only ours.
	CPUMillis []float64 `json:"cpuMillis,omitempty"`
	PeakMiB     float64            `json:"peakMiB"`
}

// process is the answer of one process.
type process struct {
	Versions map[string]string `json:"versions"`
	Timings  []timing          `json:"timings"`
}

// ours measures package nn in this process.
func ours(workers int, only string) (process, error) {
	p := process{Versions: map[string]string{"kernels": nn.KernelName()}}
	for _, r := range references {
		if only != "" && only != r.Name {
			continue
		}
		t, err := r.measure(workers)
		if err != nil {
			return p, fmt.Errorf("measuring %s: %w", r.Name, err)
		}
		p.Timings = append(p.Timings, t)
	}
	return p, nil
}

func (r reference) measure(workers int) (timing, error) {
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
	start := cpuTime()
	t.TrainMillis, err = median(r.TrainSteps, func() error {
		return step(train, optimizer, nn.Batch{N: r.Batch, Pixels: pixels}, labels)
	})
	if err != nil {
		return t, err
	}
	t.CPUMillis = append(t.CPUMillis, cpuTime().since(start, r.TrainSteps))
	config.Mode = nn.Infer
	infer, err := nn.NewPlan(m, config)
	if err != nil {
		return t, err
	}
	start = cpuTime()
	t.InferMillis["swath"], err = median(r.InferenceRuns, func() error {
		return infer.Forward(nn.Batch{N: r.Batch, Pixels: pixels})
	})
	t.CPUMillis = append(t.CPUMillis, cpuTime().since(start, r.InferenceRuns))
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

// processorTime is what this process has used so far.
type processorTime time.Duration

func cpuTime() processorTime {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return processorTime(u.Utime.Nano() + u.Stime.Nano())
}

// since gives the milliseconds of each run, warm-ups too.
func (p processorTime) since(start processorTime, runs int) float64 {
	return float64(p-start) / 1e6 / float64(warmups+runs)
}

// median runs do some times more than it counts, and gives the median in milliseconds.
func median(runs int, do func() error) (float64, error) {
	var times []float64
	for i := range warmups + runs {
		start := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		if i >= warmups {
			times = append(times, float64(time.Since(start).Microseconds())/1000)
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
