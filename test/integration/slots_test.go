package integration

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// A job that no node takes gives the only slot to the one behind it, at no cost, and
// has the next one.
func TestASlotThatNoNodeCanServeGoesToTheNextJob(t *testing.T) {
	s := newStage(t, func(s *stage) { s.config.Limits.RunningJobs = 1 })
	large := s.submit(newJob("large"))
	s.prepared(large)
	k := &kubelet{s: s, key: client.ObjectKeyFromObject(s.pod(large, v1alpha1.RoleTrain, 1))}
	k.write(func(p *corev1.Pod) {
		setPodCondition(p, corev1.PodCondition{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
			Message: "0/3 nodes are available: 3 Insufficient memory.", LastTransitionTime: metav1.Time{Time: s.clock.Now()},
		})
	})
	s.waitsFor(large, v1alpha1.ReasonUnschedulable)
	small := s.submit(newJob("small"))
	s.prepared(small)
	s.waitsFor(small, v1alpha1.ReasonWaitingForSlot)
	if seen := s.seen(large); seen.Status.Starts != 1 || len(seen.Status.Attempts) != 0 {
		t.Errorf("the slot is given away at once: %s", describe(seen))
	}

	s.later(large, s.config.Limits.UnschedulableAfter.Duration)
	k.gone()
	next := s.onNode(s.pod(small, v1alpha1.RoleTrain, 1)).runs(contract.StageTrain)
	if message := s.waitsFor(large, v1alpha1.ReasonWaitingForSlot); !strings.Contains(message, "Insufficient memory") {
		t.Errorf("the condition says %q", message)
	}
	s.position(large, 1)
	next.says(contract.StageTrain, trained(s.job(small), 1))
	s.phase(small, v1alpha1.PhaseSucceeded)
	s.onNode(s.pod(large, v1alpha1.RoleTrain, 2)).runs(contract.StageTrain)
	running := s.phase(large, v1alpha1.PhaseRunning)
	if running.Status.Retries != 0 || running.Status.Disruptions != 0 || running.Status.Attempts[0].Reason != v1alpha1.ReasonUnschedulable {
		t.Errorf("the job is %s", describe(running))
	}
}
