package jobs

import (
	"bytes"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// CancelledAtAnnotation is when the job was cancelled, in RFC 3339: its finished_at until the operator has recorded one. The
// HTTP API writes it when it is asked to cancel, and when it sees that a job was cancelled by other means.
const CancelledAtAnnotation = v1alpha1.GroupName + "/cancelled-at"

// FinishedError is a job that cannot be cancelled any more.
type FinishedError struct{ Phase v1alpha1.Phase }

func (e *FinishedError) Error() string {
	return fmt.Sprintf("Training job is already finished with status: %s", e.Phase)
}

// Cancel asks for the job to be cancelled. When it returns no error, cancelling has won: an end is recorded with the resource
// version, so none can be recorded any more after the write whose answer shows none.
func (j *Jobs) Cancel(ctx context.Context, namespace, id string, now time.Time) (*v1alpha1.TrainingJob, error) {
	var cancelled *v1alpha1.TrainingJob
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		job, err := j.Get(ctx, namespace, id)
		if err != nil {
			return err
		}
		if phase := Phase(job); phase.Finished() {
			return &FinishedError{Phase: phase}
		}
		asked := job.DeepCopy()
		asked.Spec.Cancel = ptr.To(true)
		metav1.SetMetaDataAnnotation(&asked.ObjectMeta, CancelledAtAnnotation, now.UTC().Format(time.RFC3339))
		// The lock keeps the time of the first of two who cancel at once.
		patch := client.MergeFromWithOptions(job, client.MergeFromWithOptimisticLock{})
		if err := j.live.Patch(ctx, asked, patch); err != nil {
			return err
		}
		cancelled = asked
		return nil
	})
	if apierrors.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("cancelling job %s of namespace %s: %w", id, namespace, err)
	}
	if cancelled.Status.Phase.Finished() {
		return nil, &FinishedError{Phase: cancelled.Status.Phase}
	}
	return cancelled, nil
}

// Phase is the job's state as the HTTP API tells it. Once cancelling is asked for and no end is recorded, the end can only be
// cancelled, and every door says so.
func Phase(job *v1alpha1.TrainingJob) v1alpha1.Phase {
	switch {
	case job.Status.Phase.Finished():
		return job.Status.Phase
	case ptr.Deref(job.Spec.Cancel, false):
		return v1alpha1.PhaseCancelled
	}
	return job.Status.Phase
}

// FinishedAt is when the job ended, or nil: the recorded time, or the time at which cancelling was asked for.
func FinishedAt(job *v1alpha1.TrainingJob) *time.Time {
	if !Phase(job).Finished() {
		return nil
	}
	if job.Status.Phase.Finished() && job.Status.FinishedAt != nil {
		return &job.Status.FinishedAt.Time
	}
	if at, err := time.Parse(time.RFC3339, job.Annotations[CancelledAtAnnotation]); err == nil {
		return &at
	}
	// Cancelled by kubectl: the API server noted when the field was set.
	at := job.CreationTimestamp.Time
	for i, entry := range cancelEntries(job) {
		if i == 0 || entry.Time.Time.Before(at) {
			at = entry.Time.Time
		}
	}
	return &at
}

// cancelEntries are the notes of the API server on who set the field that cancels the job, where they tell when it was
// cancelled: nothing else does.
func cancelEntries(job *v1alpha1.TrainingJob) []metav1.ManagedFieldsEntry {
	if !ptr.Deref(job.Spec.Cancel, false) || job.Annotations[CancelledAtAnnotation] != "" {
		return nil
	}
	var entries []metav1.ManagedFieldsEntry
	for _, entry := range job.ManagedFields {
		if entry.Time != nil && entry.FieldsV1 != nil && bytes.Contains(entry.FieldsV1.GetRawBytes(), []byte(`"f:cancel"`)) {
			entries = append(entries, entry)
		}
	}
	return entries
}
