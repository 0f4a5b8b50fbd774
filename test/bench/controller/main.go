//go:build linux

// Command controller is the benchmark behind `make bench-controller`: it drives a backlog of batch/v1 Jobs with
// kube-controller-manager and a backlog of TrainingJobs with the manager, on the same real API server and etcd, the
// same scheduler and the same nodes, which kwok simulates. It also takes the time from a TrainingJob to its first Pod,
// the manager's memory, and what it writes. docs/benchmarks.md says what was measured and how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// options are what the flags say.
type options struct {
	jobs     int           // How many of each kind a backlog has.
	rounds   int           // How often both backlogs are driven, in turn; medians are reported.
	rate     float64       // How many TrainingJobs are made each second for the time to the first Pod.
	steady   int           // How many of those.
	dwell    time.Duration // How long each state of their Pods lasts.
	total    int           // How many TrainingJobs there are when memory is measured the second time.
	jobSyncs int           // The Job controller's workers.
	bareJobs bool          // Whether the Jobs' Pods are the least that there can be, in place of ones like ours.
	out      string        // The results' file.
}

func main() {
	var o options
	flag.IntVar(&o.jobs, "jobs", 1000, "how many jobs of each kind a backlog has")
	flag.IntVar(&o.rounds, "rounds", 5, "how often both backlogs are driven, each going first in turn; medians are reported")
	flag.Float64Var(&o.rate, "rate", 10, "how many TrainingJobs are made each second for the time to the first Pod")
	flag.IntVar(&o.steady, "steady", 300, "how many TrainingJobs are made at that rate")
	flag.DurationVar(&o.dwell, "dwell", time.Second, "how long each state of their Pods lasts, so that each is seen")
	flag.IntVar(&o.total, "total", 10000, "how many TrainingJobs, most of them finished, memory is measured with")
	flag.IntVar(&o.jobSyncs, "concurrent-job-syncs", 16, "the workers of the Job controller; the manager has 16, too")
	flag.BoolVar(&o.bareJobs, "bare-jobs", false, "give the Jobs the least Pods that there can be, in place of ones like train Pods")
	flag.StringVar(&o.out, "o", "bin/bench/controller.json", "the file that the results are written to")
	flag.Parse()
	log.SetLogger(logr.Discard()) // The libraries' own; programs of the cluster log to files.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-controller:", err)
		stop()
		os.Exit(1)
	}
}

func (o options) check() error {
	switch {
	case o.jobs < 1 || o.rounds < 1 || o.steady < 1 || o.jobSyncs < 1:
		return errors.New("-jobs, -rounds, -steady and -concurrent-job-syncs must be at least 1")
	case o.rate <= 0:
		return errors.New("-rate must be above 0")
	case o.dwell < 0:
		return errors.New("-dwell must not be negative")
	case o.total < o.jobs:
		return fmt.Errorf("-total must be at least -jobs, which is %d: a backlog is a part of it", o.jobs)
	}
	return nil
}

// run measures everything, prints the table and writes the results' file.
func run(ctx context.Context, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	r, err := b.measure()
	broken := err != nil && ctx.Err() == nil // Whoever interrupts it does not want to see why it has ended.
	if err := errors.Join(err, b.close(broken)); err != nil {
		return err
	}
	r.print(os.Stdout)
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return fmt.Errorf("making the folder of the results: %w", err)
	}
	return r.write(o.out)
}
