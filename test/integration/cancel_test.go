package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

func cancel(job *v1alpha1.TrainingJob)  { job.Spec.Cancel = ptr.To(true) }
func suspend(job *v1alpha1.TrainingJob) { job.Spec.Suspend = ptr.To(true) }
func resume(job *v1alpha1.TrainingJob)  { job.Spec.Suspend = ptr.To(false) }

// wantCancelled waits for the end, and checks that no Pod is left at that moment.
func (s *stage) wantCancelled(job *v1alpha1.TrainingJob) {
	s.t.Helper()
	end := s.phase(job, v1alpha1.PhaseCancelled)
	s.wantPods()
	if end.DeletionTimestamp != nil {
		s.wantKstatus(end, status.TerminatingStatus)
	} else {
		s.wantKstatus(end, status.FailedStatus)
	}
	if end.Status.FinishedAt == nil || end.Status.TrainedModel != "" || condition(end, v1alpha1.ConditionCancelled) != "True Cancelled" {
		s.t.Errorf("the job is cancelled, but %s", describe(end))
	}
}

func TestACancelledJobHasNoPodLeft(t *testing.T) {
	cases := map[string]func(*stage, *v1alpha1.TrainingJob) *kubelet{
		"while it initializes": func(s *stage, job *v1alpha1.TrainingJob) *kubelet {
			return s.onNode(s.pod(job, v1alpha1.RolePrepare, 1))
		},
		"while it downloads": func(s *stage, job *v1alpha1.TrainingJob) *kubelet {
			k := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1)).runs(contract.StageDownload)
			s.phase(job, v1alpha1.PhaseDownloadingFiles)
			return k
		},
		"while it validates": func(s *stage, job *v1alpha1.TrainingJob) *kubelet {
			k := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1)).ends(contract.StageDownload, 0, "").runs(contract.StageValidate)
			s.phase(job, v1alpha1.PhaseValidatingFiles)
			return k
		},
		"while it trains": func(s *stage, job *v1alpha1.TrainingJob) *kubelet {
			return s.training(job)
		},
		"while its Pod is deleted by someone": func(s *stage, job *v1alpha1.TrainingJob) *kubelet {
			k := s.training(job)
			k.deletedByUser()
			return k
		},
		"while it is being suspended": func(s *stage, job *v1alpha1.TrainingJob) *kubelet {
			k := s.training(job)
			s.change(job, suspend)
			return k.deleting()
		},
	}
	for name, arrange := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			job := s.submit(newJob("ships"))
			k := arrange(s, job)
			s.change(job, cancel)
			k.deleting()
			waiting := s.until(job, "the condition says Cancelling", func(j *v1alpha1.TrainingJob) bool {
				return condition(j, v1alpha1.ConditionReconciling) == "True Cancelling"
			})
			if waiting.Status.Phase.Finished() {
				t.Errorf("the job is %s while its Pod is still there", waiting.Status.Phase)
			}
			k.removes()
			s.wantCancelled(job)
		})
	}
}

func TestAJobThatWaitsIsCancelledAtOnce(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	suspend(job)
	s.submit(job)
	s.waitsFor(job, v1alpha1.ReasonSuspended)
	s.change(job, cancel)
	s.wantCancelled(job)
}

func TestAJobBetweenRetriesIsCancelledAtOnce(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.training(job).ends(contract.StageTrain, 1, "out of luck")
	s.waitsFor(job, v1alpha1.ReasonBackOff)
	s.change(job, cancel)
	s.wantCancelled(job)
}

// The operator is not there while the trainer succeeds and the user cancels: the
// user was told that it is cancelled, and so it is.
func TestAnAcceptedCancelBeatsASuccess(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.stop()
	k.says(contract.StageTrain, trained(s.job(job), 1))
	s.change(job, cancel)
	s.start()
	s.wantCancelled(job)
}

func TestCancelAfterTheEndChangesNothing(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.training(job).says(contract.StageTrain, trained(s.job(job), 1))
	s.phase(job, v1alpha1.PhaseSucceeded)
	s.change(job, cancel)
	if seen := s.seen(job); seen.Status.Phase != v1alpha1.PhaseSucceeded {
		t.Errorf("the job is %s", describe(seen))
	}
	s.wantPods("ships-prepare-1", "ships-train-1")
}

func TestAnothersFinalizerThatHoldsAPodIsNamed(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	k.finalizers("kueue.x-k8s.io/managed", v1alpha1.ResultFinalizer)
	s.change(job, cancel)
	k.deleting().ends(contract.StageTrain, 75, "").removes()
	s.until(job, "the condition names the finalizer", func(j *v1alpha1.TrainingJob) bool {
		return strings.Contains(describe(j), "ships-train-1 (held by the finalizer kueue.x-k8s.io/managed)")
	})
	k.finalizers()
	s.wantCancelled(job)
}

func TestAPodOfALostNodeCountsAsGoneAfterItsGracePeriod(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.change(job, cancel)
	k.deleting()
	s.later(job, 2*time.Minute+4*time.Minute+50*time.Second)
	if seen := s.seen(job); seen.Status.Phase != v1alpha1.PhaseRunning {
		t.Errorf("the job gave its Pod up too early: %s", describe(seen))
	}
	s.later(job, time.Minute)
	s.phase(job, v1alpha1.PhaseCancelled)
}

// deletedByUser deletes the Pod with its grace period.
func (k *kubelet) deletedByUser() {
	k.s.t.Helper()
	var pod corev1.Pod
	pod.Namespace, pod.Name = k.key.Namespace, k.key.Name
	if err := cluster.Delete(context.Background(), &pod); err != nil {
		k.s.t.Fatalf("deleting Pod %s: %v", k.key.Name, err)
	}
}

// finalizers replaces the Pod's finalizers.
func (k *kubelet) finalizers(names ...string) {
	k.s.t.Helper()
	k.s.eventually("the finalizers are changed", func() error {
		var pod corev1.Pod
		if err := cluster.Get(context.Background(), k.key, &pod); err != nil {
			return err
		}
		pod.Finalizers = names
		return cluster.Update(context.Background(), &pod)
	})
}
