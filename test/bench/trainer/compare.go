package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

type options struct {
	python, out     string
	hdf5            string
	clock           string
	rounds, threads int
}

// engine is one way to run the models in a process of its own.
type engine struct {
	name string
	run  func() (process, error)
}

// compare runs the processes in turn and writes table and file.
func (o options) compare() (err error) {
	engines := []engine{
		{"swath", o.runOurs},
		{"torch avx2", func() (process, error) { return o.runTorch("avx2") }},
		{"torch avx512", func() (process, error) { return o.runTorch("avx512") }},
	}
	results, load := map[string][]process{}, loadAverage()
	for round := range o.rounds {
		for _, e := range engines {
			var p process
			if p, err = e.run(); err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, e.name, err)
			}
			results[e.name] = append(results[e.name], p)
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, o.rounds, e.name)
		}
	}
	r := newReport(results)
	r.Conditions["threads"] = fmt.Sprint(o.threads)
	r.Conditions["clock"] = o.clock
	r.Conditions["load average"] = fmt.Sprintf("%s before, %s after", load, loadAverage())
	r.print(os.Stdout)
	if o.hdf5 != "" {
		if r.HDF5, err = os.ReadFile(o.hdf5); err != nil {
			return fmt.Errorf("reading the figures of HDF5: %w", err)
		}
	}
	return r.write(o.out)
}

func (o options) runOurs() (process, error) {
	self, err := os.Executable()
	if err != nil {
		return process{}, fmt.Errorf("finding this program: %w", err)
	}
	return runProcess(exec.Command(self, "-ours", "-threads", fmt.Sprint(o.threads), "-clock", o.clock), nil)
}

// runTorch runs the Python side with the widest instructions it may take; Debian's build takes AVX2 by itself.
func (o options) runTorch(capability string) (process, error) {
	input, err := json.Marshal(references)
	if err != nil {
		return process{}, fmt.Errorf("describing the models: %w", err)
	}
	cmd := exec.Command(o.python, "-c", referenceProgram)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OPENBLAS_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "ATEN_CPU_CAPABILITY="+capability, "THREADS="+fmt.Sprint(o.threads), "CLOCK="+o.clock)
	p, err := runProcess(cmd, input)
	if err != nil {
		return p, fmt.Errorf("%w (does %s have torch? on Debian: python3-torch libopenblas0-pthread, PYTHON=/usr/bin/python3)", err, o.python)
	}
	return p, nil
}

func runProcess(cmd *exec.Cmd, input []byte) (process, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return process{}, fmt.Errorf("running %s: %w: %s", filepath.Base(cmd.Path), err, lastLine(stderr.String()))
	}
	var p process
	if err := json.Unmarshal(stdout.Bytes(), &p); err != nil {
		return process{}, fmt.Errorf("reading the answer of %s: %w", filepath.Base(cmd.Path), err)
	}
	if len(p.Timings) != len(references) {
		return process{}, errors.New("the answer has not all models")
	}
	return p, nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
