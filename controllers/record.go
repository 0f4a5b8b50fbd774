package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// record writes the status if it says anything new, and tells whether it did. What
// only words a condition anew may be put off in the decision. The
// write carries the resource version: a job that has changed in between is not
// written, and the error is errStale. It is errOldSchema when the API server has not
// kept all of it.
func (r *TrainingJobReconciler) record(ctx context.Context, job *v1alpha1.TrainingJob, decision *lifecycle.Decision) (bool, error) {
	r.wordings.keep(job, decision, r.Clock.Now())
	if equality.Semantic.DeepEqual(job.Status, decision.Status) {
		return false, nil
	}
	before := job.Status
	job.Status = decision.Status
	if err := r.Client.Status().Update(ctx, job); err != nil {
		job.Status = before
		r.wordings.forget(job)
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return false, errStale
		}
		return false, fmt.Errorf("recording the status of the TrainingJob: %w", err)
	}
	if err := r.Schema.check(ctx, &decision.Status, job); err != nil {
		return false, err
	}
	r.tell(job, &before, *decision)
	return true, nil
}
