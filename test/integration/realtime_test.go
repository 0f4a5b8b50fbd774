package integration

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// inRealTime has nothing but real time bring the operator to what is due. What the
// test itself does is dated by the clock, which stands still.
func inRealTime(s *stage) { s.inRealTime = true }

// Nobody touches the job once it trains.
func TestADeadlineInRealTime(t *testing.T) {
	s := newStage(t, inRealTime)
	job := newJob("ships")
	job.Spec.ActiveDeadlineSeconds = ptr.To[int64](2)
	s.submit(job)
	s.prepared(job)
	pod := s.onNode(s.pod(job, v1alpha1.RoleTrain, 1))
	s.clock.SetTime(time.Now())
	pod.runs(contract.StageTrain)
	s.phase(job, v1alpha1.PhaseRunning)
	pod.deleting()
	// Times in a status are whole seconds.
	if trained := time.Since(s.clock.Now().Truncate(time.Second)); trained < 2*time.Second {
		t.Errorf("the Pod is deleted %s after training began", trained)
	}
	s.clock.SetTime(time.Now())
	pod.ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	end := s.phase(job, v1alpha1.PhaseFailed)
	if condition(end, v1alpha1.ConditionFailed) != "True DeadlineExceeded" {
		t.Errorf("the job is %s", describe(end))
	}
}

// Nobody touches the job once it has ended.
func TestATimeToLiveInRealTime(t *testing.T) {
	s := newStage(t, inRealTime)
	job := newJob("ships")
	job.Spec.TTLSecondsAfterFinished = ptr.To[int32](1)
	s.submit(job)
	k := s.training(job)
	s.clock.SetTime(time.Now())
	k.says(contract.StageTrain, trained(s.job(job), 1))
	s.eventually("the job is gone", func() error {
		if _, err := s.get(job); !apierrors.IsNotFound(err) {
			return errNotYet
		}
		return nil
	})
	if lived := time.Since(s.clock.Now().Truncate(time.Second)); lived < time.Second {
		t.Errorf("the job is deleted %s after its end", lived)
	}
}

// A failure is tried again when its back-off is over, though nobody touches the job.
func TestABackOffInRealTime(t *testing.T) {
	s := newStage(t, inRealTime, func(s *stage) { s.config.Retry.BackoffInitial.Duration = 2 * time.Second })
	job := s.submit(newJob("ships"))
	k := s.training(job)
	s.clock.SetTime(time.Now())
	k.ends(contract.StageTrain, 1, "out of luck")
	s.pod(job, v1alpha1.RoleTrain, 2)
	if waited := time.Since(s.clock.Now()); waited < time.Second {
		t.Errorf("the second start came %s after the first", waited)
	}
}
