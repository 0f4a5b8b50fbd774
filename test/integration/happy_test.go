package integration

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// newJob is a classification without anything that is not needed.
func newJob(name string) *v1alpha1.TrainingJob {
	job := &v1alpha1.TrainingJob{}
	job.Name = name
	job.Spec = v1alpha1.TrainingJobSpec{Task: v1alpha1.TaskClassification, TrainingFile: "file-train", ValidationFile: ptr.To(v1alpha1.FileName("file-validation"))}
	return job
}

// prepared takes a job to where its files are valid, and gives it as it is then.
func (s *stage) prepared(job *v1alpha1.TrainingJob) *v1alpha1.TrainingJob {
	s.t.Helper()
	node := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1))
	node.ends(contract.StageDownload, 0, "")
	node.says(contract.StageValidate, validated(s.job(job), 1))
	return s.phase(job, v1alpha1.PhaseQueued)
}

// training takes a job to where its trainer runs.
func (s *stage) training(job *v1alpha1.TrainingJob) *kubelet {
	s.t.Helper()
	s.prepared(job)
	node := s.onNode(s.pod(job, v1alpha1.RoleTrain, 1)).runs(contract.StageTrain)
	s.phase(job, v1alpha1.PhaseRunning)
	return node
}

func TestAJobPassesItsPhasesToAModel(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.phase(job, v1alpha1.PhaseInitializing)

	prepare := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1))
	prepare.runs(contract.StageDownload)
	s.phase(job, v1alpha1.PhaseDownloadingFiles)
	prepare.ends(contract.StageDownload, 0, "").runs(contract.StageValidate)
	seen := s.phase(job, v1alpha1.PhaseValidatingFiles)
	prepare.says(contract.StageValidate, validated(seen, 1))
	s.phase(job, v1alpha1.PhaseQueued)

	train := s.onNode(s.pod(job, v1alpha1.RoleTrain, 1)).runs(contract.StageTrain)
	s.phase(job, v1alpha1.PhaseRunning)
	train.says(contract.StageTrain, trained(seen, 1))
	end := s.phase(job, v1alpha1.PhaseSucceeded)

	s.released(train)
	s.wantWritesOfOneJob(s.wire.writes())
	if want := contract.ModelID(seen.Status.ID); end.Status.TrainedModel != want {
		t.Errorf("the model is %q, want %q", end.Status.TrainedModel, want)
	}
	if end.Status.FinishedAt == nil || end.Status.StartedAt == nil {
		t.Errorf("the job has no times: %+v", end.Status)
	}
}
