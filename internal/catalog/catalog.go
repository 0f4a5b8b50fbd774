// Package catalog records in storage which models are of jobs that have succeeded, so that they are listed when their job is gone.
//
// Only a job's status tells whether it has succeeded: a trainer may commit a model while its job is being cancelled. The entry is
// therefore written once the status says so, by whoever sees it first, and a model without one is never listed without its job.
package catalog

import (
	"context"
	"errors"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
)

// Succeeded reports whether the job's end is recorded, and is a model.
func Succeeded(job *v1alpha1.TrainingJob) bool {
	return job.Status.Phase == v1alpha1.PhaseSucceeded && job.Status.TrainedModel != ""
}

// Record writes the entry of the job's model, unless it is there or the model was deleted. The job must have succeeded.
func Record(ctx context.Context, store *storage.Store, job *v1alpha1.TrainingJob) error {
	model := job.Status.TrainedModel
	if _, err := store.CatalogEntry(ctx, model); !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if _, err := store.ModelManifest(ctx, model); err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	}
	return store.PutCatalogEntry(ctx, EntryOf(job))
}

// EntryOf is the entry of the model of a job that has succeeded.
func EntryOf(job *v1alpha1.TrainingJob) storage.CatalogEntry {
	entry := storage.CatalogEntry{
		Model: job.Status.TrainedModel, Task: string(job.Spec.Task), Job: contract.RecordedJobID(job.Status.ID, string(job.UID)), Name: job.Name,
		Manifest: job.Status.ModelDigest,
	}
	if at := job.Status.FinishedAt; at != nil {
		entry.FinishedAt = &at.Time
	}
	return entry
}
