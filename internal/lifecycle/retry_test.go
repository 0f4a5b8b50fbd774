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

// interruptions has a job be preempted after an hour, again and again, and gives for how
// long it waits after each. told gives what the trainer says of the checkpoint of that
// start, in its message or, before the end, in its progress.
func interruptions(t *testing.T, told func(start int32) (message, progress int64)) []time.Duration {
	t.Helper()
	job := withFiles(makeJob())
	now := start
	var waits []time.Duration
	for number := int32(1); number <= 12; number++ {
		o := observe(job)
		o.Now = now
		job.Status = lifecycle.Decide(o).Status
		message, progress := told(number)
		if p := (contract.Progress{Checkpoint: progress}); progress > 0 && lifecycle.ProgressDue(&job.Status, p, now, time.Minute) {
			job.Status = lifecycle.WithProgress(&job.Status, p, now)
		}
		pod := makePod(v1alpha1.RoleTrain, number)
		text := encode(contract.Message{Job: job.Status.ID, Start: number, Stage: contract.StageTrain, Checkpoint: message})
		pod.Stages[contract.StageTrain] = lifecycle.Container{
			State: lifecycle.Ended, ExitCode: contract.ExitInterrupted, Text: text, StartedAt: now, FinishedAt: now.Add(time.Hour),
		}
		pod.Terminal, pod.Disruption = true, "PreemptionByScheduler"
		now = now.Add(time.Hour)
		o = observe(job, pod)
		o.Now = now
		d := lifecycle.Decide(o)
		job.Status = d.Status
		if d.Status.Disruptions != number || d.Status.Retries != 0 {
			t.Errorf("after interruption %d there are %d disruptions and %d retries", number, d.Status.Disruptions, d.Status.Retries)
		}
		waits = append(waits, d.Wake.Sub(now))
		now = d.Wake
	}
	return waits
}

// A long training on nodes that come and go waits only for as long as it does not get on.
func TestBackOffBeginsAnewAfterANewerCheckpoint(t *testing.T) {
	first, longest := settings.BackoffInitial, settings.BackoffMax
	for name, told := range map[string]func(int32) (int64, int64){
		"its messages say so":                  func(start int32) (int64, int64) { return int64(start) * 100, 0 },
		"its progress says so, and it is lost": func(start int32) (int64, int64) { return 0, int64(start) * 100 },
	} {
		for i, wait := range interruptions(t, told) {
			if wait != first {
				t.Errorf("%s: after interruption %d it waits for %s, want %s", name, i+1, wait, first)
			}
		}
	}
	for name, told := range map[string]func(int32) (int64, int64){
		"it stores nothing":      func(int32) (int64, int64) { return 0, 0 },
		"it repeats the same":    func(int32) (int64, int64) { return 100, 100 },
		"it starts from scratch": func(start int32) (int64, int64) { return max(100-int64(start), 1), 0 },
	} {
		waits := interruptions(t, told)
		if waits[0] != first || waits[1] != 2*first || waits[11] != longest {
			t.Errorf("%s: it waits for %v", name, waits)
		}
	}
	waits := interruptions(t, func(start int32) (int64, int64) { return int64(start/4) * 100, 0 })
	if waits[2] != 4*first || waits[3] != first || waits[4] != 2*first || waits[7] != first {
		t.Errorf("with a newer checkpoint at every fourth start it waits for %v", waits)
	}
}

// A trainer that is told to stop and has stored a newer checkpoint costs no retry, though
// nobody says who told it.
func TestAStopAfterANewerCheckpointCostsNoRetry(t *testing.T) {
	job := withFiles(makeJob())
	for number := int32(1); number <= 6; number++ {
		job.Status.Starts = number
		pod := makePod(v1alpha1.RoleTrain, number)
		pod.Terminal = true
		pod.Stages[contract.StageTrain] = ended(contract.ExitInterrupted, encode(contract.Message{
			Job: job.Status.ID, Start: number, Stage: contract.StageTrain, Checkpoint: int64(number),
		}))
		job.Status = lifecycle.Decide(observe(job, pod)).Status
	}
	if job.Status.Retries != 0 || job.Status.Disruptions != 6 || job.Status.Phase.Finished() {
		t.Errorf("the job is %s with %d retries and %d disruptions", job.Status.Phase, job.Status.Retries, job.Status.Disruptions)
	}
}

// Credentials that expire again and again in a long training end it only when it stores
// nothing in between.
func TestADenialAfterANewerCheckpointCostsNoRetry(t *testing.T) {
	denied := func(checkpoint func(start int32) int64) v1alpha1.TrainingJobStatus {
		job := withFiles(makeJob())
		now := start
		for range 12 {
			o := observe(job)
			now = now.Add(time.Hour)
			o.Now = now
			job.Status = lifecycle.Decide(o).Status
			number := job.Status.Starts
			pod := makePod(v1alpha1.RoleTrain, number)
			pod.Terminal = true
			pod.Stages[contract.StageTrain] = ended(contract.ExitDenied, encode(contract.Message{
				Job: job.Status.ID, Start: number, Stage: contract.StageTrain, Checkpoint: checkpoint(number),
			}))
			o = observe(job, pod)
			o.Now = now
			if job.Status = lifecycle.Decide(o).Status; job.Status.Phase.Finished() {
				break
			}
		}
		return job.Status
	}
	s := denied(func(start int32) int64 { return int64(start) * 100 })
	if s.Phase.Finished() || s.Retries != 0 || s.Disruptions != 12 || s.ConsecutiveDisruptions != 1 {
		t.Errorf("with newer checkpoints the job is %s with %d retries, %d disruptions, %d in a row", s.Phase, s.Retries, s.Disruptions, s.ConsecutiveDisruptions)
	}
	for name, c := range map[string]struct {
		checkpoint func(int32) int64
		starts     int32
	}{
		"nothing is ever stored":        {func(int32) int64 { return 0 }, 4},
		"only the first stores":         {func(int32) int64 { return 100 }, 5},
		"the others begin from scratch": {func(start int32) int64 { return 100 - int64(start) }, 5},
	} {
		if s := denied(c.checkpoint); s.Phase != v1alpha1.PhaseFailed || s.Starts != c.starts {
			t.Errorf("%s: the job is %s at start %d, want it failed at %d", name, s.Phase, s.Starts, c.starts)
		}
	}
}
