package lifecycle_test

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// TestOnlyPhasesInBetweenAreNews: what anything follows from is never put off.
func TestOnlyPhasesInBetweenAreNews(t *testing.T) {
	prepared := func(stages map[contract.Stage]lifecycle.Container) lifecycle.Observed {
		job := makeJob()
		job.Status.Phase, job.Status.Prepares, job.Status.ObservedGeneration = v1alpha1.PhaseInitializing, 1, job.Generation
		pod := makePod(v1alpha1.RolePrepare, 1)
		pod.Stages = stages
		return observe(job, pod)
	}
	trained := func(c lifecycle.Container) lifecycle.Observed {
		job := withFiles(makeJob())
		job.Status.Phase, job.Status.Starts, job.Status.ObservedGeneration = v1alpha1.PhaseQueued, 1, job.Generation
		pod := makePod(v1alpha1.RoleTrain, 1)
		pod.Stages[contract.StageTrain] = c
		return observe(job, pod)
	}
	downloading := map[contract.Stage]lifecycle.Container{contract.StageDownload: running()}
	cases := map[string]struct {
		observed lifecycle.Observed
		news     bool
	}{
		"the job is new":           {observe(makeJob()), false},
		"the download has started": {prepared(downloading), true},
		"the download is done": {prepared(map[contract.Stage]lifecycle.Container{
			contract.StageDownload: ended(0, ""), contract.StageValidate: running(),
		}), true},
		"the files are valid, and training is to start": {prepared(map[contract.Stage]lifecycle.Container{
			contract.StageDownload: ended(0, ""), contract.StageValidate: ended(0, validMessage(makeJob(), 1)),
		}), false},
		"the files are broken": {prepared(map[contract.Stage]lifecycle.Container{
			contract.StageDownload: ended(0, ""), contract.StageValidate: ended(contract.ExitBadFile, ""),
		}), false},
		"the image cannot be pulled": {prepared(map[contract.Stage]lifecycle.Container{
			contract.StageDownload: {WaitReason: "ErrImagePull"},
		}), false},
		"the trainer runs":      {trained(running()), true},
		"the trainer has ended": {trained(ended(0, modelMessage(withFiles(makeJob()), 1))), false},
		"the trainer runs, and cancel is asked for": {func() lifecycle.Observed {
			o := trained(running())
			o.Job.Spec.Cancel = ptr.To(true)
			return o
		}(), false},
		"the download has started, and the spec has changed": {func() lifecycle.Observed {
			o := prepared(downloading)
			o.Job.Generation++
			return o
		}(), false},
		"the download goes on, which is recorded": {func() lifecycle.Observed {
			o := prepared(downloading)
			o.Job.Status = lifecycle.Decide(o).Status
			return o
		}(), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if d := lifecycle.Decide(c.observed); d.News != c.news {
				t.Errorf("the decision on phase %s is news: %v, want %v", d.Status.Phase, d.News, c.news)
			}
		})
	}
}
