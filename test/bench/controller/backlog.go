//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// creators is how many requests of the benchmark are under way at once when it makes a backlog.
	creators = 16
	// backlogPatience is how long a backlog may take.
	backlogPatience = 10 * time.Minute
)

// usage is what n jobs have cost.
type usage struct {
	jobs       int
	pods       int
	writes     writes
	reconciles float64 // 0 if the controller does not serve them.
	peakMiB    float64
	cpu        map[string]time.Duration // By program.
}

// backlogResult is how a backlog was driven to its end.
type backlogResult struct {
	usage
	seconds       float64 // From the start of the controller to the last end.
	podsPerSecond float64
}

// runBacklog makes n jobs while the controller is stopped, starts it, and takes the time until the last has ended.
func (b *bench) runBacklog(ctx context.Context, s side, namespace string, n int) (backlogResult, error) {
	if err := b.makeBacklog(ctx, s, namespace, n); err != nil {
		return backlogResult{}, err
	}
	result, err := b.driveBacklog(ctx, s, namespace, n)
	if err != nil {
		return backlogResult{}, fmt.Errorf("driving %d %ss: %w", n, s.name, err)
	}
	return result, b.cluster.empty(ctx, namespace)
}

func (b *bench) makeBacklog(ctx context.Context, s side, namespace string, n int) error {
	if err := b.cluster.createNamespace(ctx, namespace); err != nil {
		return err
	}
	return inParallel(ctx, n, func(ctx context.Context, i int) error {
		if err := b.cluster.admin.Create(ctx, s.object(namespace, i)); err != nil {
			return fmt.Errorf("making the %s %d of %d: %w", s.name, i, n, err)
		}
		return nil
	})
}

// driveBacklog starts the controller on a backlog that is there and stops it when the last job has ended.
func (b *bench) driveBacklog(ctx context.Context, s side, namespace string, n int) (backlogResult, error) {
	ends, err := b.watchEnds(ctx, s, namespace, n)
	if err != nil {
		return backlogResult{}, err
	}
	run, err := b.startController(s)
	if err != nil {
		return backlogResult{}, err
	}
	var last time.Time
	select {
	case end := <-ends:
		last, err = end.at, end.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return backlogResult{}, errors.Join(err, run.process.end())
	}
	u, err := b.finish(ctx, run, namespace, n)
	seconds := last.Sub(run.process.started).Seconds()
	return backlogResult{usage: u, seconds: seconds, podsPerSecond: float64(n*s.podsPerJob) / seconds}, err
}

// end is the last end of a backlog.
type end struct {
	at  time.Time
	err error
}

// watchEnds begins to watch the jobs of a namespace, and tells when the last of n has ended.
func (b *bench) watchEnds(ctx context.Context, s side, namespace string, n int) (<-chan end, error) {
	list := s.list()
	if err := b.cluster.admin.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
		return nil, fmt.Errorf("listing the %ss: %w", s.name, err)
	}
	watcher := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		return b.cluster.admin.Watch(ctx, s.list(), client.InNamespace(namespace), &client.ListOptions{Raw: &options})
	}}
	done := make(map[string]bool, n)
	ends := make(chan end, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, backlogPatience)
		defer cancel()
		_, err := watchtools.Until(ctx, list.GetResourceVersion(), watcher, func(event watch.Event) (bool, error) {
			ended, err := s.ended(event.Object)
			if err != nil || !ended {
				return false, err
			}
			accessor, err := meta.Accessor(event.Object)
			if err != nil {
				return false, err
			}
			done[accessor.GetName()] = true
			return len(done) == n, nil
		})
		if err != nil {
			err = fmt.Errorf("waiting for the end of %d %ss, of which %d have ended: %w", n, s.name, len(done), err)
		}
		ends <- end{time.Now(), err}
	}()
	return ends, nil
}

// inParallel calls do for 0 to n-1, several at once.
func inParallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(creators)
	for i := range n {
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() error { return do(groupCtx, i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}
