package lifecycle_test

import (
	"math"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// A deadline of any length is one that has not passed: jobs with longer ones than the
// schema allows may have been stored before it had a bound.
func TestALongDeadlineDoesNotPassAtOnce(t *testing.T) {
	for _, deadline := range []int64{math.MaxInt32, 9999999999, math.MaxInt64} {
		for _, trained := range []int64{0, 100} {
			o := training(func(o *lifecycle.Observed) {
				o.Job.Spec.ActiveDeadlineSeconds, o.Job.Status.TrainedSeconds = &deadline, trained
			})()
			for _, years := range []int{0, 60} {
				o.Now = start.AddDate(years, 0, 1)
				d := lifecycle.Decide(o)
				if len(d.Actions) != 0 || len(d.Status.Attempts) != 0 {
					t.Errorf("with a deadline of %d s the operator does %+v and records %+v", deadline, d.Actions, d.Status.Attempts)
				}
			}
		}
	}
}

// A back-off that the longest duration bounds is long, not negative.
func TestABackOffOfAnyLengthIsWaitedFor(t *testing.T) {
	for _, longest := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 3} {
		job := withFiles(makeJob())
		job.Spec.BackoffLimit = ptr.To[int32](100)
		job.Status.Starts, job.Status.Retries = 99, 98
		job.Status.Attempts = []v1alpha1.Attempt{{
			Stage: string(contract.StageTrain), Number: 99, Reason: "TrainerError", Message: "it ended", FinishedAt: &metav1.Time{Time: start},
		}}
		o := observe(job)
		o.Settings.BackoffInitial, o.Settings.BackoffMax = time.Hour, longest
		if d := lifecycle.Decide(o); len(d.Actions) != 0 || !d.Wake.Equal(start.Add(longest)) {
			t.Errorf("with at most %s the operator does %+v and comes again at %s", longest, d.Actions, d.Wake)
		}
	}
}

// A node whose clock was set while the container ran has not trained for years.
func TestAClockThatIsSetWhileTheTrainerRunsIsNotTraining(t *testing.T) {
	for _, code := range []int32{0, contract.ExitInterrupted} {
		o := trainedBy(0, code, modelMessage(makeJob(), 1))
		c := o.Pods[0].Stages[contract.StageTrain]
		c.StartedAt = start.AddDate(-20, 0, 0)
		o.Pods[0].Stages[contract.StageTrain] = c
		o.Job.Spec.ActiveDeadlineSeconds = ptr.To[int64](600)
		d := lifecycle.Decide(o)
		if d.Status.TrainedSeconds != 60 || d.Status.Phase == v1alpha1.PhaseFailed {
			t.Errorf("the job is %s after %d s: %s", d.Status.Phase, d.Status.TrainedSeconds, d.Status.Error)
		}
	}
}
