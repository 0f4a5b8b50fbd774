package lifecycle

import (
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// SlotNeed is what a job wants of the queue.
type SlotNeed int

const (
	// NoSlot means that the job neither trains nor could.
	NoSlot SlotNeed = iota
	// WantsSlot means that the job may train but for the limits of running jobs.
	WantsSlot
	// PassesSlot is WantsSlot of a job that could not use its slot for long: the next
	// in line gets it first.
	PassesSlot
	// HoldsSlot means that a start is recorded that is not over.
	HoldsSlot
)

// SlotNeedOf tells what the job wants of the queue. It does not look at
// Observed.Slot, which is the answer.
func SlotNeedOf(o Observed) SlotNeed {
	w := newWorld(o)
	if w.trains() {
		return HoldsSlot
	}
	if w.finished() || w.queuedByKueue() {
		return NoSlot
	}
	w.settle()
	if w.trains() {
		return HoldsSlot
	}
	if w.role() != v1alpha1.RoleTrain {
		return NoSlot
	}
	if w.status.Starts > 0 && w.settled() == nil {
		return w.needOfStart()
	}
	if !w.startable() || w.Refusal != nil || !w.reached(w.notBefore()) {
		return NoSlot
	}
	if w.added != nil && slotPassed(w.added.Reason) {
		return PassesSlot
	}
	return WantsSlot
}

// needOfStart is what a start that is counted and not over wants. Its Pod may be there
// and not be seen yet, so that it holds its slot; but where the recorded reason is that
// the Pod was refused, or it was refused just now, there is none.
func (w *world) needOfStart() SlotNeed {
	switch {
	case w.train != nil || !w.startable():
		return HoldsSlot
	case w.Refusal != nil && w.refusedForLong():
		return PassesSlot
	case w.Refusal == nil && w.refusedStart():
		return WantsSlot
	}
	return HoldsSlot
}

// refusedForLong tells whether the Pod was refused just now, and has been for so long
// that the slot is of more use to another.
func (w *world) refusedForLong() bool {
	return w.Refusal.Tried && RefusedForLong(w.status, w.Settings.UnschedulableAfter, w.Now)
}

// RefusedForLong reports whether the job's Pod has been refused for so long that its slot
// is of more use to another; never when after is 0.
func RefusedForLong(status *v1alpha1.TrainingJobStatus, after time.Duration, now time.Time) bool {
	return after > 0 && status.BlockedSince != nil && !now.Before(status.BlockedSince.Add(after))
}

// trains tells whether a train Pod of the job can work, of any start. Those that Kueue
// queues do not count.
func (w *world) trains() bool {
	for i := range w.Pods {
		if p := &w.Pods[i]; p.Role == v1alpha1.RoleTrain && !p.QueuedByKueue && !w.workEnded(p) {
			return true
		}
	}
	return false
}
