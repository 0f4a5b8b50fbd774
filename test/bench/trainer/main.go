// Command trainer measures the trainer's networks beside PyTorch: the three reference models, the same layers, sizes and batch, float32, two
// threads by default. Processes of both alternate; each gives the medians of its steps after three warm-ups, and the table has the medians of the
// processes. A ratio above 1 means that ours is faster.
//
//	go run ./test/bench/trainer -python /usr/bin/python3 -out bin/bench/trainer.json
//
// It wants a machine that does nothing else; the load is among the conditions. With -threads 1 -clock cpu
// the ratio depends little on it.
//
// The Python needs torch; on Debian python3-torch and libopenblas0-pthread (without the latter its torch uses a slow reference BLAS).
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
)

//go:embed reference.py
var referenceProgram string

func main() {
	o := options{}
	flag.StringVar(&o.python, "python", "python3", "the Python that has torch")
	flag.StringVar(&o.out, "out", "bin/bench/trainer.json", "file for the figures")
	flag.StringVar(&o.hdf5, "hdf5", "", "file with the figures of test/bench/hdf5, to be put beside these")
	flag.IntVar(&o.rounds, "rounds", 5, "processes of each kind")
	flag.IntVar(&o.threads, "threads", 2, "threads of each")
	flag.StringVar(&o.clock, "clock", "wall", "wall, or cpu: processor time, which with one thread means something on a busy machine too")
	alone := flag.Bool("ours", false, "measure only ours, in this process, and print JSON")
	only := flag.String("only", "", "with -ours: measure only the model of this name")
	profile := flag.String("cpuprofile", "", "with -ours: write a CPU profile")
	flag.Parse()
	if clocks[o.clock] == nil {
		fmt.Fprintf(os.Stderr, "bench-trainer: there is no clock %q; there are wall and cpu\n", o.clock)
		os.Exit(2)
	}
	run := o.compare
	if *alone {
		run = func() error { return printOurs(o, *only, *profile) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-trainer:", err)
		os.Exit(1)
	}
}

func printOurs(o options, only, profile string) error {
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
	p, err := ours(o, only)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(p)
}
