//go:build linux

package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/cpu"
)

//go:embed reference.py
var referenceProgram string

//go:embed onnxruntime.js
var onnxruntimeProgram string

const (
	// warmups are the steps that are not counted.
	warmups = 3
	// longest is how long a process may take: a figure that takes longer is of no use.
	longest = 5 * time.Minute
	// unlimited and bounded are the seconds after which a figure counts fewer steps; bfloat16 is very slow without the instructions for it.
	unlimited, bounded = 120, 10
)

// engine is one way to run a network in a process of its own.
type engine struct {
	name string
	// ours says that this is package nn, bfloat16 that its figures are shown and not compared with.
	ours, bfloat16 bool
	// onlyOnce engines run in the first round only, and those that mayFail are left out where they do.
	onlyOnce, mayFail bool
	run               func(context.Context, reference) (answer, error)
}

// answer is what a process says of a network; times are medians in milliseconds.
type answer struct {
	TrainMillis float64            `json:"trainMillis,omitempty"` // Zero where it only infers.
	InferMillis map[string]float64 `json:"inferMillis"`           // By way of inference.
	PeakMiB     float64            `json:"peakMiB"`               // The most resident memory, of training where it trains.
	Versions    map[string]string  `json:"versions"`
}

// measured is one answer.
type measured struct {
	engine engine
	answer answer
}

// input is what a process is told.
type input struct {
	Model        reference `json:"model"`
	Threads      int       `json:"threads"`
	Clock        string    `json:"clock"`
	Warmups      int       `json:"warmups"`
	Precision    string    `json:"precision"`
	LimitSeconds int       `json:"limitSeconds"`
	ONNX         string    `json:"onnx"`
}

// engines lists them in the order in which they run.
func (s settings) engines(folder string) []engine {
	in := func(r reference) input {
		return input{Model: r, Threads: s.threads, Clock: s.clock, Warmups: warmups, Precision: "float32", LimitSeconds: unlimited, ONNX: r.file(folder)}
	}
	list := []engine{{name: "swath", ours: true, run: s.runOurs}}
	for _, capability := range capabilities() {
		list = append(list, engine{name: "PyTorch, " + capability, run: func(ctx context.Context, r reference) (answer, error) {
			return s.runTorch(ctx, capability, in(r))
		}})
	}
	if s.node != "" {
		list = append(list, engine{name: "onnxruntime", run: func(ctx context.Context, r reference) (answer, error) {
			return s.runONNXRuntime(ctx, in(r))
		}})
	}
	widest := capabilities()[len(capabilities())-1]
	return append(list, engine{name: "PyTorch, bfloat16", bfloat16: true, onlyOnce: true, mayFail: true,
		run: func(ctx context.Context, r reference) (answer, error) {
			half := in(r)
			half.Precision, half.LimitSeconds = "bfloat16", bounded
			return s.runTorch(ctx, widest, half)
		}})
}

// capabilities are the widths of instructions that PyTorch is asked to take, of those that the machine has: asked for others it
// dies of an illegal instruction. Debian's build takes AVX2 by itself.
func capabilities() []string {
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
		return []string{"avx2", "avx512"}
	}
	if cpu.X86.HasAVX2 {
		return []string{"avx2"}
	}
	return []string{"default"}
}

func (s settings) runOurs(ctx context.Context, r reference) (answer, error) {
	self, err := os.Executable()
	if err != nil {
		return answer{}, fmt.Errorf("finding this program: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-ours", r.Name, "-threads", fmt.Sprint(s.threads), "-clock", s.clock)
	var a answer
	if err := ask(cmd, nil, &a); err != nil {
		return a, err
	}
	return a, a.check(true)
}

func (s settings) runTorch(ctx context.Context, capability string, in input) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.python, "-c", referenceProgram)
	cmd.Env = torchEnvironment(os.Environ(), capability)
	var a answer
	if err := ask(cmd, in, &a); err != nil {
		return a, fmt.Errorf("%s (needs torch and h5py; on Debian python3-torch libopenblas0-pthread python3-h5py): %w", s.python, err)
	}
	if a.Versions["blas"] == "" {
		return a, fmt.Errorf("the torch of %s uses a slow reference BLAS, beside which anything is fast; on Debian install libopenblas0-pthread", s.python)
	}
	return a, a.check(true)
}

// torchEnvironment is the environment for a Python with torch: the width of instructions, and nothing that slows OpenBLAS.
func torchEnvironment(environment []string, capability string) []string {
	var kept []string
	for _, v := range environment {
		if !strings.HasPrefix(v, "OPENBLAS_") && !strings.HasPrefix(v, "ATEN_CPU_CAPABILITY=") {
			kept = append(kept, v)
		}
	}
	return append(kept, "ATEN_CPU_CAPABILITY="+capability)
}

func (s settings) runONNXRuntime(ctx context.Context, in input) (answer, error) {
	modules, err := filepath.Abs(s.modules)
	if err != nil {
		return answer{}, fmt.Errorf("finding %s: %w", s.modules, err)
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.node, "-e", onnxruntimeProgram)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	var a answer
	if err := ask(cmd, in, &a); err != nil {
		return a, fmt.Errorf("%s (needs onnxruntime-node in %s, where `npm ci --ignore-scripts` in test/onnx puts it): %w", s.node, s.modules, err)
	}
	return a, a.check(false)
}

// check finds answers that cannot be times.
func (a answer) check(trains bool) error {
	if trains && !(a.TrainMillis > 0) {
		return errors.New("the answer has no time of training")
	}
	if len(a.InferMillis) == 0 {
		return errors.New("the answer has no time of inference")
	}
	for how, millis := range a.InferMillis {
		if !(millis > 0) {
			return fmt.Errorf("the answer says that inference in %s takes %v ms", how, millis)
		}
	}
	if !(a.PeakMiB > 0) {
		return errors.New("the answer has no memory")
	}
	return nil
}
