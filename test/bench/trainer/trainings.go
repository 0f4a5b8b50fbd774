//go:build linux

package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// channelsLast is the memory format that is mostly the faster in PyTorch.
const channelsLast = "channels_last"

// formats are the memory formats of PyTorch that are tried.
var formats = []string{channelsLast, "contiguous"}

// wholeRun compares whole trainings of one task with the same epochs and batch. The networks are not the same: ours is that of the
// trainer's defaults. The figures are medians of the rounds, each of which has its own seed, but for the qualities, which are means.
type wholeRun struct {
	Task   string   `json:"task"`
	Cores  int      `json:"cores"`
	Epochs int      `json:"epochs"`
	Ours   training `json:"ours"`
	// Torch is the faster of PyTorch's memory formats, and Format which that is.
	Torch  training `json:"torch"`
	Format string   `json:"format"`
	// Ratio compares the processes from start to end, TrainRatio the epochs alone. Above 1 ours is faster.
	Ratio      float64 `json:"ratio"`
	TrainRatio float64 `json:"trainRatio"`
}

// scaling is how much more a task trains in a second on two cores than on one.
type scaling struct {
	Task string `json:"task"`
	// The figures are samples a second in training steps, on one and on two cores.
	OursOne   float64 `json:"oursOne"`
	OursTwo   float64 `json:"oursTwo"`
	OursGain  float64 `json:"oursGain"`
	TorchOne  float64 `json:"torchOne"`
	TorchTwo  float64 `json:"torchTwo"`
	TorchGain float64 `json:"torchGain"`
}

// newWholeRun takes the memory format whose epochs took less.
func newWholeRun(task string, cores, epochs int, ours []training, torch map[string][]training) wholeRun {
	w := wholeRun{Task: task, Cores: cores, Epochs: epochs, Ours: middleTraining(ours)}
	for _, format := range formats {
		if t := middleTraining(torch[format]); w.Format == "" || t.TrainSeconds < w.Torch.TrainSeconds {
			w.Torch, w.Format = t, format
		}
	}
	w.Ratio = down(w.Torch.Seconds / w.Ours.Seconds)
	w.TrainRatio = down(w.Torch.TrainSeconds / w.Ours.TrainSeconds)
	return w
}

func middleTraining(all []training) training {
	of := func(value func(training) float64) []float64 {
		var values []float64
		for _, t := range all {
			values = append(values, value(t))
		}
		return values
	}
	return training{
		Seconds:          round(middle(of(func(t training) float64 { return t.Seconds }))),
		TrainSeconds:     round(middle(of(func(t training) float64 { return t.TrainSeconds }))),
		SamplesPerSecond: math.Round(middle(of(func(t training) float64 { return t.SamplesPerSecond }))),
		Accuracy:         mean(of(func(t training) float64 { return t.Accuracy })),
		MeanIoU:          mean(of(func(t training) float64 { return t.MeanIoU })),
	}
}

// newScaling puts the figures of one core and of two beside each other.
func newScaling(one, two wholeRun) scaling {
	return scaling{
		Task:    two.Task,
		OursOne: one.Ours.SamplesPerSecond, OursTwo: two.Ours.SamplesPerSecond, OursGain: down(two.Ours.SamplesPerSecond / one.Ours.SamplesPerSecond),
		TorchOne: one.Torch.SamplesPerSecond, TorchTwo: two.Torch.SamplesPerSecond, TorchGain: down(two.Torch.SamplesPerSecond / one.Torch.SamplesPerSecond),
	}
}

// readResults reads the trainer's results file. All epochs have as many samples, so that the samples a second of all
// are the harmonic mean of theirs.
func readResults(r io.Reader, epochs int) (training, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return training{}, fmt.Errorf("reading the results: %w", err)
	}
	if len(rows) != epochs+1 {
		return training{}, fmt.Errorf("the results have %d rows below the head, not %d", len(rows)-1, epochs)
	}
	value := func(row []string, column string) float64 {
		at := slices.Index(rows[0], column)
		if at < 0 {
			err = fmt.Errorf("the results have no column %s", column)
			return math.NaN()
		}
		v, wrong := strconv.ParseFloat(row[at], 64)
		if wrong != nil {
			err = fmt.Errorf("reading %s of the results: %w", column, wrong)
		}
		return v
	}
	var t training
	var slowness float64
	for _, row := range rows[1:] {
		t.TrainSeconds += value(row, "seconds")
		slowness += 1 / value(row, "samples_per_second")
	}
	last := rows[epochs]
	t.Accuracy, t.MeanIoU = value(last, "valid_accuracy"), value(last, "valid_mean_iou")
	t.SamplesPerSecond = float64(epochs) / slowness
	return t, err
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return math.Round(1e4*sum/float64(len(values))) / 1e4
}
