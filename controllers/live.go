package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// decideLive makes a decision again on Pods that are read from the API server itself.
func (r *TrainingJobReconciler) decideLive(ctx context.Context, job *v1alpha1.TrainingJob) (lifecycle.Observed, lifecycle.Decision, error) {
	observed, err := r.observeLive(ctx, job)
	if err != nil {
		return observed, lifecycle.Decision{}, err
	}
	return observed, lifecycle.Decide(observed), nil
}

// observeLive is observe with all Pods read from the API server itself: what goes by a
// Pod not being there, as a failure and a cancel do, is recorded only on what is true now.
// The API server looks at all Pods of the namespace for it.
func (r *TrainingJobReconciler) observeLive(ctx context.Context, job *v1alpha1.TrainingJob) (lifecycle.Observed, error) {
	var list corev1.PodList
	err := r.Live.List(ctx, &list, client.InNamespace(job.Namespace), client.MatchingLabels{v1alpha1.LabelJobName: job.Name})
	if err != nil {
		return lifecycle.Observed{}, fmt.Errorf("listing the Pods of the TrainingJob live: %w", err)
	}
	unlisted, err := r.unlisted(ctx, job, list.Items)
	if err != nil {
		return lifecycle.Observed{}, err
	}
	list.Items = append(list.Items, unlisted...)
	if err := r.reclaimAll(ctx, job, list.Items); err != nil {
		return lifecycle.Observed{}, err
	}
	observed, _ := r.world(job, list.Items)
	r.askQueue(ctx, &observed)
	return observed, nil
}
