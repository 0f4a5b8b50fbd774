//go:build linux

package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed olinda.py
var olindaProgram string

// maxCores is how many cores a CPUSet has room for.
const maxCores = 1024

// firstSeed is the seed of the first round; each round has its own.
const firstSeed = 42

// task is one of the two trainings; the batch is that of the baseline in PyTorch.
type task struct {
	name  string
	batch int
}

var tasks = []task{{"classification", 32}, {"segmentation", 16}}

// training is what one whole training came to.
type training struct {
	// Seconds is the time of the process from start to end, TrainSeconds that of its epochs; ours evaluates after each of them.
	Seconds          float64 `json:"seconds"`
	TrainSeconds     float64 `json:"trainSeconds"`
	SamplesPerSecond float64 `json:"samplesPerSecond"` // In training steps alone.
	Accuracy         float64 `json:"accuracy"`         // Of the last epoch, on the validation file.
	MeanIoU          float64 `json:"meanIoU"`
}

// wholeRunInput is what olinda.py is told.
type wholeRunInput struct {
	Task         string `json:"task"`
	Training     string `json:"training"`
	Validation   string `json:"validation"`
	Threads      int    `json:"threads"`
	Seed         int    `json:"seed"`
	Epochs       int    `json:"epochs"`
	Batch        int    `json:"batch"`
	ChannelsLast bool   `json:"channelsLast"`
}

// measureWholeRuns trains on both tasks on two cores, and for the scaling also on one, there with a quarter of the epochs.
func (s settings) measureWholeRuns(ctx context.Context, capability string) ([]wholeRun, []scaling, error) {
	var runs []wholeRun
	var gains []scaling
	for _, t := range tasks {
		two, err := s.measureWholeRun(ctx, capability, t, 2, s.epochs)
		if err != nil {
			return nil, nil, err
		}
		one, err := s.measureWholeRun(ctx, capability, t, 1, max(1, s.epochs/4))
		if err != nil {
			return nil, nil, err
		}
		runs, gains = append(runs, two), append(gains, newScaling(one, two))
	}
	return runs, gains, nil
}

// measureWholeRun trains on some cores, ours and PyTorch's in both memory formats in turn.
func (s settings) measureWholeRun(ctx context.Context, capability string, t task, cores, epochs int) (wholeRun, error) {
	list, err := coreList(cores)
	if err != nil {
		return wholeRun{}, fmt.Errorf("running on %d cores: %w", cores, err)
	}
	var ours []training
	torch := map[string][]training{}
	for round := range s.wholeRounds {
		in := wholeRunInput{
			Task: t.name, Training: s.file(t.name, "train"), Validation: s.file(t.name, "validation"),
			Threads: cores, Seed: firstSeed + round, Epochs: epochs, Batch: t.batch,
		}
		a, err := s.train(ctx, list, in)
		if err != nil {
			return wholeRun{}, err
		}
		ours = append(ours, a)
		fmt.Fprintf(os.Stderr, "whole run %d of %d: %s on %d cores: ours %.1f s", round+1, s.wholeRounds, t.name, cores, a.Seconds)
		for _, format := range formats {
			in.ChannelsLast = format == channelsLast
			b, err := s.trainWithTorch(ctx, list, capability, in)
			if err != nil {
				return wholeRun{}, err
			}
			torch[format] = append(torch[format], b)
			fmt.Fprintf(os.Stderr, ", PyTorch %s %.1f s", format, b.Seconds)
		}
		fmt.Fprintln(os.Stderr)
	}
	return newWholeRun(t.name, cores, epochs, ours, torch), nil
}

func (s settings) file(task, part string) string {
	return filepath.Join(s.data, "landcover-"+task+"-"+part+".h5")
}

// coreList names so many of the cores that this process may use, as taskset reads them.
func coreList(n int) (string, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return "", fmt.Errorf("asking for the cores: %w", err)
	}
	var list []string
	for i := 0; len(list) < n && i < maxCores; i++ {
		if set.IsSet(i) {
			list = append(list, strconv.Itoa(i))
		}
	}
	if len(list) < n {
		return "", fmt.Errorf("there are %d cores only", len(list))
	}
	return strings.Join(list, ","), nil
}

// train runs our trainer as a user would.
func (s settings) train(ctx context.Context, cores string, in wholeRunInput) (training, error) {
	folder, err := os.MkdirTemp("", "swath-bench-")
	if err != nil {
		return training{}, fmt.Errorf("making a folder for the model: %w", err)
	}
	defer os.RemoveAll(folder)
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	output := filepath.Join(folder, "model")
	cmd := exec.CommandContext(ctx, "taskset", "-c", cores, s.trainer, "train", "--task", in.Task, "--training-file", in.Training,
		"--validation-file", in.Validation, "--num-classes", "3", "--epochs", strconv.Itoa(in.Epochs), "--batch-size", strconv.Itoa(in.Batch),
		"--seed", strconv.Itoa(in.Seed), "--workers", strconv.Itoa(in.Threads), "--output", output)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(in.Threads))
	start := time.Now()
	if log, err := cmd.CombinedOutput(); err != nil {
		return training{}, fmt.Errorf("training with %s: %w: %s", s.trainer, err, lastLine(string(log)))
	}
	seconds := time.Since(start).Seconds()
	file, err := os.Open(filepath.Join(output, "results.csv"))
	if err != nil {
		return training{}, fmt.Errorf("reading the results: %w", err)
	}
	defer file.Close()
	t, err := readResults(file, in.Epochs)
	t.Seconds = seconds
	return t, err
}

func (s settings) trainWithTorch(ctx context.Context, cores, capability string, in wholeRunInput) (training, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, "taskset", "-c", cores, s.python, "-c", olindaProgram)
	cmd.Env = torchEnvironment(os.Environ(), capability)
	var t training
	start := time.Now()
	err := ask(cmd, in, &t)
	t.Seconds = time.Since(start).Seconds()
	if err == nil && !(t.TrainSeconds > 0 && t.SamplesPerSecond > 0 && t.Accuracy > 0) {
		err = fmt.Errorf("the answer %+v is not whole", t)
	}
	if err != nil {
		return t, fmt.Errorf("training %s in PyTorch: %w", in.Task, err)
	}
	return t, nil
}
