package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// lends holds for a train Pod whose trainer has not started for so long that the job
// gives its slot to the next in line, whatever keeps it. The Pod has to go for that: were
// it kept, it could start at any moment, beside the job that has got the slot. That it
// has not started has to be true now, not only in the cache.
func (w *world) lends(p *Pod) bool {
	after, since := w.Settings.UnschedulableAfter, p.waitsSince()
	if after == 0 || p != w.train || p.QueuedByKueue || since.IsZero() || !w.Slot.Wanted || !w.reached(since.Add(after)) {
		return false
	}
	w.needsLive = true
	return true
}

// slotPassed holds for the reasons of attempts that gave their slot to another job.
func slotPassed(reason string) bool {
	return reason == v1alpha1.ReasonUnschedulable || reason == v1alpha1.ReasonStartTimeout
}

// lendingSuffix is said in the condition of a Pod that gives its slot to another.
const lendingSuffix = "; the Pod is deleted and its slot goes to the next job"

// lending is what the condition says of a train Pod that is deleted for its slot, until
// it has ended; empty for others. That no node takes a Pod has words of its own.
func (w *world) lending(refusal *Refusal) string {
	p := w.train
	if p == nil || w.settled() != nil {
		return ""
	}
	if p.Deleting {
		return w.recordedLending(p)
	}
	if p.unplaced() || !w.lends(p) {
		return ""
	}
	_, cause := w.podWaitsFor(p)
	if refusal != nil {
		cause = refusal.Message
	}
	cause = shorten(cause, maxAttemptMessage)
	return fmt.Sprintf("the trainer of Pod %s did not start within %s: %s", p.Name, w.Settings.UnschedulableAfter, cause) + lendingSuffix
}

// recordedLending is what is recorded of a Pod that was deleted for its slot and has not
// started since; empty for others.
func (w *world) recordedLending(p *Pod) string {
	c := meta.FindStatusCondition(w.Job.Status.Conditions, v1alpha1.ConditionRunning)
	if c == nil || c.Reason != v1alpha1.ReasonStartTimeout || !p.stage(contract.StageTrain).neverStarted() {
		return ""
	}
	return c.Message
}

// neverStarted holds for a container that was never made. The kubelet ends one in a Pod
// that is deleted before with a status that it does not know.
func (c Container) neverStarted() bool {
	return c.State == Waiting || c.State == Ended && c.StartedAt.IsZero() && c.Reason == "ContainerStatusUnknown"
}

// lent holds for a Pod that was deleted because its trainer did not start in time.
func lent(w *world, p *Pod, c Container) bool {
	return p.Role == v1alpha1.RoleTrain && w.recordedLending(p) != "" && deleted(w, p, c)
}

func lentSentence(w *world, p *Pod, _ Container) string {
	return strings.TrimSuffix(w.recordedLending(p), lendingSuffix)
}

// staysBlocked tells whether the job is still blocked while nothing shows it: its Pod was
// blocked, gave its slot to another, and the one after it has not started yet. Otherwise
// a job that cannot start would change places with others for ever.
func (w *world) staysBlocked() bool {
	if w.role() != v1alpha1.RoleTrain {
		return false
	}
	if w.train != nil && w.train.Deleting && w.settled() == nil {
		return w.recordedLending(w.train) != ""
	}
	last := w.lastAttempt()
	if last == nil || last.Reason != v1alpha1.ReasonStartTimeout {
		return false
	}
	return w.settled() != nil || w.train.stage(contract.StageTrain).State == Waiting
}

// resumeBlocked has the time that the job waited for its new slot not count as blocked.
func (w *world) resumeBlocked() {
	a := w.settled()
	if w.status.BlockedSince == nil || a == nil || a.Reason != v1alpha1.ReasonStartTimeout || a.FinishedAt == nil {
		return
	}
	waited := max(0, w.Now.Sub(a.FinishedAt.Time))
	w.status.BlockedSince = &metav1.Time{Time: w.status.BlockedSince.Add(waited)}
}

// watchSlot looks whether another job waits for the slot of a Pod that does not start.
// Nobody else would tell this job.
func (w *world) watchSlot() {
	since := w.train.waitsSince()
	if w.Settings.UnschedulableAfter == 0 || since.IsZero() || !w.needsSlot() {
		return
	}
	if w.reached(since.Add(w.Settings.UnschedulableAfter)) {
		w.reached(w.Now.Add(lendingRetry))
	}
}

// lendingRetry is how often a job that could give its slot to another looks whether
// one waits. That costs no request to the API server.
const lendingRetry = 15 * time.Second
