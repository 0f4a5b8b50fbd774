package lifecycle_test

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// The minutes in which a lost node's Pod is waited for are no training: they neither
// use up the deadline nor count.
func TestALostNodeIsNotChargedAsTraining(t *testing.T) {
	cases := map[string]struct {
		deadline int64
		want     string
	}{
		"well within the deadline":                 {600, v1alpha1.ReasonNodeLost},
		"the deadline passed before the node went": {60, v1alpha1.ReasonDeadlineExceeded},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			job := withFiles(makeJob())
			job.Status.Starts = 1
			job.Spec.ActiveDeadlineSeconds = ptr.To(c.deadline)
			pod := makePod(v1alpha1.RoleTrain, 1)
			pod.Stages[contract.StageTrain] = running()
			pod.Deleting, pod.DeletedAt, pod.DeleteBy = true, start.Add(2*time.Minute), start.Add(4*time.Minute)
			o := observe(job, pod)
			o.Now = start.Add(20 * time.Minute)
			d := lifecycle.Decide(o)
			if len(d.Status.Attempts) != 1 || d.Status.Attempts[0].Reason != c.want || d.Status.TrainedSeconds != 120 {
				t.Errorf("the job trained for %d s and has the attempts %+v, want 120 s and %s", d.Status.TrainedSeconds, d.Status.Attempts, c.want)
			}
		})
	}
}
