package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/queue"
)

// askQueue asks for a slot if the job wants one. Nothing is given back here: what the
// caches show may be old, and a slot that is given away while the trainer runs would
// have more trainers than slots. giveBack does that.
func (r *TrainingJobReconciler) askQueue(ctx context.Context, observed *lifecycle.Observed) {
	if !r.Config.Limits.Any() {
		observed.Slot = lifecycle.Slot{Granted: true}
		return
	}
	job := observed.Job
	switch need := lifecycle.SlotNeedOf(*observed); need {
	case lifecycle.HoldsSlot:
		r.Queue.Hold(r.queued(ctx, job))
		observed.Slot = lifecycle.Slot{Granted: true, Wanted: r.Queue.Wanted(job.UID)}
	case lifecycle.WantsSlot, lifecycle.PassesSlot:
		if need == lifecycle.PassesSlot {
			r.wakeJobs(r.Queue.Yield(job.UID))
		}
		answer, moved := r.Queue.Ask(r.queued(ctx, job))
		r.wakeJobs(moved)
		observed.Slot = lifecycle.Slot{Granted: answer.Granted, Position: answer.Position, Limit: answer.Limit}
	default:
		observed.Slot = lifecycle.Slot{}
	}
}

// giveBack gives back the slot of a job that needs none any more. observed is what was
// decided on in the end, live where something goes by a Pod not being there; and the
// job is the one that is recorded, or read live for this.
func (r *TrainingJobReconciler) giveBack(ctx context.Context, job *v1alpha1.TrainingJob, observed lifecycle.Observed, recorded bool) error {
	if !r.Config.Limits.Any() || lifecycle.SlotNeedOf(observed) != lifecycle.NoSlot {
		return nil
	}
	if r.Queue.Holds(job.UID) && !recorded {
		if err := r.confirm(ctx, job); err != nil {
			return err
		}
	}
	r.wakeJobs(r.Queue.Release(job.UID))
	return nil
}

// giveBackFormer gives back what jobs held that are gone and had the name, all but the
// job with that UID: each slot once no train Pod of that job can work any more. It
// gives when to look again if no change of a Pod may tell.
func (r *TrainingJobReconciler) giveBackFormer(ctx context.Context, name types.NamespacedName, but types.UID) (time.Time, error) {
	var again time.Time
	former := r.Queue.Others(name, but)
	if len(former) == 0 {
		return again, nil
	}
	var list corev1.PodList
	err := r.Live.List(ctx, &list, client.InNamespace(name.Namespace), client.MatchingLabels{v1alpha1.LabelJobName: name.Name, v1alpha1.LabelRole: v1alpha1.RoleTrain})
	if err != nil {
		return again, fmt.Errorf("listing the train Pods of a TrainingJob that is gone: %w", err)
	}
	for _, uid := range former {
		works := false
		for i := range list.Items {
			pod := &list.Items[i]
			if orphan := metav1.GetControllerOf(pod) == nil; !orphan && holder(pod) != uid || !r.holdsSlot(pod) {
				continue
			}
			works = true
			if pod.DeletionTimestamp != nil {
				again = earlier(again, pod.DeletionTimestamp.Add(r.Config.Pods.LostAfter.Duration))
			}
		}
		if !works {
			r.wakeJobs(r.Queue.Release(uid))
		}
	}
	return again, nil
}

// holder is for whom a train Pod's slot is held: its job, or itself when it was left
// behind without one.
func holder(pod *corev1.Pod) types.UID {
	if owner := metav1.GetControllerOf(pod); owner != nil {
		return owner.UID
	}
	return pod.UID
}

// holdsSlot tells whether the train Pod can work and counts under the limits.
func (r *TrainingJobReconciler) holdsSlot(pod *corev1.Pod) bool {
	p := lifecycle.ReadPod(pod)
	return !p.QueuedByKueue && p.Works(r.Clock.Now(), r.Config.Pods.LostAfter.Duration)
}

// earlier is the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// queued is what the queue has to know of the job.
func (r *TrainingJobReconciler) queued(ctx context.Context, job *v1alpha1.TrainingJob) queue.Job {
	return queue.Job{
		UID: job.UID, Name: client.ObjectKeyFromObject(job), Created: job.CreationTimestamp.Time,
		Priority: queue.Priority(ctx, r.Client, job, r.Config.Train.PriorityClassName), Refused: job.Status.BlockedSince != nil,
	}
}
