//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trainingv1alpha1 "github.com/swath-dev/swath/api/v1alpha1"
)

// steadyResult is what was measured while TrainingJobs came at a steady rate.
type steadyResult struct {
	usage
	createToPod []time.Duration // Sorted.
}

// runSteady makes TrainingJobs at a steady rate while the manager runs. Each state of their Pods lasts long enough to
// be seen, so that this is also what a job costs that skips nothing.
func (b *bench) runSteady(ctx context.Context, s side) (steadyResult, error) {
	namespace := s.namespace() + "-steady"
	if err := b.cluster.restartKwok(b.dwell); err != nil {
		return steadyResult{}, err
	}
	if err := b.cluster.createNamespace(ctx, namespace); err != nil {
		return steadyResult{}, err
	}
	run, err := b.startController(s)
	if err != nil {
		return steadyResult{}, err
	}
	var r steadyResult
	err = waitForMetrics(ctx, run)
	if err == nil {
		r.createToPod, err = b.createSteadily(ctx, s, namespace)
	}
	if err != nil {
		return r, errors.Join(fmt.Errorf("making %ss at %g a second: %w", s.name, b.rate, err), run.process.end())
	}
	if r.usage, err = b.finish(ctx, run, namespace, b.steady); err != nil {
		return r, err
	}
	if err := b.cluster.empty(ctx, namespace); err != nil {
		return r, err
	}
	return r, b.cluster.restartKwok(0)
}

// createSteadily makes the jobs, waits until all have ended, and returns the times from each request for a job to the
// news of its first Pod.
func (b *bench) createSteadily(ctx context.Context, s side, namespace string) ([]time.Duration, error) {
	ends, err := b.watchEnds(ctx, s, namespace, b.steady)
	if err != nil {
		return nil, err
	}
	var created sync.Map // By the job's name: when it was asked for.
	group, groupCtx := errgroup.WithContext(ctx)
	pods := map[string]time.Time{}
	var list corev1.PodList
	if err := b.cluster.admin.List(ctx, &list, client.InNamespace(namespace), client.Limit(1)); err != nil {
		return nil, fmt.Errorf("listing Pods: %w", err)
	}
	group.Go(func() error { return b.watchPods(groupCtx, namespace, list.ResourceVersion, pods) })
	group.Go(func() error {
		ticker := time.NewTicker(time.Duration(float64(time.Second) / b.rate))
		defer ticker.Stop()
		for i := range b.steady {
			select {
			case <-ticker.C:
			case <-groupCtx.Done():
				return context.Cause(groupCtx)
			}
			job := s.object(namespace, i)
			created.Store(job.GetName(), time.Now())
			if err := b.cluster.admin.Create(groupCtx, job); err != nil {
				return fmt.Errorf("making %s: %w", job.GetName(), err)
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if end := <-ends; end.err != nil {
		return nil, end.err
	}
	delays := make([]time.Duration, 0, b.steady)
	for name, at := range pods {
		asked, ok := created.Load(name)
		if !ok {
			return nil, fmt.Errorf("there is a Pod of %s, which nobody has asked for", name)
		}
		delays = append(delays, at.Sub(asked.(time.Time)))
	}
	slices.Sort(delays)
	return delays, nil
}

// watchPods notes when each job's first Pod is heard of, until every job has one.
func (b *bench) watchPods(ctx context.Context, namespace, version string, first map[string]time.Time) error {
	watcher := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		return b.cluster.admin.Watch(ctx, &corev1.PodList{}, client.InNamespace(namespace), &client.ListOptions{Raw: &options})
	}}
	ctx, cancel := context.WithTimeout(ctx, backlogPatience)
	defer cancel()
	_, err := watchtools.Until(ctx, version, watcher, func(event watch.Event) (bool, error) {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok || event.Type != watch.Added {
			return false, nil
		}
		name := pod.Labels[trainingv1alpha1.LabelJobName]
		if _, seen := first[name]; !seen {
			first[name] = time.Now()
		}
		return len(first) == b.steady, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the first Pods of %d jobs, of which %d have one: %w", b.steady, len(first), err)
	}
	return nil
}

// percentile is the p-th percentile (nearest rank) of sorted durations.
func percentile(sorted []time.Duration, p int) time.Duration {
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}
