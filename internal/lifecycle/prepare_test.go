package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// Only the work of the Pod is limited: not waiting for a node or a sandbox, nor what
// another Pod did, and whatever the node's clock says.
func TestOnlyPreparingCountsForItsTimeLimit(t *testing.T) {
	validating := func(o *lifecycle.Observed) {
		o.Pods[0].Stages = map[contract.Stage]lifecycle.Container{contract.StageDownload: ended(0, ""), contract.StageValidate: running()}
	}
	downloading := func(clock time.Duration) func(*lifecycle.Observed) {
		return func(o *lifecycle.Observed) {
			o.Pods[0].Stages[contract.StageDownload] = lifecycle.Container{State: lifecycle.Running, StartedAt: start.Add(clock)}
		}
	}
	cases := map[string]struct {
		change func(*lifecycle.Observed)
		ends   bool
	}{
		"the download runs":          {downloading(0), true},
		"a clock that is ahead":      {downloading(100 * time.Hour), true},
		"a clock that is behind":     {downloading(-100 * time.Hour), true},
		"the validation runs":        {validating, true},
		"the Pod waits for a node":   {func(o *lifecycle.Observed) { unplaced(&o.Pods[0]) }, false},
		"the Pod waits for its node": {func(*lifecycle.Observed) {}, false},
		"the Pod has its node for a moment": {func(o *lifecycle.Observed) {
			downloading(0)(o)
			o.Pods[0].ScheduledAt = start.Add(time.Minute)
		}, false},
		"there is no limit": {func(o *lifecycle.Observed) {
			downloading(0)(o)
			o.Settings.PrepareTimeout = 0
		}, false},
		"the job is cancelled": {func(o *lifecycle.Observed) {
			downloading(0)(o)
			o.Job.Spec.Cancel = ptr.To(true)
		}, false},
		"the job is suspended": {func(o *lifecycle.Observed) {
			downloading(0)(o)
			o.Job.Spec.Suspend = ptr.To(true)
		}, false},
		"the Pod is being deleted": {func(o *lifecycle.Observed) {
			downloading(0)(o)
			o.Pods[0].Deleting, o.Pods[0].DeleteBy = true, o.Now.Add(time.Hour)
		}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := preparing(func(o *lifecycle.Observed) { o.Now = start.Add(settings.PrepareTimeout) })()
			c.change(&o)
			d := lifecycle.Decide(o)
			if ends := len(d.Status.Attempts) > 0; ends != c.ends {
				t.Fatalf("the job has the attempts %+v", d.Status.Attempts)
			}
			if c.ends && (d.Status.Attempts[0].Reason != v1alpha1.ReasonPrepareTimeout || !does(lifecycle.DeletePod)(o, d)) {
				t.Errorf("the job has the attempt %+v and does %+v", d.Status.Attempts[0], d.Actions)
			}
		})
	}
}

// The job fails once the Pod has ended, and is not tried again. Files that turn out
// valid before that still count.
func TestAPreparationThatTookTooLongFailsTheJobUnlessItEndsWell(t *testing.T) {
	o := preparing(func(o *lifecycle.Observed) {
		o.Now = start.Add(settings.PrepareTimeout)
		o.Pods[0].Stages[contract.StageDownload] = running()
	})()
	d := lifecycle.Decide(o)
	if d.Status.Phase != v1alpha1.PhaseDownloadingFiles {
		t.Errorf("the job is %s while its Pod goes", d.Status.Phase)
	}
	o.Job.Status = d.Status
	o.Pods[0].Deleting, o.Pods[0].Terminal = true, true
	well := o
	well.Pods = []lifecycle.Pod{o.Pods[0]}
	well.Pods[0].Stages = map[contract.Stage]lifecycle.Container{
		contract.StageDownload: ended(0, ""), contract.StageValidate: ended(0, validMessage(makeJob(), 1)),
	}
	if d := lifecycle.Decide(well); d.Status.Phase != v1alpha1.PhaseQueued || d.Status.Files == nil {
		t.Errorf("with valid files the job is\n%s", encodeStatus(&d.Status))
	}
	o.Pods[0].Stages = map[contract.Stage]lifecycle.Container{contract.StageDownload: ended(contract.ExitInterrupted, "")}
	d = lifecycle.Decide(o)
	if d.Status.Phase != v1alpha1.PhaseFailed || d.Status.Retries != 0 || len(d.Status.Attempts) != 1 {
		t.Fatalf("the job is\n%s", encodeStatus(&d.Status))
	}
	if lifecycle.EndReason(&d.Status) != v1alpha1.ReasonPrepareTimeout || !strings.Contains(d.Status.Error, "took longer than 4h0m0s, the operator's prepare.timeout") {
		t.Errorf("the job fails by %s: %s", lifecycle.EndReason(&d.Status), d.Status.Error)
	}
}
