package lifecycle_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

var cannotWork = &lifecycle.Refusal{Reason: v1alpha1.ReasonInvalidSpec, Message: "spec.pod.resources.limits.memory is 512m"}

// No Pod is made for a spec that cannot work, neither to prepare nor to train, and no
// time is waited for.
func TestASpecThatCannotWorkFailsTheJobAtOnce(t *testing.T) {
	for name, job := range map[string]*v1alpha1.TrainingJob{"before it prepares": makeJob(), "before it trains": withFiles(makeJob())} {
		o := observe(job)
		o.Refusal = cannotWork
		d := lifecycle.Decide(o)
		if d.Status.Phase != v1alpha1.PhaseFailed || d.Status.Error != cannotWork.Message || lifecycle.EndReason(&d.Status) != v1alpha1.ReasonInvalidSpec {
			t.Errorf("%s the job is\n%s", name, encodeStatus(&d.Status))
		}
		if len(d.Actions) != 0 || d.Status.Retries != 0 {
			t.Errorf("%s the operator does %+v", name, d.Actions)
		}
	}
}

// A trainer that runs has proved that it can, and a suspended job may still be mended.
func TestASpecThatCannotWorkStopsNothingThatRuns(t *testing.T) {
	job := withFiles(makeJob())
	job.Status.Starts = 1
	pod := makePod(v1alpha1.RoleTrain, 1)
	pod.Stages[contract.StageTrain] = running()
	o := observe(job, pod)
	o.Refusal = cannotWork
	if d := lifecycle.Decide(o); d.Status.Phase != v1alpha1.PhaseRunning || len(d.Actions) != 0 {
		t.Errorf("the job is %s and the operator does %+v", d.Status.Phase, d.Actions)
	}
	held := makeJob()
	held.Spec.Suspend = ptr.To(true)
	o = observe(held)
	o.Refusal = cannotWork
	if d := lifecycle.Decide(o); d.Status.Phase.Finished() || !meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionSuspended) {
		t.Errorf("the job is\n%s", encodeStatus(&d.Status))
	}
}
