package lifecycle_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"pgregory.net/rapid"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// toTrainPod brings the job to its first train Pod.
func (s *simulation) toTrainPod() {
	for !slices.Contains(slices.Collect(maps.Keys(s.pods)), "ships-train-1") {
		s.fresh()
		s.now = s.now.Add(time.Second)
		s.work("ships-prepare-1", 0, "")
	}
}

// fresh is a reconcile on what is true now.
func (s *simulation) fresh() {
	s.jobAt, s.podsAt = len(s.jobs)-1, len(s.podLists)-1
	s.operate(100)
}

// The only slot goes to the next in line in its time, whatever keeps the Pod of the job
// that has it from running, and that job has its model all the same.
func TestASlotGoesOnWhateverKeepsATrainerFromStarting(t *testing.T) {
	for name, hinder := range hindrances {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s := newSimulation(t)
				s.toTrainPod()
				s.change("ships-train-1", s.pods["ships-train-1"].UID, func(p *lifecycle.Pod) { hinder(p, s.now) })
				s.fresh()
				deadline := s.now.Add(6 * time.Minute)
				for !s.slots.trains {
					if s.now.After(deadline) {
						t.Fatalf("the other job waits for the slot still: %s\n%+v", encodeStatus(&s.job.Status), s.pods)
					}
					answer, _ := s.slots.ledger.Ask(rival)
					s.slots.trains = answer.Granted
					s.checkSlots()
					s.now = s.now.Add(15 * time.Second)
					s.fresh()
					if s.pods["ships-train-1"].Deleting {
						s.kill("ships-train-1", "")
					}
				}
				status := &s.job.Status
				if status.Retries != 0 || status.Disruptions != 0 || len(status.Attempts) != 1 {
					t.Fatalf("it costs the job something: %s", encodeStatus(status))
				}
				s.settleDown()
				if s.job.Status.Phase != v1alpha1.PhaseSucceeded {
					t.Fatalf("the job is %s", encodeStatus(&s.job.Status))
				}
			})
		})
	}
}

// A job that cannot start fails in its time, though it gives its slot to others in
// between: the time in which it waited for a slot does not count.
func TestAJobThatCannotStartFailsThoughItsSlotGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSimulation(t)
		s.toTrainPod()
		blocked := time.Duration(0)
		for lends := 0; !s.job.Status.Phase.Finished(); {
			if blocked > settings.BlockedTimeout+2*time.Minute || lends > 2 {
				t.Fatalf("after %s and %d slots the job is %s", blocked, lends, encodeStatus(&s.job.Status))
			}
			name := s.somePod(t)
			for _, p := range s.pods {
				if p.Role == v1alpha1.RoleTrain {
					name = p.Name
				}
			}
			if p := s.pods[name]; p.Role == v1alpha1.RoleTrain && !p.Deleting {
				s.change(name, p.UID, func(p *lifecycle.Pod) { hindrances["its image is not there"](p, s.now) })
				blocked += 15 * time.Second
			}
			answer, _ := s.slots.ledger.Ask(rival)
			s.slots.trains = answer.Granted
			s.checkSlots()
			s.now = s.now.Add(15 * time.Second)
			s.fresh()
			if s.pods[name].Deleting {
				s.kill(name, "")
			}
			if s.slots.trains {
				lends++
				s.now = s.now.Add(time.Hour)
				s.slots.trains = false
				s.slots.ledger.Release(rival.UID)
			}
		}
		if end := lifecycle.EndReason(&s.job.Status); end != v1alpha1.ReasonImagePullFailed || blocked < settings.BlockedTimeout-time.Minute {
			t.Fatalf("after %s the job is %s", blocked, encodeStatus(&s.job.Status))
		}
	})
}

// A kubelet ends a container that was never made with a status that it does not know.
func TestAPodThatNeverStartedIsNoDisruption(t *testing.T) {
	unknown := lifecycle.Container{State: lifecycle.Ended, ExitCode: 137, Reason: "ContainerStatusUnknown"}
	cases := map[string]struct {
		change func(*lifecycle.Observed)
		want   string
	}{
		"its slot went to another": {func(o *lifecycle.Observed) {
			o.Settings.UnschedulableAfter, o.Slot.Wanted, o.Now = 5*time.Minute, true, start.Add(time.Hour)
			o.Job.Status = lifecycle.Decide(*o).Status
		}, v1alpha1.ReasonStartTimeout},
		"spec.pod has changed": {func(o *lifecycle.Observed) { o.Pods[0].Outdated = true }, v1alpha1.ReasonReplaced},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := training(func(o *lifecycle.Observed) { o.Pods[0].Stages = map[contract.Stage]lifecycle.Container{} })()
			c.change(&o)
			o.Pods[0].Deleting, o.Pods[0].DeletedAt, o.Pods[0].DeleteBy = true, o.Now, o.Now.Add(2*time.Minute)
			o.Pods[0].Terminal, o.Pods[0].Stages[contract.StageTrain] = true, unknown
			d := lifecycle.Decide(o)
			if d.Settled == nil || d.Settled.Reason != c.want || d.Status.Disruptions != 0 {
				t.Errorf("it is settled as %+v", d.Settled)
			}
		})
	}
}

// The condition says that the slot goes to another, and for what cause, until it has.
func TestTheConditionSaysWhyASlotIsPassedOn(t *testing.T) {
	o := training(func(o *lifecycle.Observed) {
		hindrances["its sandbox fails"](&o.Pods[0], start)
		o.Pods[0].Stages = map[contract.Stage]lifecycle.Container{}
		o.Settings.UnschedulableAfter, o.Slot.Wanted, o.Now = 5*time.Minute, true, start.Add(5*time.Minute)
	})()
	for _, deleting := range []bool{false, true} {
		o.Pods[0].Deleting, o.Pods[0].DeletedAt, o.Pods[0].DeleteBy = deleting, o.Now, o.Now.Add(2*time.Minute)
		d := lifecycle.Decide(o)
		c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionRunning)
		if c.Reason != v1alpha1.ReasonStartTimeout || !strings.Contains(c.Message, "did not start within 5m0s: no IP addresses available; the Pod is deleted and its slot goes to the next job") {
			t.Errorf("the condition says %s: %s", c.Reason, c.Message)
		}
		o.Job.Status = d.Status
	}
}
