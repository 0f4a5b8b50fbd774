package lifecycle_test

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/queue"
)

// slots are the queue of the simulation: one slot, and another job that wants it, too.
type slots struct {
	ledger *queue.Ledger
	// trains is set while the other job trains.
	trains bool
}

var (
	ships = queue.Job{UID: "uid-1", Name: types.NamespacedName{Namespace: "default", Name: "ships"}, Created: start}
	rival = queue.Job{UID: "uid-2", Name: types.NamespacedName{Namespace: "default", Name: "rival"}, Created: start.Add(time.Second)}
)

// askQueue asks for the job's slot on what was observed, which may be old, as the
// controller does before each decision.
func (s *simulation) askQueue(o *lifecycle.Observed) {
	job := ships
	job.Refused = o.Job.Status.BlockedSince != nil
	switch need := lifecycle.SlotNeedOf(*o); need {
	case lifecycle.HoldsSlot:
		s.slots.ledger.Hold(job)
		o.Slot = lifecycle.Slot{Granted: true, Wanted: s.slots.ledger.Wanted(job.UID)}
	case lifecycle.WantsSlot, lifecycle.PassesSlot:
		if need == lifecycle.PassesSlot {
			s.slots.ledger.Yield(job.UID)
		}
		answer, _ := s.slots.ledger.Ask(job)
		o.Slot = lifecycle.Slot{Granted: answer.Granted, Position: answer.Position, Limit: answer.Limit}
	}
	s.checkSlots()
}

// giveBack gives the slot back on what was decided on in the end, if the job is the one
// that is recorded, as the controller does after each decision.
func (s *simulation) giveBack(o lifecycle.Observed, recorded, current bool) {
	if lifecycle.SlotNeedOf(o) == lifecycle.NoSlot && (recorded || current) {
		s.slots.ledger.Release(ships.UID)
	}
	s.checkSlots()
}

// newLeader begins with the account of who trains that a live list gives.
func (s *simulation) newLeader() {
	s.slots.ledger = queue.NewLedger(1, 0)
	if s.slots.trains {
		s.slots.ledger.Hold(rival)
	}
	if lifecycle.SlotNeedOf(s.observed(s.job.DeepCopy(), s.livePods())) == lifecycle.HoldsSlot {
		s.slots.ledger.Hold(ships)
	}
}

// checkSlots checks that whoever can train holds a slot, and that not both jobs train.
func (s *simulation) checkSlots() {
	if s.now.Before(s.unseen) && (s.slots.trains || !s.slots.ledger.Holds(ships.UID)) {
		s.t.Fatalf("the slot of a trainer whose Pod vanished was given away")
	}
	for _, p := range s.pods {
		if p.Role != v1alpha1.RoleTrain || !canWork(p) || s.lost(p) {
			continue
		}
		if s.slots.trains {
			s.t.Fatalf("another job trains beside Pod %s in the only slot", p.Name)
		}
		if !s.slots.ledger.Holds(ships.UID) {
			s.t.Fatalf("the slot of Pod %s was given away: %+v", p.Name, p)
		}
	}
}

// deleteByForce deletes the Pod without grace: its node may not even know.
func (s *simulation) deleteByForce(name string) {
	p := s.pods[name]
	if !p.HoldsResult {
		delete(s.pods, name)
		s.podsChanged()
		return
	}
	s.change(name, p.UID, func(p *lifecycle.Pod) {
		p.Deleting, p.DeletedAt, p.DeleteBy = true, s.now, s.now
		p.Terminal = p.Terminal || p.Node == ""
	})
}

// vanish removes a Pod with its finalizer. Its trainer, if it is known to run, runs on.
func (s *simulation) vanish(name string) {
	p := s.pods[name]
	status := &s.job.Status
	if p.Stages[contract.StageTrain].State != lifecycle.Running || s.lost(p) || status.Phase != v1alpha1.PhaseRunning || p.Number != status.Starts {
		return
	}
	s.unseen = s.now.Add(settings.LostAfter)
	delete(s.pods, name)
	s.podsChanged()
}

// rivals are what the other job does, and what scheduler and nodes do.
func (s *simulation) rivals() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"another job asks for the slot": func(*rapid.T) {
			answer, _ := s.slots.ledger.Ask(rival)
			s.slots.trains = answer.Granted
			s.checkSlots()
		},
		"the other job ends": func(*rapid.T) {
			s.slots.trains = false
			s.slots.ledger.Release(rival.UID)
		},
		"the cache of Pods stands still": func(t *rapid.T) {
			for range rapid.IntRange(1, 4).Draw(t, "rounds") {
				s.jobAt = len(s.jobs) - 1
				s.operate(100)
			}
		},
		"something keeps a Pod from starting": func(t *rapid.T) {
			name, what := s.somePod(t), rapid.SampledFrom(slices.Sorted(maps.Keys(hindrances))).Draw(t, "what")
			if name == "" || s.pods[name].Deleting || s.pods[name].Terminal || len(s.pods[name].Stages) > 0 {
				return
			}
			s.change(name, s.pods[name].UID, func(p *lifecycle.Pod) { hindrances[what](p, s.now) })
		},
	}
}

// hindrances are what keeps the containers of a Pod from starting.
var hindrances = map[string]func(*lifecycle.Pod, time.Time){
	"no node takes it": func(p *lifecycle.Pod, now time.Time) {
		p.Node, p.ScheduledAt, p.Unschedulable, p.UnschedulableSince = "", time.Time{}, "0/3 nodes are available", now
	},
	"no scheduler looks at it": func(p *lifecycle.Pod, _ time.Time) { p.Node, p.ScheduledAt = "", time.Time{} },
	"nobody opens its gate": func(p *lifecycle.Pod, _ time.Time) {
		p.Node, p.ScheduledAt, p.Gates = "", time.Time{}, []string{"kueue.x-k8s.io/admission"}
	},
	"its sandbox fails": func(p *lifecycle.Pod, _ time.Time) {
		p.Trouble, p.TroubleRead = &lifecycle.Refusal{Reason: v1alpha1.ReasonSandboxFailed, Message: "no IP addresses available"}, true
	},
	"a sidecar of others never gets ready": func(p *lifecycle.Pod, _ time.Time) {
		p.Stages = waitingStages(lifecycle.Container{WaitReason: "PodInitializing"})
	},
	"its node says nothing": func(*lifecycle.Pod, time.Time) {},
	"its image is not there": func(p *lifecycle.Pod, _ time.Time) {
		p.Stages = waitingStages(lifecycle.Container{WaitReason: "ImagePullBackOff", WaitMessage: "not found"})
	},
}

func waitingStages(c lifecycle.Container) map[contract.Stage]lifecycle.Container {
	return map[contract.Stage]lifecycle.Container{contract.StageDownload: c, contract.StageTrain: c}
}

// place gives the Pod a node, if it has none and may still get one.
func (s *simulation) place(p *lifecycle.Pod) {
	p.Gates = nil
	if p.ScheduledAt.IsZero() && !p.Deleting {
		p.Node, p.ScheduledAt, p.Unschedulable, p.UnschedulableSince = "node-1", s.now, "", time.Time{}
	}
}
