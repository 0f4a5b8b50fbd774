package integration

import (
	"testing"
	"time"

	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// As a suspended batch/v1 Job, a TrainingJob that is created suspended has no Pod.
func TestAJobThatIsCreatedSuspendedStartsNothing(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	suspend(job)
	s.submit(job)
	s.waitsFor(job, v1alpha1.ReasonSuspended)
	held := s.seen(job)
	if held.Status.Phase != v1alpha1.PhaseInitializing || held.Status.Prepares != 0 || condition(held, v1alpha1.ConditionSuspended) != "True Suspended" {
		t.Errorf("the job is %s", describe(held))
	}
	s.wantKstatus(held, status.CurrentStatus)
	s.wantPods()

	s.change(job, resume)
	s.prepared(job)
	if resumed := s.job(job); condition(resumed, v1alpha1.ConditionSuspended) != "False Resumed" {
		t.Errorf("the job is %s", describe(resumed))
	}
}

func TestAJobThatIsSuspendedWhileItPreparesStopsAndPreparesAnew(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1)).runs(contract.StageDownload)
	s.phase(job, v1alpha1.PhaseDownloadingFiles)
	s.change(job, suspend)
	k.deleting().ends(contract.StageDownload, contract.ExitInterrupted, "").removes()
	k.gone()
	s.waitsFor(job, v1alpha1.ReasonSuspended)
	held := s.seen(job)
	if held.Status.Phase != v1alpha1.PhaseInitializing || held.Status.Retries != 0 || held.Status.Disruptions != 0 {
		t.Errorf("the job is %s", describe(held))
	}
	s.wantPods()

	// Resuming waits for no back-off.
	s.change(job, resume)
	second := s.onNode(s.pod(job, v1alpha1.RolePrepare, 2))
	second.ends(contract.StageDownload, 0, "").says(contract.StageValidate, validated(held, 2))
	s.phase(job, v1alpha1.PhaseQueued)
}

func TestASuspendedJobIsHeldInTheQueue(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.prepared(job)
	k := &kubelet{s: s, key: client.ObjectKeyFromObject(s.pod(job, v1alpha1.RoleTrain, 1))}
	s.change(job, suspend)
	k.gone()
	s.waitsFor(job, v1alpha1.ReasonSuspended)
	held := s.job(job)
	if got := condition(held, v1alpha1.ConditionSuspended); got != "True Suspended" || held.Status.Phase != v1alpha1.PhaseQueued {
		t.Errorf("the job is %s", describe(held))
	}
	s.wantKstatus(held, status.CurrentStatus)
	s.wantPods("ships-prepare-1")

	s.change(job, resume)
	s.pod(job, v1alpha1.RoleTrain, 2)
	s.until(job, "it is no longer suspended", func(j *v1alpha1.TrainingJob) bool {
		return condition(j, v1alpha1.ConditionSuspended) == "False Resumed"
	})
}

func TestSuspendingATrainingStopsItAndResumingGoesOn(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.change(job, suspend)
	k.deleting()
	s.until(job, "it trains, and is being stopped", func(j *v1alpha1.TrainingJob) bool {
		return condition(j, v1alpha1.ConditionRunning) == "True Stopping"
	})
	if stopping := s.job(job); condition(stopping, v1alpha1.ConditionSuspended) != "False Stopping" || stopping.Status.Phase != v1alpha1.PhaseRunning {
		t.Errorf("the job is suspended before its Pod has ended: %s", describe(stopping))
	}

	s.clock.SetTime(s.clock.Now().Add(5 * time.Second))
	k.ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	k.gone()
	s.waitsFor(job, v1alpha1.ReasonSuspended)
	held := s.job(job)
	if held.Status.Phase != v1alpha1.PhaseQueued || held.Status.Retries != 0 || held.Status.Disruptions != 0 {
		t.Errorf("the job is %s", describe(held))
	}
	if last := held.Status.Attempts[len(held.Status.Attempts)-1]; last.Reason != v1alpha1.ReasonSuspended || *last.ExitCode != contract.ExitInterrupted {
		t.Errorf("the attempt is %+v", last)
	}
	if held.Status.TrainedSeconds != 5 {
		t.Errorf("the job trained for %d s, want 5", held.Status.TrainedSeconds)
	}

	// Resuming waits for no back-off, and the second start finishes the job.
	s.change(job, resume)
	second := s.onNode(s.pod(job, v1alpha1.RoleTrain, 2)).runs(contract.StageTrain)
	s.phase(job, v1alpha1.PhaseRunning)
	second.says(contract.StageTrain, trained(held, 2))
	end := s.phase(job, v1alpha1.PhaseSucceeded)
	if end.Status.Starts != 2 {
		t.Errorf("the job is %s", describe(end))
	}
}

func TestAModelThatIsDoneWhileItIsSuspendedCounts(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.change(job, suspend)
	k.deleting().says(contract.StageTrain, trained(s.job(job), 1))
	s.phase(job, v1alpha1.PhaseSucceeded)
	k.removes()
	k.gone()
}
