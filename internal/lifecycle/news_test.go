package lifecycle_test

import (
	"testing"
	"time"

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
	// unrecorded is a job of which nothing is recorded, as the API server makes it.
	unrecorded := func(stages map[contract.Stage]lifecycle.Container, change ...func(*lifecycle.Pod)) lifecycle.Observed {
		job := makeJob()
		job.Status = v1alpha1.TrainingJobStatus{Phase: v1alpha1.PhaseInitializing, ObservedGeneration: -1}
		if stages == nil {
			return observe(job)
		}
		pod := makePod(v1alpha1.RolePrepare, 1)
		pod.Stages = stages
		for _, c := range change {
			c(&pod)
		}
		return observe(job, pod)
	}
	downloading := func() map[contract.Stage]lifecycle.Container {
		return map[contract.Stage]lifecycle.Container{contract.StageDownload: running()}
	}
	cases := map[string]struct {
		observed lifecycle.Observed
		news     bool
	}{
		"the job has been seen": {observe(makeJob()), false},
		"the job is new":        {unrecorded(nil), true},
		"the job is new, and cancel is asked for": {func() lifecycle.Observed {
			o := unrecorded(nil)
			o.Job.Spec.Cancel = ptr.To(true)
			return o
		}(), false},
		"the job is new, and its Pod cannot be made": {func() lifecycle.Observed {
			o := unrecorded(nil)
			o.Refusal = &lifecycle.Refusal{Reason: v1alpha1.ReasonQuotaExceeded, Message: "exceeded quota"}
			return o
		}(), false},
		"nothing is recorded, and the Pod is there":           {unrecorded(map[contract.Stage]lifecycle.Container{}), true},
		"nothing is recorded, and no node takes the Pod":      {unrecorded(map[contract.Stage]lifecycle.Container{}, unschedulable), false},
		"nothing is recorded, and the image cannot be pulled": {unrecorded(map[contract.Stage]lifecycle.Container{contract.StageDownload: {WaitReason: "ErrImagePull"}}), false},
		"nothing is recorded, and the download has started":   {unrecorded(downloading()), true},
		"nothing is recorded, and the file is not there":      {unrecorded(map[contract.Stage]lifecycle.Container{contract.StageDownload: ended(contract.ExitNoFile, "")}), false},
		"the download has started":                            {prepared(downloading()), true},
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
			o := prepared(downloading())
			o.Job.Generation++
			return o
		}(), false},
		"the download goes on, which is recorded": {func() lifecycle.Observed {
			o := prepared(downloading())
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

// TestAnUnrecordedPreparationIsCounted: by its Pod, once anything is recorded.
func TestAnUnrecordedPreparationIsCounted(t *testing.T) {
	job := makeJob()
	job.Status = v1alpha1.TrainingJobStatus{Phase: v1alpha1.PhaseInitializing, ObservedGeneration: -1}
	first := lifecycle.Decide(observe(job))
	if len(first.Actions) != 1 || first.Actions[0].Number != 1 || first.Status.Prepares != 1 {
		t.Fatalf("a new job has the actions %v and %d preparations", first.Actions, first.Status.Prepares)
	}
	pod := makePod(v1alpha1.RolePrepare, 1)
	pod.Stages = map[contract.Stage]lifecycle.Container{contract.StageDownload: ended(1, "")}
	pod.Terminal = true
	failed := lifecycle.Decide(observe(job, pod))
	if failed.News || failed.Status.Prepares != 1 || len(failed.Status.Attempts) != 1 || failed.Status.Attempts[0].Number != 1 {
		t.Errorf("after its Pod failed the job has %d preparations and the attempts %v", failed.Status.Prepares, failed.Status.Attempts)
	}
}

func unschedulable(p *lifecycle.Pod) {
	p.Node, p.ScheduledAt, p.Unschedulable, p.UnschedulableSince = "", time.Time{}, "0/3 nodes are available", start
}
