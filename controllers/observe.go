package controllers

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
)

// observe reads all that a decision on the job is made from, and the Pods of
// another job that had the same name.
func (r *TrainingJobReconciler) observe(ctx context.Context, job *v1alpha1.TrainingJob) (lifecycle.Observed, []corev1.Pod, error) {
	var list corev1.PodList
	// The list does not wait for the cache to show our own Pods: making one twice
	// does no harm, and waiting would hold up all jobs.
	err := r.Client.List(ctx, &list, client.InNamespace(job.Namespace), client.MatchingFields{podJobIndex: job.Name}, client.DisableReadYourWritesConsistency)
	if err != nil {
		return lifecycle.Observed{}, nil, fmt.Errorf("listing the Pods of the TrainingJob: %w", err)
	}
	if job.DeletionTimestamp != nil {
		// Nothing is made any more that would show that a Pod has lost its labels.
		unlisted, err := r.unlisted(ctx, job, list.Items)
		if err != nil {
			return lifecycle.Observed{}, nil, err
		}
		list.Items = append(list.Items, unlisted...)
	}
	if err := r.reclaimAll(ctx, job, list.Items); err != nil {
		return lifecycle.Observed{}, nil, err
	}
	observed, foreign := r.world(job, list.Items)
	r.readTrouble(ctx, &observed)
	r.askQueue(ctx, &observed)
	return observed, foreign, nil
}

// world is the observation of the job with these Pods, without what the queue and
// events say.
func (r *TrainingJobReconciler) world(job *v1alpha1.TrainingJob, list []corev1.Pod) (lifecycle.Observed, []corev1.Pod) {
	observed := lifecycle.Observed{
		Now: r.Clock.Now(), Job: job,
		Settings: lifecycle.Settings{
			BackoffInitial: r.Config.Retry.BackoffInitial.Duration,
			BackoffMax:     r.Config.Retry.BackoffMax.Duration,
			BlockedTimeout: r.Config.Retry.BlockedTimeout.Duration,
			PrepareTimeout: r.Config.Prepare.Timeout.Duration,
			LostAfter:      r.Config.Pods.LostAfter.Duration,
			Kueue:          r.Config.Kueue.Enabled,
		},
	}
	if r.Config.Limits.Any() {
		observed.Settings.Limited = true
		observed.Settings.UnschedulableAfter = r.Config.Limits.UnschedulableAfter.Duration
	}
	if keep := r.Config.Pods.KeepFinished; keep != nil {
		observed.Settings.KeepPods = &keep.Duration
	}
	var foreign []corev1.Pod
	for i := range list {
		if metav1.IsControlledBy(&list[i], job) {
			observed.Pods = append(observed.Pods, readPod(job, &list[i]))
		} else {
			foreign = append(foreign, list[i])
		}
	}
	var notAllowed *pods.NotAllowed
	if errors.As(pods.Check(job, r.Config), &notAllowed) {
		observed.Refusal = &lifecycle.Refusal{Reason: notAllowed.Reason, Message: notAllowed.Message}
	}
	return observed, foreign
}

// readPod is what counts of a Pod of the job.
func readPod(job *v1alpha1.TrainingJob, pod *corev1.Pod) lifecycle.Pod {
	p := lifecycle.ReadPod(pod)
	p.Outdated = pods.Outdated(job, pod)
	return p
}
