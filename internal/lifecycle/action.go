package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// sidecarGrace is how long the sidecars of others may go on after the work of a
// Pod has ended, before the Pod is deleted.
const sidecarGrace = 30 * time.Second

// ActionKind is a kind of action.
type ActionKind string

// The actions.
const (
	// CreatePod makes the Pod of a role and number.
	CreatePod ActionKind = "CreatePod"
	// DeletePod deletes a Pod, with its grace period.
	DeletePod ActionKind = "DeletePod"
	// ReleasePod removes the finalizer that held a Pod until its result was
	// recorded.
	ReleasePod ActionKind = "ReleasePod"
	// DeleteJob deletes the TrainingJob.
	DeleteJob ActionKind = "DeleteJob"
)

// Action is something to do once the status is recorded. Doing it twice is the
// same as doing it once.
type Action struct {
	Kind ActionKind
	// Role and Number are of the Pod to make.
	Role   string
	Number int32
	// Pod and UID are of the Pod to delete or release.
	Pod string
	UID types.UID
	// Why is the reason, for the log.
	Why string
}

// actions are what to do next, in order, and the counts of what is started are
// put into the status.
func (w *world) actions() []Action {
	var actions []Action
	for i := range w.Pods {
		p := &w.Pods[i]
		if p.HoldsResult && w.workEnded(p) {
			actions = append(actions, Action{Kind: ReleasePod, Pod: p.Name, UID: p.UID, Why: "its result is recorded"})
		}
		if why := w.unwanted(p); why != "" && !p.Deleting {
			actions = append(actions, Action{Kind: DeletePod, Pod: p.Name, UID: p.UID, Why: why})
		}
	}
	if w.status.Phase.Finished() {
		if w.expired() {
			actions = append(actions, Action{Kind: DeleteJob, Why: "ttlSecondsAfterFinished has passed"})
		}
		return actions
	}
	if start := w.start(); start != nil {
		actions = append(actions, *start)
	}
	return actions
}

// workEnded tells whether nothing is to be learnt from the Pod any more. The
// result of what has ended was settled before.
func (w *world) workEnded(p *Pod) bool {
	return p == nil || !p.Works(w.Now, w.Settings.LostAfter)
}

// unwanted says why the Pod has to go; empty while it may stay.
func (w *world) unwanted(p *Pod) string {
	for _, rule := range unwantedRules {
		if rule.holds(w, p) {
			return rule.why
		}
	}
	return ""
}

// unwantedRules are the reasons for which Pods are deleted.
var unwantedRules = []struct {
	why   string
	holds func(*world, *Pod) bool
}{
	{"the job is cancelled", func(w *world, _ *Pod) bool {
		return w.cancel() && !w.finished() || w.status.Phase == v1alpha1.PhaseCancelled
	}},
	{"finished Pods are kept only for a time", (*world).keptLongEnough},
	{"its work has ended and others' containers still run", (*world).lingers},
	{"the job has ended", func(w *world, p *Pod) bool {
		return w.status.Phase.Finished() && !p.Terminal && p.stage(p.mainStage()).State != Ended
	}},
	{"the job fails", func(w *world, p *Pod) bool { return w.failure() != nil && !w.status.Phase.Finished() && !p.Terminal }},
	{"the job is not at this start", (*world).stray},
	{"the job is suspended", func(w *world, p *Pod) bool { return w.suspended() && !w.workEnded(p) }},
	{"spec.pod has changed before the trainer ran", func(w *world, p *Pod) bool { return p == w.train && w.replaceable(p) }},
	{"its trainer does not start and another job waits for its slot", (*world).lends},
	{"activeDeadlineSeconds has passed", func(w *world, p *Pod) bool {
		return p == w.train && !w.workEnded(p) && w.pastDeadline(p.stage(contract.StageTrain))
	}},
}

// replaceable holds for a Pod of an older spec.pod whose trainer has not run.
func (w *world) replaceable(p *Pod) bool {
	return p.Outdated && p.stage(contract.StageTrain).State == Waiting && !w.workEnded(p)
}

// keptLongEnough holds for a finished Pod whose job ended long enough ago.
func (w *world) keptLongEnough(p *Pod) bool {
	if !w.status.Phase.Finished() || w.Settings.KeepPods == nil || w.status.FinishedAt == nil || !p.Terminal {
		return false
	}
	return w.reached(w.status.FinishedAt.Add(*w.Settings.KeepPods))
}

// lingers holds for a Pod whose work has ended while containers of others keep
// it, and its resources, alive.
func (w *world) lingers(p *Pod) bool {
	c := p.stage(p.mainStage())
	if p.Terminal || c.State != Ended {
		return false
	}
	// A node whose clock is ahead would have it linger for as long as it is.
	return c.FinishedAt.IsZero() || c.FinishedAt.After(w.Now) || w.reached(c.FinishedAt.Add(sidecarGrace))
}

// stray holds for a Pod of another start than the recorded one, while it may
// still work.
func (w *world) stray(p *Pod) bool {
	if p == w.prepare || p == w.train || w.workEnded(p) {
		return false
	}
	return !w.status.Phase.Finished()
}

func (w *world) expired() bool {
	ttl := w.Job.Spec.TTLSecondsAfterFinished
	if ttl == nil || w.status.FinishedAt == nil || w.beingDeleted() {
		return false
	}
	return w.reached(w.status.FinishedAt.Add(seconds(int64(*ttl))))
}

// start is the Pod to make now, if any. A new start is counted in the status, so
// that it is recorded before its Pod is made.
func (w *world) start() *Action {
	if !w.startable() || w.Refusal != nil {
		return nil
	}
	_, number := w.current()
	fresh := number == 0 || w.settled() != nil
	if fresh && !w.reached(w.notBefore()) {
		return nil
	}
	if (fresh || w.refusedStart()) && w.needsSlot() && !w.Slot.Granted {
		return nil
	}
	if fresh {
		number = w.countStart()
	}
	return &Action{Kind: CreatePod, Role: w.role(), Number: number, Why: "the job needs it"}
}

// startable tells whether the job needs a Pod and nothing of the job itself is in
// the way: it is not at its end or held, and no Pod of it can still work.
func (w *world) startable() bool {
	if w.finished() || w.cancel() || w.beingDeleted() || w.failure() != nil || !w.allEnded() {
		return false
	}
	if w.suspended() || w.succeeded() {
		return false
	}
	p, _ := w.current()
	return p == nil || w.settled() != nil
}

// countStart counts the next start, and the retry if it is one. The Pod before it is
// no longer what the phase goes by.
func (w *world) countStart() int32 {
	defer func() { w.status.Phase = w.phase() }()
	if a := w.settled(); a != nil && !w.isDisruption(a) {
		w.status.Retries++
	}
	if w.role() == v1alpha1.RoleTrain {
		w.resumeBlocked()
		w.status.Starts++
		w.train = nil
		return w.status.Starts
	}
	w.status.Prepares++
	w.prepare = nil
	if last := w.lastEntered(); last != "" && last != v1alpha1.PhaseInitializing {
		w.enter(v1alpha1.PhaseInitializing, w.Now)
	}
	return w.status.Prepares
}

func (w *world) needsSlot() bool {
	return w.role() == v1alpha1.RoleTrain && !w.queuedByKueue()
}
