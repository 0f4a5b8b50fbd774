package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// deleteInForeground has the job stay until its Pods are gone, as `kubectl delete
// --cascade=foreground` and Argo CD do. No garbage collector runs beside the tests: its
// part, to delete the Pods, is left out where a test does not do it.
func (s *stage) deleteInForeground(job *v1alpha1.TrainingJob) {
	s.t.Helper()
	if err := cluster.Delete(context.Background(), s.job(job), client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		s.t.Fatalf("deleting job %s: %v", job.Name, err)
	}
	s.until(job, "it is being deleted", func(j *v1alpha1.TrainingJob) bool {
		return j.DeletionTimestamp != nil && j.Status.ObservedGeneration == j.Generation
	})
}

// A job that is being deleted can still be cancelled, and ends so.
func TestAJobThatIsBeingDeletedCanBeCancelled(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.deleteInForeground(job)
	s.change(job, cancel)
	k.deleting().ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	s.wantCancelled(job)
}

// A job that is being deleted can still be suspended; resuming it starts nothing.
func TestAJobThatIsBeingDeletedCanBeSuspendedAndNothingIsResumed(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.deleteInForeground(job)
	s.change(job, suspend)
	k.deleting().ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	k.gone()
	s.until(job, "it is suspended", func(j *v1alpha1.TrainingJob) bool {
		return condition(j, v1alpha1.ConditionSuspended) == "True Suspended"
	})
	s.change(job, resume)
	s.waitsFor(job, v1alpha1.ReasonDeleting)
	s.wantNothingStarted(job, 1)
}

// What ends while its job is being deleted is not tried again.
func TestAJobThatIsBeingDeletedIsNotTriedAgain(t *testing.T) {
	cases := map[string]func(*kubelet){
		"its trainer fails":      func(k *kubelet) { k.ends(contract.StageTrain, 1, "out of luck") },
		"its Pod is deleted":     func(k *kubelet) { k.deletedByUser(); k.ends(contract.StageTrain, 143, "").removes() },
		"its node is drained":    func(k *kubelet) { k.disrupted(); k.ends(contract.StageTrain, contract.ExitInterrupted, "").removes() },
		"its message gets lost":  func(k *kubelet) { k.ends(contract.StageTrain, 0, "") },
		"the kernel ends it":     func(k *kubelet) { k.endsBy(contract.StageTrain, 137, "OOMKilled", "") },
		"it is removed by force": func(k *kubelet) { k.removes() },
	}
	for name, end := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			job := s.submit(newJob("ships"))
			k := s.training(job)
			s.deleteInForeground(job)
			end(k)
			s.until(job, "the attempt is recorded", func(j *v1alpha1.TrainingJob) bool { return len(j.Status.Attempts) == 1 })
			s.waitsFor(job, v1alpha1.ReasonDeleting)
			s.later(job, time.Hour)
			s.wantNothingStarted(job, 1)
		})
	}
}

// A model that is done while its job is being deleted counts.
func TestAModelThatIsDoneWhileItsJobIsBeingDeletedCounts(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.deleteInForeground(job)
	k.says(contract.StageTrain, trained(s.job(job), 1))
	s.phase(job, v1alpha1.PhaseSucceeded)
	s.released(k)
}

// A job that waits for a retry when it is deleted starts nothing when that is due.
func TestARetryThatIsDueWhileItsJobIsBeingDeletedIsNotMade(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.training(job).ends(contract.StageTrain, 1, "out of luck")
	s.waitsFor(job, v1alpha1.ReasonBackOff)
	s.deleteInForeground(job)
	if message := s.waitsFor(job, v1alpha1.ReasonDeleting); !strings.Contains(message, "nothing new is started") {
		t.Errorf("the condition says %q", message)
	}
	s.later(job, time.Hour)
	s.wantNothingStarted(job, 1)
	s.change(job, cancel)
	s.wantCancelled(job)
}

// wantNothingStarted checks, once the operator has seen the job as it is, that no
// further Pod was made.
func (s *stage) wantNothingStarted(job *v1alpha1.TrainingJob, starts int32) {
	s.t.Helper()
	if seen := s.seen(job); seen.Status.Starts != starts || seen.Status.Prepares != 1 || seen.Status.Phase.Finished() {
		s.t.Errorf("the job is %s", describe(seen))
	}
	for _, name := range s.podNames() {
		if strings.HasPrefix(name, "ships-train-2") {
			s.t.Errorf("there is Pod %s", name)
		}
	}
}

// disrupted has the Pod be evicted by its node's drain.
func (k *kubelet) disrupted() {
	k.s.t.Helper()
	k.condition("DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting")
	k.deletedByUser()
}
