package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// phaseWalk takes one job through observations and collects the phases that the
// decisions enter.
type phaseWalk struct {
	job     *v1alpha1.TrainingJob
	now     time.Time
	entered []v1alpha1.Phase
}

// see decides on the Pods after a moment, and again as an operator does that starts
// anew: what is recorded is not entered twice.
func (p *phaseWalk) see(after time.Duration, pods ...lifecycle.Pod) {
	p.now = p.now.Add(after)
	for range 2 {
		o := observe(p.job, pods...)
		o.Now = p.now
		d := lifecycle.Decide(o)
		for _, e := range d.Entered {
			p.entered = append(p.entered, e.Phase)
		}
		p.job.Status = d.Status
	}
}

// on is a container of a node whose clock is off: it started a moment ago.
func (p *phaseWalk) on(clock time.Duration) lifecycle.Container {
	return lifecycle.Container{State: lifecycle.Running, StartedAt: p.now.Add(clock)}
}

// ends is the container after ten seconds.
func ends(c lifecycle.Container, code int32, text string) lifecycle.Container {
	c.State, c.ExitCode, c.Text, c.FinishedAt = lifecycle.Ended, code, text, c.StartedAt.Add(10*time.Second)
	return c
}

// prepares runs the prepare Pod of that number to its end.
func (p *phaseWalk) prepares(number int32, clock time.Duration, code int32) {
	pod := makePod(v1alpha1.RolePrepare, number)
	download := p.on(clock)
	pod.Stages[contract.StageDownload] = download
	p.see(time.Second, pod)
	pod.Stages[contract.StageDownload] = ends(download, code, "")
	if code != 0 {
		pod.Terminal = true
		p.see(10*time.Second, pod)
		return
	}
	validate := p.on(clock)
	pod.Stages[contract.StageValidate] = validate
	p.see(10*time.Second, pod)
	pod.Stages[contract.StageValidate], pod.Terminal = ends(validate, 0, validMessage(p.job, number)), true
	p.see(10*time.Second, pod)
}

// trains runs the train Pod of that number.
func (p *phaseWalk) trains(number int32, clock time.Duration) lifecycle.Pod {
	pod := makePod(v1alpha1.RoleTrain, number)
	pod.Stages[contract.StageTrain] = p.on(clock)
	p.see(time.Second, pod)
	return pod
}

// endsTrain ends the train Pod.
func (p *phaseWalk) endsTrain(pod lifecycle.Pod, code int32, text string) lifecycle.Pod {
	pod.Stages = map[contract.Stage]lifecycle.Container{contract.StageTrain: ends(pod.Stages[contract.StageTrain], code, text)}
	pod.Terminal = true
	p.see(10*time.Second, pod)
	return pod
}

func (p *phaseWalk) want(t *testing.T, want ...v1alpha1.Phase) {
	t.Helper()
	if !slices.Equal(p.entered, want) {
		t.Errorf("the phases entered are %q, want %q", p.entered, want)
	}
	last := map[v1alpha1.Phase]int{}
	for i, phase := range want {
		last[phase] = i
	}
	inOrder := slices.IsSortedFunc(p.job.Status.PhaseTimes, func(a, b v1alpha1.PhaseTime) int { return last[a.Phase] - last[b.Phase] })
	if !inOrder || len(p.job.Status.PhaseTimes) != len(last) {
		t.Errorf("status.phaseTimes are not in the order %q: %+v", want, p.job.Status.PhaseTimes)
	}
}

// Each phase is entered once each time that the job gets there, in the order in which
// it does, whatever the clocks of its nodes say.
func TestPhasesAreEnteredInTheirOrderWhateverClocksSay(t *testing.T) {
	for prepareName, prepareClock := range clocks {
		for trainName, trainClock := range clocks {
			t.Run("preparing "+prepareName+", training "+trainName, func(t *testing.T) {
				testPhaseOrder(t, prepareClock, trainClock)
			})
		}
	}
}

func testPhaseOrder(t *testing.T, prepareClock, trainClock time.Duration) {
	const (
		initializing, downloading, validating = v1alpha1.PhaseInitializing, v1alpha1.PhaseDownloadingFiles, v1alpha1.PhaseValidatingFiles
		queued, running                       = v1alpha1.PhaseQueued, v1alpha1.PhaseRunning
	)
	t.Run("a job that is interrupted once", func(t *testing.T) {
		p := &phaseWalk{job: makeJob(), now: start}
		p.see(time.Second)
		p.prepares(1, prepareClock, 0)
		first := p.endsTrain(p.trains(1, trainClock), 1, "RuntimeError")
		p.see(time.Minute, first)
		p.endsTrain(p.trains(2, 0), 0, modelMessage(p.job, 2))
		p.want(t, initializing, downloading, validating, queued, running, queued, running, v1alpha1.PhaseSucceeded)
	})
	t.Run("a preparation that is tried again", func(t *testing.T) {
		p := &phaseWalk{job: makeJob(), now: start}
		p.see(time.Second)
		p.prepares(1, prepareClock, contract.ExitStorage)
		p.see(time.Minute)
		p.prepares(2, trainClock, 0)
		p.want(t, initializing, downloading, initializing, downloading, validating, queued)
	})
	t.Run("a job that is cancelled while it trains", func(t *testing.T) {
		p := &phaseWalk{job: makeJob(), now: start}
		p.see(time.Second)
		p.prepares(1, prepareClock, 0)
		pod := p.trains(1, trainClock)
		p.job.Spec.Cancel = ptr.To(true)
		pod.Deleting = true
		p.endsTrain(pod, contract.ExitInterrupted, "")
		p.see(time.Second)
		p.want(t, initializing, downloading, validating, queued, running, v1alpha1.PhaseCancelled)
	})
	t.Run("a failure that no retry mends", func(t *testing.T) {
		p := &phaseWalk{job: makeJob(), now: start}
		p.see(time.Second)
		p.prepares(1, prepareClock, 0)
		p.endsTrain(p.trains(1, trainClock), contract.ExitNotFinite, "")
		p.want(t, initializing, downloading, validating, queued, running, v1alpha1.PhaseFailed)
	})
}
