//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/swath-dev/swath/internal/nn"
)

// printOurs measures one network in this process.
func (s settings) printOurs(name, profile string) error {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return fmt.Errorf("creating the profile: %w", err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("starting the profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	for _, r := range references {
		if r.Name != name {
			continue
		}
		a, err := r.measure(s.threads, clocks[s.clock])
		if err != nil {
			return fmt.Errorf("measuring %s: %w", name, err)
		}
		return json.NewEncoder(os.Stdout).Encode(a)
	}
	return fmt.Errorf("there is no network %q", name)
}

func (r reference) measure(workers int, now func() time.Duration) (answer, error) {
	a := answer{InferMillis: map[string]float64{}, Versions: map[string]string{"kernels": nn.KernelName()}}
	g, err := r.graph()
	if err != nil {
		return a, err
	}
	m := nn.NewModel(g, 0)
	pixels, labels := r.example()
	config := nn.PlanConfig{Mode: nn.Train, MaxBatch: r.Batch, Height: r.Side, Width: r.Side, Workers: workers}
	train, err := nn.NewPlan(m, config)
	if err != nil {
		return a, err
	}
	optimizer := nn.NewAdamW(m, nn.AdamWConfig{WeightDecay: 0.01})
	a.TrainMillis, err = median(now, r.TrainSteps, func() error {
		return step(train, optimizer, nn.Batch{N: r.Batch, Pixels: pixels}, labels)
	})
	if err != nil {
		return a, err
	}
	if a.PeakMiB, err = peakMiB(read("/proc/self/status")); err != nil {
		return a, err
	}
	config.Mode = nn.Infer
	infer, err := nn.NewPlan(m, config)
	if err != nil {
		return a, err
	}
	a.InferMillis["swath"], err = median(now, r.InferenceRuns, func() error {
		return infer.Forward(nn.Batch{N: r.Batch, Pixels: pixels})
	})
	return a, err
}

// peakMiB finds the most resident memory that a process has had in the text of /proc/PID/status.
func peakMiB(status string) (float64, error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			if err != nil {
				return 0, fmt.Errorf("reading %q: %w", strings.TrimSpace(line), err)
			}
			return kib / 1024, nil
		}
	}
	return 0, errors.New("the status of the process does not tell its peak of memory (VmHWM)")
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
