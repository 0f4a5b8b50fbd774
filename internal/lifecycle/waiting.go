package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// running is the condition Running: that the trainer runs, and by what it is being
// stopped if so, or what the job waits for. A job that cannot go on never stays silent.
func (w *world) running(refusal *Refusal) say {
	switch w.status.Phase {
	case v1alpha1.PhaseSucceeded:
		return say{false, v1alpha1.ReasonSucceeded, fmt.Sprintf("the model %s is trained and stored", w.status.TrainedModel)}
	case v1alpha1.PhaseFailed:
		return say{false, v1alpha1.ReasonFailed, w.status.Error}
	case v1alpha1.PhaseCancelled:
		return say{false, v1alpha1.ReasonCancelled, "the job was cancelled and none of its Pods is left"}
	}
	trains := w.status.Phase == v1alpha1.PhaseRunning
	if trains && !w.stopsTraining() {
		return say{true, v1alpha1.ReasonTraining, fmt.Sprintf("Pod %s trains on node %s", w.train.Name, w.train.Node)}
	}
	reason, message := w.waitsFor(refusal)
	return say{trains, reason, message}
}

// stopsTraining reports whether the trainer that runs is being stopped. It trains until
// its container has ended, and the reason says by what it is stopped.
func (w *world) stopsTraining() bool {
	return w.train.Deleting || w.cancel() || w.suspended() || w.failure() != nil
}

// waitsFor says what a job that does not train waits for, the most telling first.
func (w *world) waitsFor(refusal *Refusal) (reason, message string) {
	p, _ := w.current()
	a := w.settled()
	switch {
	case w.cancel():
		return v1alpha1.ReasonCancelling, "the job is cancelled once its Pods are gone: " + w.podsInTheWay()
	case w.failure() != nil:
		return v1alpha1.ReasonFailing, fmt.Sprintf("the job fails once its Pods have ended (%s): %s", w.podsInTheWay(), w.failureSentence(w.failure()))
	case w.held():
		return v1alpha1.ReasonSuspended, suspendedSentence
	case w.suspended() && w.filesReady():
		return v1alpha1.ReasonStopping, "spec.suspend holds the job once its Pod has written a checkpoint and ended: " + w.podsInTheWay()
	case w.suspended():
		return v1alpha1.ReasonStopping, "spec.suspend holds the job once its Pod has ended; it prepares anew when it is resumed: " + w.podsInTheWay()
	case w.beingDeleted():
		return v1alpha1.ReasonDeleting, "the TrainingJob is being deleted; nothing new is started"
	case w.lending(refusal) != "":
		return v1alpha1.ReasonStartTimeout, w.lending(refusal)
	case refusal != nil && w.refusedStart() && w.needsSlot() && !w.Slot.Granted:
		return refusal.Reason, refusal.Message + triedWithSlot
	case refusal != nil:
		return refusal.Reason, refusal.Message
	case p != nil && a == nil:
		return w.podWaitsFor(p)
	case !w.allEnded():
		return v1alpha1.ReasonStopping, "the next start waits until the Pods before it are gone: " + w.podsInTheWay()
	case a != nil && w.Now.Before(w.notBefore()):
		return v1alpha1.ReasonBackOff, fmt.Sprintf("starts again at %s, after: %s", w.notBefore().UTC().Format(time.RFC3339), a.Message)
	case w.waitsForSlot():
		if a != nil && slotPassed(a.Reason) {
			return v1alpha1.ReasonWaitingForSlot, w.Slot.Limit + "; this job gave its slot to the next, since " + a.Message
		}
		return v1alpha1.ReasonWaitingForSlot, w.Slot.Limit
	}
	return v1alpha1.ReasonStarting, startingSentence(w.role())
}

// podWaitsFor says what the Pod at work waits for, or does.
func (w *world) podWaitsFor(p *Pod) (reason, message string) {
	switch {
	case p.Deleting:
		return v1alpha1.ReasonStopping, "a deleted Pod has to end first: " + w.podsInTheWay()
	case len(p.Gates) > 0:
		return v1alpha1.ReasonGated, gatedSentence(p)
	case p.ScheduledAt.IsZero() && p.Unschedulable != "":
		return v1alpha1.ReasonUnschedulable, fmt.Sprintf("no node can take Pod %s: %s", p.Name, p.Unschedulable)
	}
	if reason, message = w.slowStart(p); reason != "" {
		return reason, message
	}
	if p.Role == v1alpha1.RolePrepare && p.stage(contract.StageDownload).State != Waiting {
		return v1alpha1.ReasonPreparing, fmt.Sprintf("Pod %s fetches and validates the files", p.Name)
	}
	return v1alpha1.ReasonStarting, startingSentence(p.Role)
}

// startingSentence is the same before the Pod is there and after: that alone is
// no news that is worth a write.
func startingSentence(role string) string {
	return fmt.Sprintf("the %s Pod is being made, scheduled and started", role)
}

func gatedSentence(p *Pod) string {
	text := fmt.Sprintf("Pod %s is held by scheduling gates: %s", p.Name, strings.Join(p.Gates, ", "))
	kueue := slices.ContainsFunc(p.Gates, func(gate string) bool { return strings.HasPrefix(gate, "kueue.x-k8s.io/") })
	switch {
	case kueue && p.Role == v1alpha1.RolePrepare:
		text += "; a default queue of Kueue holds Pods without a queue, too: exempt Pods with the label " + v1alpha1.LabelRole + "=" + v1alpha1.RolePrepare
	case kueue:
		text += "; Kueue admits it when its queue has room"
	}
	return text
}

// podsInTheWay names the Pods that are not gone, and what holds them.
func (w *world) podsInTheWay() string {
	var names []string
	for i := range w.Pods {
		p := &w.Pods[i]
		if p.lost(w.Now, w.Settings.LostAfter) || p.Terminal && !p.Deleting && !w.cancel() {
			continue
		}
		names = append(names, "Pod "+p.Name+w.holderOf(p))
	}
	if len(names) == 0 {
		return "none is left"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// unconfirmedAfter is how long after its grace period the condition says that nobody
// has confirmed the end of a Pod.
const unconfirmedAfter = 10 * time.Second

// holderOf says what holds a Pod that is being deleted; empty for the ordinary course of
// things.
func (w *world) holderOf(p *Pod) string {
	switch {
	case !p.Deleting:
		return ""
	case len(p.OtherFinalizers) > 0:
		return " (held by the finalizer " + strings.Join(p.OtherFinalizers, ", ") + ")"
	case p.Terminal || w.workEnded(p) || !w.reached(p.DeleteBy.Add(unconfirmedAfter)):
		return ""
	}
	node := "its node"
	if p.Node != "" {
		node = "node " + p.Node
	}
	return fmt.Sprintf(" (%s has not confirmed its end; it counts as gone at %s)", node, p.DeleteBy.Add(w.Settings.LostAfter).UTC().Format(time.RFC3339))
}
