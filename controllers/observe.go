package controllers

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
	"github.com/swath-dev/swath/internal/queue"
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
			LostAfter:      r.Config.Pods.LostAfter.Duration,
			Kueue:          r.Config.Kueue.Enabled,
		},
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

// askQueue asks for a slot if the job wants one, and gives back what it no longer
// needs, and what a job held that had its name before.
func (r *TrainingJobReconciler) askQueue(ctx context.Context, observed *lifecycle.Observed) {
	job := observed.Job
	r.wakeJobs(r.Queue.ReleaseOthers(client.ObjectKeyFromObject(job), job.UID))
	switch lifecycle.SlotNeedOf(*observed) {
	case lifecycle.HoldsSlot:
		r.Queue.Hold(r.queued(ctx, job))
	case lifecycle.WantsSlot:
		answer, moved := r.Queue.Ask(r.queued(ctx, job))
		r.wakeJobs(moved)
		observed.Slot = lifecycle.Slot{Granted: answer.Granted, Position: answer.Position, Limit: answer.Limit}
	default:
		r.wakeJobs(r.Queue.Release(job.UID))
	}
}

// queued is what the queue has to know of the job. A priority class that is not
// there counts as none: the Pod's admission will say so.
func (r *TrainingJobReconciler) queued(ctx context.Context, job *v1alpha1.TrainingJob) queue.Job {
	entry := queue.Job{UID: job.UID, Name: client.ObjectKeyFromObject(job), Created: job.CreationTimestamp.Time}
	name := r.Config.Train.PriorityClassName
	if job.Spec.Pod != nil && job.Spec.Pod.PriorityClassName != "" {
		name = job.Spec.Pod.PriorityClassName
	}
	if name == "" || (r.Config.Limits.RunningJobs == 0 && r.Config.Limits.RunningJobsPerNamespace == 0) {
		return entry
	}
	var class schedulingv1.PriorityClass
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, &class); err == nil {
		entry.Priority = class.Value
	}
	return entry
}
