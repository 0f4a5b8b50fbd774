package integration

import (
	"strings"
	"testing"

	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

func TestJobsQueueByPriorityAndAge(t *testing.T) {
	s := newStage(t, func(s *stage) {
		s.config.Limits.RunningJobs = 1
		s.config.Allow.PriorityClassNames = []string{"*"}
	})
	urgent := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "urgent-" + s.namespace}, Value: 1000}
	s.create(urgent)
	first := s.submit(newJob("first"))
	k := s.training(first)

	// All three were made within the same second or later: the older go first.
	older := s.submit(newJob("older"))
	s.prepared(older)
	hurry := newJob("urgent")
	hurry.Spec.Pod = &v1alpha1.PodOptions{PriorityClassName: urgent.Name}
	s.submit(hurry)
	s.prepared(hurry)
	if message := s.waitsFor(hurry, v1alpha1.ReasonWaitingForSlot); !strings.Contains(message, "(1)") {
		t.Errorf("the condition says %q", message)
	}
	s.position(hurry, 1)
	s.position(older, 2)

	k.says(contract.StageTrain, trained(s.job(first), 1))
	s.phase(first, v1alpha1.PhaseSucceeded)
	next := s.onNode(s.pod(hurry, v1alpha1.RoleTrain, 1)).runs(contract.StageTrain)
	s.phase(hurry, v1alpha1.PhaseRunning)
	s.position(older, 1)
	if s.job(hurry).Status.QueuePosition != nil {
		t.Errorf("the running job still has a place in the queue")
	}

	// A suspended job gives its slot back.
	s.change(hurry, suspend)
	next.deleting().ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	last := s.onNode(s.pod(older, v1alpha1.RoleTrain, 1)).runs(contract.StageTrain)
	s.change(hurry, resume)
	s.waitsFor(hurry, v1alpha1.ReasonWaitingForSlot)

	// A job that is deleted gives its slot back once its trainer has ended.
	if err := cluster.Delete(t.Context(), s.job(older)); err != nil {
		t.Fatal(err)
	}
	last.deletedByUser()
	if seen := s.seen(hurry); seen.Status.Starts != 1 {
		t.Errorf("a job trains beside the trainer of one that is gone: %s", describe(seen))
	}
	last.ends(contract.StageTrain, contract.ExitInterrupted, "")
	s.pod(hurry, v1alpha1.RoleTrain, 2)
}

func (s *stage) position(job *v1alpha1.TrainingJob, want int32) {
	s.t.Helper()
	s.until(job, "its place in the queue", func(j *v1alpha1.TrainingJob) bool {
		return ptr.Deref(j.Status.QueuePosition, 0) == want
	})
}

func TestTheQueueIsKnownAgainAfterARestart(t *testing.T) {
	s := newStage(t, func(s *stage) { s.config.Limits.RunningJobsPerNamespace = 1 })
	first := s.submit(newJob("first"))
	k := s.training(first)
	second := s.submit(newJob("second"))
	s.prepared(second)
	if message := s.waitsFor(second, v1alpha1.ReasonWaitingForSlot); !strings.Contains(message, "namespace "+s.namespace) {
		t.Errorf("the condition says %q", message)
	}
	s.stop()
	s.start()
	if seen := s.seen(second); seen.Status.Starts != 0 {
		t.Errorf("the second job trains beside the first: %s", describe(seen))
	}
	k.says(contract.StageTrain, trained(s.job(first), 1))
	s.pod(second, v1alpha1.RoleTrain, 1)
}
