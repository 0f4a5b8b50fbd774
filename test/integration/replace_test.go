package integration

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// A train Pod that no node can take is mended by changing spec.pod: it is made anew
// at once, without a retry.
func TestAPodThatCannotBeScheduledIsMendedBySpecPod(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	job.Spec.Pod = &v1alpha1.PodOptions{NodeSelector: map[string]string{"gpu": "a1000"}}
	s.submit(job)
	s.prepared(job)
	k := &kubelet{s: s, key: client.ObjectKeyFromObject(s.pod(job, v1alpha1.RoleTrain, 1))}
	k.write(func(p *corev1.Pod) {
		setPodCondition(p, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes are available"})
	})
	s.waitsFor(job, v1alpha1.ReasonUnschedulable)
	s.change(job, func(j *v1alpha1.TrainingJob) { j.Spec.Pod.NodeSelector = map[string]string{"gpu": "a100"} })
	k.gone()
	second := s.pod(job, v1alpha1.RoleTrain, 2)
	if second.Spec.NodeSelector["gpu"] != "a100" {
		t.Errorf("the second Pod asks for the nodes %v", second.Spec.NodeSelector)
	}
	s.onNode(second).runs(contract.StageTrain)
	running := s.phase(job, v1alpha1.PhaseRunning)
	if running.Status.Retries != 0 || running.Status.Disruptions != 0 || running.Status.Attempts[0].Reason != v1alpha1.ReasonReplaced {
		t.Errorf("the job is %s", describe(running))
	}
}
