package controllers

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// A trainer that never tells its progress is one that nobody has heard of for as long
// as it runs.
func TestATrainerThatNeverAnsweredIsSilentSinceItRuns(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(-d)} }
	cases := map[string]struct {
		progress *v1alpha1.Progress
		want     time.Duration
	}{
		"it never answered":                        {want: time.Hour},
		"it answered before its last interruption": {&v1alpha1.Progress{UpdatedAt: ago(3 * time.Hour)}, time.Hour},
		"it answers":                               {&v1alpha1.Progress{UpdatedAt: ago(time.Minute)}, time.Minute},
		"its end alone said something":             {&v1alpha1.Progress{Summary: "epoch 1/2"}, time.Hour},
	}
	for name, c := range cases {
		job := &v1alpha1.TrainingJob{}
		job.Status.Phase, job.Status.Progress = v1alpha1.PhaseRunning, c.progress
		job.Status.PhaseTimes = []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseQueued, At: *ago(2 * time.Hour)}, {Phase: v1alpha1.PhaseRunning, At: *ago(time.Hour)}}
		if got := now.Sub(heardAt(job, now)); got != c.want {
			t.Errorf("%s: its progress is %s old, want %s", name, got, c.want)
		}
	}
}

// How long a job waits, and how old its progress is, is told by the operator's clock:
// the times of its phases are those of a node whose clock is a day off.
func TestWaitsAreToldByTheOperatorsClock(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) metav1.Time { return metav1.Time{Time: now.Add(-d)} }
	for _, off := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		job := &v1alpha1.TrainingJob{}
		job.Status.PhaseTimes = []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseQueued, At: ago(2*time.Hour + off)}, {Phase: v1alpha1.PhaseRunning, At: ago(time.Hour + off)}}
		job.Status.Conditions = []metav1.Condition{
			{Type: v1alpha1.ConditionFilesReady, Status: metav1.ConditionTrue, LastTransitionTime: ago(2 * time.Hour)},
			{Type: v1alpha1.ConditionRunning, Status: metav1.ConditionTrue, LastTransitionTime: ago(time.Hour)},
		}
		if got := now.Sub(heardAt(job, now)); got != time.Hour {
			t.Errorf("off by %s: its progress is %s old, want 1h", off, got)
		}
		if got := now.Sub(queuedSince(job, now)); got != 2*time.Hour {
			t.Errorf("off by %s: it waits for %s, want 2h", off, got)
		}
		ended := ago(time.Minute)
		job.Status.Attempts = []v1alpha1.Attempt{{FinishedAt: &ended}}
		if got := now.Sub(queuedSince(job, now)); got != time.Minute {
			t.Errorf("off by %s: it waits for %s after an attempt, want 1m", off, got)
		}
	}
}
