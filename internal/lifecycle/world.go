package lifecycle

import (
	"math"
	"time"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// defaultBackoffLimit is how often a failed stage is started again when
// spec.backoffLimit is left out.
const defaultBackoffLimit = 3

// world is what was observed together with the status that is being made.
type world struct {
	Observed
	// status begins as a copy of what is recorded.
	status *v1alpha1.TrainingJobStatus
	// prepare and train are the Pods of the recorded numbers, nil when there
	// are none.
	prepare *Pod
	train   *Pod
	// prepared and trained are how the work of these Pods ended; nil while it
	// goes on.
	prepared *outcome
	trained  *outcome
	// entered collects when phases were entered that were not recorded before.
	entered []v1alpha1.PhaseTime
	// added is the attempt that was added; nil for none.
	added *v1alpha1.Attempt
	// needsLive is set when something goes by a Pod not being there or having no node.
	needsLive bool
	// wake is when something is due that only time brings.
	wake time.Time
}

func newWorld(o Observed) *world {
	w := &world{Observed: o, status: o.Job.Status.DeepCopy()}
	w.status.ID = contract.RecordedJobID(w.status.ID, string(o.Job.UID))
	w.status.ObservedGeneration = o.Job.Generation
	w.countUnrecorded()
	for i := range o.Pods {
		p := &o.Pods[i]
		switch {
		case p.Role == v1alpha1.RolePrepare && p.Number == w.status.Prepares:
			w.prepare = p
		case p.Role == v1alpha1.RoleTrain && p.Number == w.status.Starts:
			w.train = p
		}
	}
	w.remember(w.settled())
	w.prepared, w.trained = w.outcomeOf(w.prepare), w.outcomeOf(w.train)
	return w
}

// countUnrecorded counts the first preparation by its Pod, when that was made before
// anything was recorded of the job. Its number needs no record: it is the first.
func (w *world) countUnrecorded() {
	if !w.unrecorded() {
		return
	}
	for i := range w.Pods {
		if p := &w.Pods[i]; p.Role == v1alpha1.RolePrepare && p.Number == 1 {
			w.status.Prepares = 1
		}
	}
}

// unrecorded tells whether nothing is recorded of the job yet.
func (w *world) unrecorded() bool { return w.Job.Status.ID == "" }

func (w *world) cancel() bool { return ptr.Deref(w.Job.Spec.Cancel, false) }

func (w *world) suspended() bool { return ptr.Deref(w.Job.Spec.Suspend, false) && !w.cancel() }

func (w *world) finished() bool { return w.Job.Status.Phase.Finished() }

func (w *world) beingDeleted() bool { return w.Job.DeletionTimestamp != nil }

func (w *world) filesReady() bool { return w.status.Files != nil }

// queuedByKueue tells whether Kueue decides when the job trains; our own limits
// do not count such jobs. Of a job that has its train Pod the label of that decides:
// one that is put on the job later frees no slot.
func (w *world) queuedByKueue() bool {
	if w.train != nil && !w.workEnded(w.train) {
		return w.train.QueuedByKueue
	}
	return w.Settings.Kueue && w.Job.Labels[v1alpha1.KueueQueueLabel] != ""
}

func (w *world) backoffLimit() int32 {
	return ptr.Deref(w.Job.Spec.BackoffLimit, defaultBackoffLimit)
}

// role is what Pod the job needs next or has now.
func (w *world) role() string {
	if w.filesReady() {
		return v1alpha1.RoleTrain
	}
	return v1alpha1.RolePrepare
}

// current is the Pod that is at work for the role, and its number.
func (w *world) current() (*Pod, int32) {
	if w.role() == v1alpha1.RoleTrain {
		return w.train, w.status.Starts
	}
	return w.prepare, w.status.Prepares
}

// lastAttempt is the newest attempt of the role at hand; nil when it had none.
func (w *world) lastAttempt() *v1alpha1.Attempt {
	if len(w.status.Attempts) == 0 {
		return nil
	}
	last := &w.status.Attempts[len(w.status.Attempts)-1]
	if (last.Stage == string(contract.StageTrain)) != (w.role() == v1alpha1.RoleTrain) {
		return nil
	}
	return last
}

// settled is the newest attempt if it is about the newest start: that start is
// over and recorded.
func (w *world) settled() *v1alpha1.Attempt {
	_, number := w.current()
	if last := w.lastAttempt(); last != nil && last.Number == number {
		return last
	}
	return nil
}

// gone tells whether the Pod can do no more work: it is not there, has ended, or
// its node is lost.
func (w *world) gone(p *Pod) bool {
	return p == nil || p.Terminal || p.lost(w.Now, w.Settings.LostAfter)
}

// allEnded tells whether no Pod of the job can do any more work of ours. The
// kubelet, or a sidecar of others, may still be at one.
func (w *world) allEnded() bool {
	for i := range w.Pods {
		if !w.workEnded(&w.Pods[i]) {
			return false
		}
	}
	return true
}

// allGone tells whether no Pod of the job does anything any more.
func (w *world) allGone() bool {
	for i := range w.Pods {
		if !w.gone(&w.Pods[i]) {
			return false
		}
	}
	return true
}

// noneLeft tells whether no Pod of the job is there any more; only a lost node
// may still have one in its books.
func (w *world) noneLeft() bool {
	for i := range w.Pods {
		if !w.Pods[i].lost(w.Now, w.Settings.LostAfter) {
			return false
		}
	}
	return true
}

// trainedFor is how long the container has trained that is at it or has just ended,
// while that is not part of status.trainedSeconds.
func (w *world) trainedFor(c Container) time.Duration {
	if c.StartedAt.IsZero() || w.settled() != nil {
		return 0
	}
	if c.FinishedAt.IsZero() {
		return max(0, w.Now.Sub(w.runningSince(c)))
	}
	return w.ranFor(c.StartedAt, c.FinishedAt)
}

// ranFor is how long a container of the train Pod ran, by its own times, but not for
// longer than the Pod has had its node by our clock: a node's clock may have been set
// in between.
func (w *world) ranFor(started, finished time.Time) time.Duration {
	ran := max(0, finished.Sub(started))
	if w.train == nil || w.train.ScheduledAt.IsZero() {
		return ran
	}
	return min(ran, max(0, w.Now.Sub(w.train.ScheduledAt)))
}

// runningSince is since when a container of the train Pod runs, to be compared with our
// own clock: not before the scheduler gave the Pod its node, whatever the node's clock
// says.
func (w *world) runningSince(c Container) time.Time {
	if w.train != nil && w.train.ScheduledAt.After(c.StartedAt) {
		return w.train.ScheduledAt
	}
	return c.StartedAt
}

// clockDifference is by how much a node's time may lie behind ours and be believed.
const clockDifference = time.Minute

// seenAt is when something ended, by our own clock: back-off, ttlSecondsAfterFinished
// and the time that finished Pods stay are counted from it. A node's time is taken as
// long as its clock may be right. One that is ahead would have a job wait for as long as
// it is; one that is behind would have it be deleted before anyone has seen its end.
func (w *world) seenAt(t time.Time) time.Time {
	if t.After(w.Now) || w.Now.Sub(t) > clockDifference {
		return w.Now
	}
	return t
}

func (w *world) pastDeadline(c Container) bool {
	left, limited := w.timeToTrain()
	return limited && w.trainedFor(c) >= left
}

// timeToTrain is what the starts that are recorded have left of activeDeadlineSeconds;
// limited is false when there is no deadline.
func (w *world) timeToTrain() (left time.Duration, limited bool) {
	deadline := w.Job.Spec.ActiveDeadlineSeconds
	if deadline == nil {
		return 0, false
	}
	return seconds(*deadline - max(0, w.status.TrainedSeconds)), true
}

// seconds is n seconds, or the longest duration there is: 300 years.
func seconds(n int64) time.Duration {
	if n > int64(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Second
}
