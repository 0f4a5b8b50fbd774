//go:build linux

package main

import (
	"context"
	"fmt"
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/client"

	trainingv1alpha1 "github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// runFull drives a backlog in a cluster that has many finished TrainingJobs already, whose Pods are gone: what memory
// is measured with.
func (b *bench) runFull(ctx context.Context, s side) (backlogResult, error) {
	finished, live := s.namespace()+"-finished", s.namespace()+"-full"
	if err := b.makeFinished(ctx, s, finished, b.total-b.jobs); err != nil {
		return backlogResult{}, err
	}
	if err := b.makeBacklog(ctx, s, live, b.jobs); err != nil {
		return backlogResult{}, err
	}
	result, err := b.driveBacklog(ctx, s, live, b.jobs)
	if err != nil {
		return result, fmt.Errorf("driving %d of %d %ss: %w", b.jobs, b.total, s.name, err)
	}
	for _, namespace := range []string{live, finished} {
		if err := b.cluster.empty(ctx, namespace); err != nil {
			return result, err
		}
	}
	return result, nil
}

// makeFinished has the manager finish one job and makes n copies of it, with the status that each would have.
func (b *bench) makeFinished(ctx context.Context, s side, namespace string, n int) error {
	const model = "job-0"
	if err := b.makeBacklog(ctx, s, namespace, 1); err != nil {
		return err
	}
	if _, err := b.driveBacklog(ctx, s, namespace, 1); err != nil {
		return fmt.Errorf("driving the %s that is copied: %w", s.name, err)
	}
	var done trainingv1alpha1.TrainingJob
	if err := b.cluster.admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: model}, &done); err != nil {
		return fmt.Errorf("reading the finished %s: %w", s.name, err)
	}
	return inParallel(ctx, n, func(ctx context.Context, i int) error {
		job := &trainingv1alpha1.TrainingJob{Spec: done.Spec}
		job.Namespace, job.Name = namespace, "finished-"+strconv.Itoa(i)
		job.Labels, job.Annotations, job.Finalizers = done.Labels, done.Annotations, done.Finalizers
		if err := b.cluster.admin.Create(ctx, job); err != nil {
			return fmt.Errorf("making the finished %s %d of %d: %w", s.name, i, n, err)
		}
		job.Status = *done.Status.DeepCopy()
		job.Status.ID = contract.JobID(string(job.UID))
		job.Status.TrainedModel = contract.ModelID(job.Status.ID)
		job.Status.ResultsFile = contract.ResultsFileID(job.Status.ID)
		if err := b.cluster.admin.Status().Update(ctx, job); err != nil {
			return fmt.Errorf("finishing the %s %d of %d: %w", s.name, i, n, err)
		}
		return nil
	})
}
