package integration

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// gating is a client that puts Kueue's gate on Pods as they are made, as Kueue's
// webhook does.
type gating struct {
	client.Client
	role string
}

func (g gating) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	if pod, ok := object.(*corev1.Pod); ok && pod.Labels[v1alpha1.LabelRole] == g.role {
		pod.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "kueue.x-k8s.io/admission"}}
	}
	return g.Client.Create(ctx, object, options...)
}

func (s *stage) ungate(pod *corev1.Pod) {
	s.t.Helper()
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"schedulingGates": []any{}}})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cluster.Patch(context.Background(), pod, client.RawPatch("application/merge-patch+json", patch)); err != nil {
		s.t.Fatalf("removing the gate of Pod %s: %v", pod.Name, err)
	}
}

func TestAGatedTrainPodIsQueuedWithTheReason(t *testing.T) {
	s := newStage(t, func(s *stage) { s.wrap = func(c client.Client) client.Client { return gating{c, v1alpha1.RoleTrain} } })
	job := s.submit(newJob("ships"))
	s.prepared(job)
	pod := s.pod(job, v1alpha1.RoleTrain, 1)
	if message := s.waitsFor(job, v1alpha1.ReasonGated); !strings.Contains(message, "kueue.x-k8s.io/admission") {
		t.Errorf("the condition says %q", message)
	}
	if seen := s.seen(job); seen.Status.Phase != v1alpha1.PhaseQueued {
		t.Errorf("the job is %s", describe(seen))
	}
	s.ungate(pod)
	s.onNode(pod).runs(contract.StageTrain)
	s.phase(job, v1alpha1.PhaseRunning)
}

func TestADefaultQueueThatGatesThePreparePodIsSaid(t *testing.T) {
	s := newStage(t, func(s *stage) {
		s.wrap = func(c client.Client) client.Client { return gating{c, v1alpha1.RolePrepare} }
	})
	job := s.submit(newJob("ships"))
	if message := s.waitsFor(job, v1alpha1.ReasonGated); !strings.Contains(message, "default queue of Kueue") {
		t.Errorf("the condition says %q", message)
	}
	s.change(job, cancel)
	s.wantCancelled(job)
}
