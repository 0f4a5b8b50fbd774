package lifecycle_test

import (
	"testing"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// Kueue's label lets a job pass the limits only where Kueue queues jobs, and not once
// its Pod is made without it.
func TestKueuesLabelFreesNoSlot(t *testing.T) {
	unlabelled := makePod(v1alpha1.RoleTrain, 1)
	unlabelled.Stages[contract.StageTrain] = running()
	gated := makePod(v1alpha1.RoleTrain, 1)
	gated.QueuedByKueue = true
	cases := map[string]struct {
		kueue bool
		pods  []lifecycle.Pod
		want  lifecycle.SlotNeed
	}{
		"Kueue queues nothing":                 {false, nil, lifecycle.WantsSlot},
		"Kueue queues jobs":                    {true, nil, lifecycle.NoSlot},
		"its Pod trains without the label":     {true, []lifecycle.Pod{unlabelled}, lifecycle.HoldsSlot},
		"its Pod is queued by Kueue":           {true, []lifecycle.Pod{gated}, lifecycle.NoSlot},
		"its Pod is, and Kueue was turned off": {false, []lifecycle.Pod{gated}, lifecycle.NoSlot},
	}
	for name, c := range cases {
		job := withFiles(makeJob())
		job.Labels = map[string]string{v1alpha1.KueueQueueLabel: "team"}
		job.Status.Starts = int32(len(c.pods))
		o := observe(job, c.pods...)
		o.Settings.Kueue = c.kueue
		if got := lifecycle.SlotNeedOf(o); got != c.want {
			t.Errorf("%s: the job's need is %d, want %d", name, got, c.want)
		}
	}
}

// TestASuccessIsReadLiveWhereItsSlotGoesToAnother: elsewhere the cache is enough.
func TestASuccessIsReadLiveWhereItsSlotGoesToAnother(t *testing.T) {
	for _, limited := range []bool{false, true} {
		job := withFiles(makeJob())
		job.Status.Starts = 1
		pod := makePod(v1alpha1.RoleTrain, 1)
		pod.Terminal = true
		pod.Stages[contract.StageTrain] = ended(0, modelMessage(job, 1))
		o := observe(job, pod)
		o.Settings.Limited = limited
		if d := lifecycle.Decide(o); d.Status.Phase != v1alpha1.PhaseSucceeded || d.NeedsLivePods != limited {
			t.Errorf("with limits %v the job is %s and Pods are read live: %v", limited, d.Status.Phase, d.NeedsLivePods)
		}
	}
}
