package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// refused is a job whose Pod a quota refused some time ago, as it is recorded.
func refused() *v1alpha1.TrainingJob {
	o := observe(makeJob())
	o.Job.Status = lifecycle.Decide(o).Status
	o.Refusal = &lifecycle.Refusal{Reason: v1alpha1.ReasonQuotaExceeded, Message: "exceeded quota"}
	o.Job.Status = lifecycle.Decide(o).Status
	return o.Job
}

// An operator that was away for longer than the time-out tries once more before it
// fails a job: the quota may have been raised meanwhile.
func TestARefusalFailsAJobOnlyWhenItIsFresh(t *testing.T) {
	o := observe(refused())
	o.Now = start.Add(time.Hour)
	d := lifecycle.Decide(o)
	if d.Status.Phase.Finished() || len(d.Actions) != 1 || d.Actions[0].Kind != lifecycle.CreatePod {
		t.Fatalf("the job is %s and does %+v, want one more try", d.Status.Phase, d.Actions)
	}
	if d.Status.BlockedSince == nil {
		t.Errorf("it is forgotten since when the job is blocked")
	}
	o.Refusal = &lifecycle.Refusal{Reason: v1alpha1.ReasonQuotaExceeded, Message: "still exceeded quota"}
	if d = lifecycle.Decide(o); d.Status.Phase != v1alpha1.PhaseFailed || !strings.Contains(d.Status.Error, "still exceeded") {
		t.Errorf("the job is %s with the error %q, want it failed by the second refusal", d.Status.Phase, d.Status.Error)
	}
}

// What others say is of any length; the schema of conditions is not.
func TestMessagesAreBounded(t *testing.T) {
	o := observe(makeJob())
	o.Refusal = &lifecycle.Refusal{Reason: v1alpha1.ReasonAdmissionRefused, Message: strings.Repeat("ä very long sentence ", 4000)}
	for _, at := range []time.Duration{0, time.Hour} {
		o.Now = start.Add(at)
		d := lifecycle.Decide(o)
		o.Job.Status = d.Status
		for _, c := range d.Status.Conditions {
			if n := len([]rune(c.Message)); n > 4096 {
				t.Errorf("in the phase %s the message of %s has %d characters", d.Status.Phase, c.Type, n)
			}
		}
	}
}

// The Pod of a job that had the same name is waited for however long it takes, and
// the condition says so without a change each time it is tried again.
func TestAPodThatGoesAlreadyIsWaitedFor(t *testing.T) {
	o := observe(makeJob())
	o.Job.Status = lifecycle.Decide(o).Status
	stopping := &lifecycle.Refusal{Reason: v1alpha1.ReasonStopping, Message: "Pod ships-prepare-1 of another job has to end first"}
	o.Refusal = stopping
	first := lifecycle.Decide(o)
	if first.Wake.IsZero() {
		t.Errorf("nobody looks whether the Pod is gone")
	}
	o.Now = start.Add(time.Hour)
	for range 3 {
		o.Job.Status, o.Refusal = first.Status, nil
		try := lifecycle.Decide(o)
		if !statusEqual(&try.Status, &first.Status) || len(try.Actions) != 1 {
			t.Fatalf("trying again does %+v and changes the status from\n%s\nto\n%s", try.Actions, encodeStatus(&first.Status), encodeStatus(&try.Status))
		}
		o.Refusal = stopping
		if again := lifecycle.Decide(o); !statusEqual(&again.Status, &first.Status) {
			t.Fatalf("the status changes from\n%s\nto\n%s", encodeStatus(&first.Status), encodeStatus(&again.Status))
		}
	}
}

// No node that comes mends a claim that is not there; one that fits may come.
func TestAMissingClaimIsNotWaitedForAsANodeIs(t *testing.T) {
	cases := map[string]string{
		`0/3 nodes are available: persistentvolumeclaim "swath-storage" not found. preemption: 0/3 nodes are available`: v1alpha1.ReasonVolumeUnavailable,
		"0/3 nodes are available: 3 Insufficient cpu.":                                                                  v1alpha1.ReasonUnschedulable,
		"0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.":                                    v1alpha1.ReasonUnschedulable,
	}
	for sentence, want := range cases {
		job := makeJob()
		job.Status.Prepares = 1
		pod := makePod(v1alpha1.RolePrepare, 1)
		pod.ScheduledAt, pod.Node, pod.Unschedulable = time.Time{}, "", sentence
		d := lifecycle.Decide(observe(job, pod))
		running := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionRunning)
		if running.Reason != want || !strings.Contains(running.Message, sentence) {
			t.Errorf("for %q the condition says %s: %s, want %s", sentence, running.Reason, running.Message, want)
		}
		job.Status = d.Status
		o := observe(job, pod)
		o.Now = start.Add(time.Hour)
		if fails := len(lifecycle.Decide(o).Status.Attempts) > 0; fails != (want == v1alpha1.ReasonVolumeUnavailable) {
			t.Errorf("for %q the job fails in time: %t", sentence, fails)
		}
	}
}
