package jobs

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/queue"
)

// Place is a job's place among those that wait for one to end, from 1, and how many wait. It is 0 for a job that does not
// wait for that. All namespaces count, since they share the cluster's limit; a class is the priority class of jobs that name
// none. The operator's own count, which the status has for the first ten, goes before the one here.
func (j *Jobs) Place(ctx context.Context, job *v1alpha1.TrainingJob, class string) (place, waiting int, err error) {
	if !waitsForSlot(job) {
		return 0, 0, nil
	}
	all, err := j.all(ctx)
	if err != nil {
		return 0, 0, err
	}
	entries := []queue.Job{j.entry(ctx, job, class)}
	for i := range all {
		if waitsForSlot(&all[i]) && all[i].UID != job.UID {
			entries = append(entries, j.entry(ctx, &all[i], class))
		}
	}
	slices.SortFunc(entries, queue.Ahead)
	place = slices.IndexFunc(entries, func(entry queue.Job) bool { return entry.UID == job.UID }) + 1
	if told := job.Status.QueuePosition; told != nil {
		place = int(*told)
	}
	return place, max(place, len(entries)), nil
}

// waitsForSlot reports whether the job is in the operator's queue. A job whose start was refused may be, too: its condition
// has the refusal, and only its place says so.
func waitsForSlot(job *v1alpha1.TrainingJob) bool {
	if Phase(job) != v1alpha1.PhaseQueued {
		return false
	}
	running := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning)
	return job.Status.QueuePosition != nil || running != nil && running.Reason == v1alpha1.ReasonWaitingForSlot
}

// entry is what the queue knows of a job.
func (j *Jobs) entry(ctx context.Context, job *v1alpha1.TrainingJob, class string) queue.Job {
	return queue.Job{
		UID: job.UID, Name: client.ObjectKeyFromObject(job), Created: job.CreationTimestamp.Time,
		Priority: queue.Priority(ctx, j.cached, job, class),
	}
}

// Events are the events of the job, the oldest first. Kubernetes keeps them for about an hour.
func (j *Jobs) Events(ctx context.Context, job *v1alpha1.TrainingJob) ([]corev1.Event, error) {
	var list corev1.EventList
	selector := client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("involvedObject.uid", string(job.UID))}
	if err := j.live.List(ctx, &list, client.InNamespace(job.Namespace), selector); err != nil {
		return nil, fmt.Errorf("listing the events of TrainingJob %s/%s: %w", job.Namespace, job.Name, err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return EventTime(&a).Compare(EventTime(&b)) })
	return list.Items, nil
}
