package lifecycle

import "github.com/swath-dev/swath/api/v1alpha1"

// SlotNeed is what a job wants of the queue.
type SlotNeed int

const (
	// NoSlot means that the job neither trains nor could.
	NoSlot SlotNeed = iota
	// WantsSlot means that the job may train but for the limits of running jobs.
	WantsSlot
	// HoldsSlot means that a start is recorded that is not over.
	HoldsSlot
)

// SlotNeedOf tells what the job wants of the queue. It does not look at
// Observed.Slot, which is the answer.
func SlotNeedOf(o Observed) SlotNeed {
	w := newWorld(o)
	if w.finished() || w.queuedByKueue() {
		return NoSlot
	}
	w.settle()
	if w.train != nil && !w.workEnded(w.train) {
		return HoldsSlot
	}
	if w.role() != v1alpha1.RoleTrain || !w.startable() || w.Refusal != nil {
		return NoSlot
	}
	if w.status.Starts > 0 && w.settled() == nil {
		return HoldsSlot
	}
	if !w.reached(w.notBefore()) {
		return NoSlot
	}
	return WantsSlot
}
