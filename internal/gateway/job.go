package gateway

import (
	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/gateway/jobs"
	"github.com/swath-dev/swath/internal/gateway/mirror"
)

// Job is a training job as the documented API shows it: every key is there, with null where there is no value.
type Job struct {
	Task            v1alpha1.Task          `json:"task" enum:"classification,segmentation" doc:"The task type, which can be either classification or segmentation."`
	TrainingFile    string                 `json:"training_file" doc:"The ID of the uploaded file that contains the training data."`
	ValidationFile  *string                `json:"validation_file" doc:"The ID of the uploaded file that contains the validation data."`
	Hyperparameters mirror.Hyperparameters `json:"hyperparameters" doc:"The hyperparameters of the request."`
	ID              string                 `json:"id" doc:"The object identifier, which can be referenced in the API endpoints." example:"trainingjob-5ms9ja6hk2x0"`
	CreatedAt       int64                  `json:"created_at" doc:"The Unix timestamp (in seconds) for when the training job was created."`
	Status          v1alpha1.Phase         `json:"status" enum:"initializing,downloading_files,validating_files,queued,running,succeeded,failed,cancelled" doc:"The current status of the training job."`
	Error           *string                `json:"error" doc:"For training jobs that have failed, the cause of the failure."`
	TrainedModel    *string                `json:"trained_model" doc:"The name of the trained model; null while the job is still running."`
	FinishedAt      *int64                 `json:"finished_at" doc:"The Unix timestamp (in seconds) for when the training job was finished; null while it is still running."`
}

// newJob shows a TrainingJob.
func newJob(job *v1alpha1.TrainingJob) Job {
	shown := Job{
		Task:            job.Spec.Task,
		TrainingFile:    string(job.Spec.TrainingFile),
		Hyperparameters: mirror.Hyperparameters{Hyperparameters: job.Spec.Hyperparameters},
		ID:              jobs.ID(job),
		CreatedAt:       job.CreationTimestamp.Unix(),
		Status:          jobs.Phase(job),
	}
	if job.Spec.ValidationFile != nil {
		file := string(*job.Spec.ValidationFile)
		shown.ValidationFile = &file
	}
	if shown.Status == v1alpha1.PhaseFailed {
		shown.Error = orNil(job.Status.Error)
	}
	if shown.Status == v1alpha1.PhaseSucceeded {
		shown.TrainedModel = orNil(job.Status.TrainedModel)
	}
	if at := jobs.FinishedAt(job); at != nil {
		seconds := at.Unix()
		shown.FinishedAt = &seconds
	}
	return shown
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
