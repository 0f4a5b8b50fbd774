package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// imitatedKueue does what Kueue's webhook does: it gates Pods with a queue, and gives
// them its finalizer.
type imitatedKueue struct{ client.Client }

// kueueFinalizer is what Kueue holds Pods with until it has seen their end.
const kueueFinalizer = "kueue.x-k8s.io/managed"

func (k imitatedKueue) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	if pod, ok := object.(*corev1.Pod); ok && pod.Labels[v1alpha1.KueueQueueLabel] != "" {
		pod.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "kueue.x-k8s.io/admission"}}
		pod.Finalizers = append(pod.Finalizers, kueueFinalizer)
	}
	return k.Client.Create(ctx, object, options...)
}

// Whoever may change a Pod's labels cannot take its job out of the limits, with Kueue
// and without it.
func TestALabelOfKueueThatIsPutOnAPodFreesNoSlot(t *testing.T) {
	for name, enabled := range map[string]bool{"with Kueue": true, "without Kueue": false} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(s *stage) { s.config.Limits.RunningJobs, s.config.Kueue.Enabled = 1, enabled })
			first := s.submit(newJob("first"))
			k := s.training(first)
			next := s.submit(newJob("next"))
			s.prepared(next)
			s.waitsFor(next, v1alpha1.ReasonWaitingForSlot)
			pod := s.pod(first, v1alpha1.RoleTrain, 1)
			patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"kueue.x-k8s.io/queue-name":"y"}}}`))
			if err := cluster.Patch(context.Background(), pod, patch); err != nil {
				t.Fatal(err)
			}
			s.seen(first)
			if waits := s.seen(next); waits.Status.Starts != 0 {
				t.Errorf("a label freed the slot of a Pod that trains: %s", describe(waits))
			}
			s.stop()
			s.start()
			s.seen(first)
			if waits := s.seen(next); waits.Status.Starts != 0 {
				t.Errorf("after a restart of the operator a label freed the slot: %s", describe(waits))
			}
			k.says(contract.StageTrain, trained(s.job(first), 1))
			s.pod(next, v1alpha1.RoleTrain, 1)
		})
	}
}

// Kueue and the limits of running jobs each decide on their own jobs, over the whole
// life of a job: waiting, training, losing its quota, and training again.
func TestKueueAndTheLimitsEachCountTheirOwn(t *testing.T) {
	s := newStage(t, func(s *stage) {
		s.config.Limits.RunningJobs, s.config.Kueue.Enabled = 1, true
		s.wrap = func(c client.Client) client.Client { return imitatedKueue{c} }
	})
	first := s.submit(newJob("first"))
	holder := s.training(first)

	// The only slot is taken, and Kueue's job trains all the same once it is admitted.
	queued := newJob("queued")
	queued.Labels = map[string]string{v1alpha1.KueueQueueLabel: "team"}
	s.submit(queued)
	s.prepared(queued)
	pod := s.pod(queued, v1alpha1.RoleTrain, 1)
	if message := s.waitsFor(queued, v1alpha1.ReasonGated); !strings.Contains(message, "Kueue admits it when its queue has room") {
		t.Errorf("the condition says %q", message)
	}
	s.ungate(pod)
	k := s.onNode(pod).runs(contract.StageTrain)
	s.phase(queued, v1alpha1.PhaseRunning)

	// It takes no slot, and gives none.
	next := s.submit(newJob("next"))
	s.prepared(next)
	s.waitsFor(next, v1alpha1.ReasonWaitingForSlot)
	s.position(next, 1)

	// Kueue takes its quota back: the job queues there again, at the cost of no retry.
	k.condition("TerminationTarget", "WorkloadEvictedDueToPreempted", "Preempted to accommodate a workload")
	k.deletedByUser()
	k.ends(contract.StageTrain, contract.ExitInterrupted, "").finalizers(kueueFinalizer)
	k.removes()
	s.until(queued, "the disruption is recorded", func(j *v1alpha1.TrainingJob) bool { return j.Status.Disruptions == 1 })
	k.finalizers()
	k.gone()
	s.later(queued, 11*time.Second)
	second := s.pod(queued, v1alpha1.RoleTrain, 2)
	s.waitsFor(queued, v1alpha1.ReasonGated)
	if waits := s.seen(next); waits.Status.Starts != 0 {
		t.Errorf("a job got the slot of one that never had one: %s", describe(waits))
	}
	s.ungate(second)
	again := s.onNode(second).runs(contract.StageTrain)
	again.says(contract.StageTrain, trained(s.job(queued), 2))
	if end := s.phase(queued, v1alpha1.PhaseSucceeded); end.Status.Retries != 0 || end.Status.Starts != 2 {
		t.Errorf("the job is %s", describe(end))
	}

	holder.says(contract.StageTrain, trained(s.job(first), 1))
	s.phase(first, v1alpha1.PhaseSucceeded)
	s.pod(next, v1alpha1.RoleTrain, 1)
}
