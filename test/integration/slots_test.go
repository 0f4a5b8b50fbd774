package integration

import (
	"strings"
	"testing"
	"time"

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
			Message: "0/3 nodes are available: 3 Insufficient memory.", LastTransitionTime: metav1.Time{Time: s.clock.Now().Add(-time.Minute)},
		})
	})
	s.waitsFor(large, v1alpha1.ReasonUnschedulable)
	small := s.submit(newJob("small"))
	s.prepared(small)
	s.waitsFor(small, v1alpha1.ReasonWaitingForSlot)
	if seen := s.seen(large); seen.Status.Starts != 1 || len(seen.Status.Attempts) != 0 {
		t.Errorf("the slot is given away at once: %s", describe(seen))
	}

	// The API server's clock is not the operator's here: to it, the next Pod is new.
	s.later(large, s.config.Limits.UnschedulableAfter.Duration-time.Minute)
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

// The only slot goes to the next job, whatever keeps the Pod that has it from running.
func TestASlotIsPassedOnWhateverHoldsIt(t *testing.T) {
	cases := map[string]struct {
		hold   func(*stage, *kubelet, *corev1.Pod)
		reason string
		says   string
	}{
		"a sandbox that fails": {
			hold: func(s *stage, k *kubelet, pod *corev1.Pod) {
				k.waits(contract.StageTrain, "ContainerCreating", "")
				s.warn(pod, "FailedCreatePodSandBox", "container memory limit is too low")
			},
			reason: v1alpha1.ReasonSandboxFailed, says: "container memory limit is too low",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(s *stage) { s.config.Limits.RunningJobs = 1 })
			large := s.submit(newJob("large"))
			s.prepared(large)
			pod := s.pod(large, v1alpha1.RoleTrain, 1)
			k := s.onNode(pod)
			c.hold(s, k, pod)
			s.later(large, time.Minute)
			s.waitsFor(large, c.reason)
			small := s.submit(newJob("small"))
			s.prepared(small)
			s.waitsFor(small, v1alpha1.ReasonWaitingForSlot)
			s.wantPods("large-prepare-1", "large-train-1", "small-prepare-1")

			// The API server's clock is not the operator's here: to it, the next Pod is new.
			k.write(func(p *corev1.Pod) {
				since := metav1.Time{Time: s.clock.Now().Add(-s.config.Limits.UnschedulableAfter.Duration)}
				setPodCondition(p, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: since})
			})
			k.deleting()
			s.waitsFor(large, v1alpha1.ReasonStartTimeout)
			if seen := s.seen(small); seen.Status.Starts != 0 {
				t.Errorf("the slot goes on while the Pod may still start: %s", describe(seen))
			}
			// So the kubelet ends a container that was never made.
			k.set(contract.StageTrain, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 137, Reason: "ContainerStatusUnknown", Message: "The container could not be located when the pod was terminated",
			}}).removes()
			s.onNode(s.pod(small, v1alpha1.RoleTrain, 1)).runs(contract.StageTrain)
			if message := s.waitsFor(large, v1alpha1.ReasonWaitingForSlot); !strings.Contains(message, c.says) {
				t.Errorf("the condition says %q", message)
			}
			seen := s.job(large)
			if seen.Status.Retries != 0 || seen.Status.Disruptions != 0 || seen.Status.Attempts[0].Reason != v1alpha1.ReasonStartTimeout {
				t.Errorf("the job is %s", describe(seen))
			}
			s.position(large, 1)
		})
	}
}
