//go:build linux

// Command trainer measures the trainer's networks beside PyTorch and onnxruntime, and whole trainings beside a program in PyTorch.
//
// The three reference networks have the same layers, sizes and batch in all, in float32, on two threads by default. Processes alternate, each measures one
// network; each gives the medians of its steps after three warm-ups, and the table has the medians of the processes. A ratio is the time of the fastest
// of the others over ours: above 1 ours is faster than all of them.
//
//	go run ./test/bench/trainer -python /usr/bin/python3 -out bin/bench/trainer.json
//
// It wants a machine that does nothing else; the load is among the conditions. With -threads 1 -clock cpu the ratios of the networks depend little on it.
//
// The Python needs torch and h5py; on Debian python3-torch, libopenblas0-pthread (without which its torch uses a slow reference BLAS) and python3-h5py. Node
// needs onnxruntime-node, as test/onnx installs it. hack/bench-trainer sees to all that.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// settings are the flags.
type settings struct {
	python, node, modules string
	trainer, data         string
	hdf5, out, clock      string
	rounds, threads       int
	wholeRounds, epochs   int
}

func main() {
	var s settings
	flag.StringVar(&s.python, "python", "/usr/bin/python3", "a Python that has torch and h5py")
	flag.StringVar(&s.node, "node", "node", "Node, to run onnxruntime; empty leaves onnxruntime out, and the figures say so")
	flag.StringVar(&s.modules, "modules", "test/onnx/node_modules", "the folder that has onnxruntime-node")
	flag.StringVar(&s.trainer, "trainer", "", "the trainer to run whole trainings with; without it there are none")
	flag.StringVar(&s.data, "data", "test/testdata/olinda", "the folder of the files to train with")
	flag.StringVar(&s.hdf5, "hdf5", "", "file with the figures of test/bench/hdf5, to be put beside these")
	flag.StringVar(&s.out, "out", "bin/bench/trainer.json", "file for the figures")
	flag.StringVar(&s.clock, "clock", "wall", "for the networks: wall, or cpu: processor time, which with one thread means something on a busy machine too")
	flag.IntVar(&s.rounds, "rounds", 5, "processes of each kind for each network")
	flag.IntVar(&s.threads, "threads", 2, "threads of each for the networks")
	flag.IntVar(&s.wholeRounds, "whole-rounds", 3, "whole trainings of each kind")
	flag.IntVar(&s.epochs, "epochs", 40, "epochs of a whole training")
	ours := flag.String("ours", "", "measure only ours of the network of this name, in this process, and print JSON")
	profile := flag.String("cpuprofile", "", "with -ours: write a CPU profile")
	flag.Parse()
	if clocks[s.clock] == nil || s.rounds < 1 || s.threads < 1 || s.wholeRounds < 1 || s.epochs < 1 {
		fmt.Fprintln(os.Stderr, "bench-trainer: -clock is wall or cpu; rounds, threads and epochs are 1 at least")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	run := s.compare
	if *ours != "" {
		run = func(context.Context) error { return s.printOurs(*ours, *profile) }
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-trainer:", err)
		os.Exit(1)
	}
}
