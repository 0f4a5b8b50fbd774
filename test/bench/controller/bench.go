//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/swath-dev/swath/hack/cluster/binaries"
	"github.com/swath-dev/swath/hack/cluster/repo"
)

// warmUp is how many jobs of each kind are driven before anything is measured.
const warmUp = 20

// binaryPaths are the programs of the cluster.
type binaryPaths struct {
	kubernetes string // A folder.
	kwok       string
	manager    string
}

// bench is a benchmark under way.
type bench struct {
	options
	ctx     context.Context // Ends, with the reason, when a program of the cluster does.
	fail    context.CancelCauseFunc
	dir     string
	root    string
	cluster *cluster
}

// newBench builds the programs and starts a cluster in a temporary folder.
func newBench(parent context.Context, o options) (*bench, error) {
	root, err := repo.Root()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "swath-bench-controller-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary folder: %w", err)
	}
	ctx, fail := context.WithCancelCause(parent)
	b := &bench{options: o, ctx: ctx, fail: fail, dir: dir, root: root}
	paths, err := buildPrograms(ctx, root, dir)
	if err == nil {
		say("starting the API server, etcd, kube-scheduler and %d simulated nodes", nodes)
		b.cluster, err = startCluster(ctx, root, dir, paths, fail)
	}
	if err != nil {
		return nil, errors.Join(err, b.close(parent.Err() == nil))
	}
	return b, nil
}

// buildPrograms builds what is not there yet: Kubernetes into the cache of the local cluster, the others into dir.
func buildPrograms(ctx context.Context, root, dir string) (binaryPaths, error) {
	paths := binaryPaths{kwok: filepath.Join(dir, "kwok"), manager: filepath.Join(dir, "manager")}
	names := append(slices.Clone(binaries.Envtest), "kube-controller-manager", "kube-scheduler")
	var err error
	if paths.kubernetes, err = binaries.Ensure(ctx, root, os.Stderr, names...); err != nil {
		return paths, err
	}
	say("building kwok and the manager")
	for _, p := range []struct{ module, pkg, out string }{
		{filepath.Join(root, "hack", "kwok"), "sigs.k8s.io/kwok/cmd/kwok", paths.kwok},
		{root, "./cmd/manager", paths.manager},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", p.out, p.pkg)
		cmd.Dir = p.module
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return paths, fmt.Errorf("building %s: %w: %s", p.pkg, err, out)
		}
	}
	return paths, nil
}

// measure takes all measurements, one after the other.
func (b *bench) measure() (results, error) {
	r := results{options: b.options, conditions: readConditions(b.ctx, b)}
	shape, err := trainPod(&b.cluster.config)
	if err != nil {
		return r, err
	}
	if b.bareJobs {
		shape = nil
	}
	jobs, training := jobSide(b.jobSyncs, shape), trainingJobSide()
	for _, s := range []side{jobs, training} {
		say("warming up with %d %ss", warmUp, s.name)
		if _, err := b.runBacklog(b.ctx, s, "warm-up-"+s.namespace(), warmUp); err != nil {
			return r, err
		}
	}
	for round := range b.rounds {
		// The machine's speed drifts, so that each goes first in turn.
		order := []side{jobs, training}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, s := range order {
			say("round %d of %d: a backlog of %d %ss", round+1, b.rounds, b.jobs, s.name)
			result, err := b.runBacklog(b.ctx, s, s.namespace()+"-"+strconv.Itoa(round), b.jobs)
			if err != nil {
				return r, err
			}
			say("  %.1f Pods a second", result.podsPerSecond)
			r.add(s, result)
		}
	}
	say("%d TrainingJobs at %g a second", b.steady, b.rate)
	if r.steady, err = b.runSteady(b.ctx, training); err != nil {
		return r, err
	}
	say("memory with %d TrainingJobs", b.total)
	r.full, err = b.runFull(b.ctx, training)
	return r, err
}

// close ends the cluster and removes the temporary folder, but for the logs of a benchmark that has failed.
func (b *bench) close(failed bool) error {
	defer b.fail(context.Canceled)
	var err error
	if b.cluster != nil {
		err = b.cluster.stop()
	}
	if failed {
		say("the logs are in %s", b.dir)
		return err
	}
	if e := os.RemoveAll(b.dir); e != nil {
		err = errors.Join(err, fmt.Errorf("removing the temporary folder: %w", e))
	}
	return err
}

// say tells whoever waits what is going on.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
