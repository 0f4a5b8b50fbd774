package lifecycle_test

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// endings has every start of a job end in the same way until the job ends, and gives
// how many starts it had; 0 when it goes on after twenty.
func endings(how func(*lifecycle.Pod)) int32 {
	job := withFiles(makeJob())
	job.Spec.BackoffLimit = ptr.To[int32](2)
	now := start
	for range 20 {
		o := observe(job)
		now = now.Add(time.Hour)
		o.Now = now
		job.Status = lifecycle.Decide(o).Status
		pod := makePod(v1alpha1.RoleTrain, job.Status.Starts)
		pod.Terminal = true
		how(&pod)
		o = observe(job, pod)
		o.Now = now
		job.Status = lifecycle.Decide(o).Status
		if job.Status.Phase.Finished() {
			return job.Status.Starts
		}
	}
	return 0
}

func stops(p *lifecycle.Pod) {
	p.Stages[contract.StageTrain] = ended(contract.ExitInterrupted, "")
}

func TestWhatNobodyCausedIsFreeOnlyOnceInARow(t *testing.T) {
	cases := map[string]struct {
		how  func(*lifecycle.Pod)
		want int32
	}{
		"a trainer that stops by itself": {stops, 4},
		"a Pod that no kubelet takes":    {func(p *lifecycle.Pod) { p.TerminalReason = "OutOfcpu" }, 4},
		"storage that refuses access":    {func(p *lifecycle.Pod) { p.Stages[contract.StageTrain] = ended(contract.ExitDenied, "") }, 3},
		"a file that breaks a rule":      {func(p *lifecycle.Pod) { p.Stages[contract.StageTrain] = ended(contract.ExitBadFile, "") }, 1},
		"a trainer that fails":           {func(p *lifecycle.Pod) { p.Stages[contract.StageTrain] = ended(1, "") }, 3},
		"a Pod that is preempted": {func(p *lifecycle.Pod) {
			stops(p)
			p.Disruption = "PreemptionByScheduler"
		}, 0},
		"a Pod that is deleted": {func(p *lifecycle.Pod) {
			stops(p)
			p.Deleting = true
		}, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := endings(c.how); got != c.want {
				t.Errorf("the job ends after %d starts, want %d", got, c.want)
			}
		})
	}
}

// Suspending and resuming at once costs no back-off, though the Pod ends only after
// the resume.
func TestAQuickSuspendAndResumeWaitsForNoBackOff(t *testing.T) {
	job := withFiles(makeJob())
	job.Status.Starts = 1
	pod := makePod(v1alpha1.RoleTrain, 1)
	pod.Stages[contract.StageTrain] = running()
	job.Spec.Suspend = ptr.To(true)
	d := lifecycle.Decide(observe(job, pod))
	if len(d.Actions) != 1 || d.Actions[0].Kind != lifecycle.DeletePod {
		t.Fatalf("suspending does %+v", d.Actions)
	}
	job.Status = d.Status
	job.Spec.Suspend = ptr.To(false)
	pod.Deleting, pod.DeletedAt, pod.DeleteBy = true, start.Add(time.Second), start.Add(time.Minute)
	job.Status = lifecycle.Decide(observe(job, pod)).Status

	pod.Stages = map[contract.Stage]lifecycle.Container{contract.StageTrain: ended(contract.ExitInterrupted, "")}
	pod.Terminal = true
	d = lifecycle.Decide(observe(job, pod))
	if last := d.Status.Attempts[0]; last.Reason != v1alpha1.ReasonSuspended || d.Status.Disruptions != 0 {
		t.Errorf("the attempt is %+v, and %d disruptions", last, d.Status.Disruptions)
	}
	if d.Status.Starts != 2 {
		t.Errorf("the job is at start %d, want the second at once", d.Status.Starts)
	}
}
