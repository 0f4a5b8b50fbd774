package lifecycle_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// clocks are by how much a node's clock is ahead of ours.
var clocks = map[string]time.Duration{
	"the node's clock is right": 0, "the node's clock is an hour ahead": time.Hour, "the node's clock is an hour behind": -time.Hour,
}

// trainedBy is a job whose trainer has ended after a minute, seen at once, on a node
// whose clock is off.
func trainedBy(clock time.Duration, code int32, text string) lifecycle.Observed {
	job := withFiles(makeJob())
	job.Status.Starts = 1
	pod := makePod(v1alpha1.RoleTrain, 1)
	pod.Terminal = true
	pod.Stages[contract.StageTrain] = lifecycle.Container{
		State: lifecycle.Ended, ExitCode: code, Text: text,
		StartedAt: start.Add(clock), FinishedAt: start.Add(time.Minute + clock),
	}
	o := observe(job, pod)
	o.Now = start.Add(time.Minute)
	return o
}

// What waits for the time after an end waits as long as it says, whatever the node's
// clock says; the times of phases, and how long they took, are the node's.
func TestNothingWaitsByTheClockOfANode(t *testing.T) {
	for name, clock := range clocks {
		t.Run(name, func(t *testing.T) {
			o := trainedBy(clock, 1, "RuntimeError")
			d := lifecycle.Decide(o)
			if want := o.Now.Add(settings.BackoffInitial); !d.Wake.Equal(want) || d.Status.Starts != 1 {
				t.Errorf("the next start is at %s after %d, want at %s", d.Wake, d.Status.Starts, want)
			}
			if d.Status.TrainedSeconds != 60 {
				t.Errorf("the job trained for %d s, want 60", d.Status.TrainedSeconds)
			}

			o = trainedBy(clock, 0, modelMessage(withFiles(makeJob()), 1))
			o.Job.Spec.TTLSecondsAfterFinished, o.Settings.KeepPods = ptr.To[int32](600), ptr.To(time.Hour)
			d = lifecycle.Decide(o)
			if want := o.Now.Add(10 * time.Minute); d.Status.Phase != v1alpha1.PhaseSucceeded || !d.Wake.Equal(want) || !d.Status.FinishedAt.Equal(&metav1.Time{Time: o.Now}) {
				t.Errorf("the job is %s since %s and goes at %s, want at %s", d.Status.Phase, d.Status.FinishedAt, d.Wake, want)
			}
			last := d.Status.PhaseTimes[len(d.Status.PhaseTimes)-1]
			if clock >= 0 && (last.Phase != v1alpha1.PhaseSucceeded || !last.At.Equal(&metav1.Time{Time: start.Add(time.Minute + clock)})) {
				t.Errorf("the last phase is %+v", last)
			}
			if d.Status.TrainedSeconds != 60 {
				t.Errorf("the job trained for %d s, want 60", d.Status.TrainedSeconds)
			}
			o.Job.Status, o.Job.Spec.TTLSecondsAfterFinished = d.Status, nil
			if d = lifecycle.Decide(o); !d.Wake.Equal(o.Now.Add(time.Hour)) {
				t.Errorf("its Pods go at %s, want in an hour", d.Wake)
			}
		})
	}
}

// A time that may be true is believed: the operator was a few seconds late.
func TestANodesTimeIsBelievedWithinAMinute(t *testing.T) {
	cases := map[time.Duration]time.Duration{-30 * time.Second: -30 * time.Second, -2 * time.Minute: 0, time.Second: 0}
	for clock, want := range cases {
		o := trainedBy(clock, 1, "RuntimeError")
		if got := lifecycle.Decide(o).Status.Attempts[0].FinishedAt.Sub(o.Now); got != want {
			t.Errorf("an end %s from now is recorded %s from now, want %s", clock, got, want)
		}
	}
}

// A trainer on a node whose clock is behind has not trained since before it had the
// node.
func TestADeadlineDoesNotPassByTheClockOfANode(t *testing.T) {
	for name, clock := range clocks {
		job := withFiles(makeJob())
		job.Status.Starts = 1
		job.Spec.ActiveDeadlineSeconds = ptr.To[int64](600)
		pod := makePod(v1alpha1.RoleTrain, 1)
		pod.Stages[contract.StageTrain] = lifecycle.Container{State: lifecycle.Running, StartedAt: start.Add(clock)}
		if d := lifecycle.Decide(observe(job, pod)); len(d.Actions) != 0 {
			t.Errorf("%s: after two seconds the operator does %+v", name, d.Actions)
		}
	}
}

// A sidecar is not left alone for as long as its node's clock is ahead.
func TestASidecarDoesNotLingerByTheClockOfANode(t *testing.T) {
	o := trainedBy(time.Hour, 0, modelMessage(withFiles(makeJob()), 1))
	o.Pods[0].Terminal = false
	if d := lifecycle.Decide(o); len(d.Actions) != 2 || d.Actions[1].Kind != lifecycle.DeletePod {
		t.Errorf("the operator does %+v", d.Actions)
	}
}
