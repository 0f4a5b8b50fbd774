package lifecycle

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// conditions makes all conditions afresh. Their messages hold nothing that
// changes by itself, so that they never flap.
func (w *world) conditions(refusal *Refusal) {
	if w.finished() {
		w.observeGeneration()
		return
	}
	w.filesCondition()
	running := w.running(refusal)
	w.set(v1alpha1.ConditionRunning, running.holds, running.reason, running.message)
	w.suspendedCondition()
	w.endConditions(running)
}

// observeGeneration has the conditions of an end, which never change, be about the
// newest spec: tools such as kubectl wait take those of an older one for outdated.
func (w *world) observeGeneration() {
	for i := range w.status.Conditions {
		w.status.Conditions[i].ObservedGeneration = w.Job.Generation
	}
}

// say is a condition in the making.
type say struct {
	holds   bool
	reason  string
	message string
}

func (w *world) set(condition string, holds bool, reason, message string) {
	status := metav1.ConditionFalse
	if holds {
		status = metav1.ConditionTrue
	}
	transition := metav1.Condition{
		Type: condition, Status: status, Reason: reason, Message: shorten(message, maxConditionMessage),
		ObservedGeneration: w.Job.Generation, LastTransitionTime: metav1.Time{Time: w.Now},
	}
	meta.SetStatusCondition(&w.status.Conditions, transition)
}

func (w *world) filesCondition() {
	if w.filesReady() {
		w.set(v1alpha1.ConditionFilesReady, true, v1alpha1.ReasonFilesValid, w.filesSentence())
		return
	}
	if a := w.failure(); a != nil {
		w.set(v1alpha1.ConditionFilesReady, false, a.Reason, a.Message)
		return
	}
	w.set(v1alpha1.ConditionFilesReady, false, v1alpha1.ReasonPreparing, "the files are not validated yet")
}

func (w *world) filesSentence() string {
	text := fmt.Sprintf("%s is valid with %d samples", w.Job.Spec.TrainingFile, w.status.Files.Training.Samples)
	if v := w.status.Files.Validation; v != nil {
		text += fmt.Sprintf(", %s with %d", *w.Job.Spec.ValidationFile, v.Samples)
	}
	if len(w.status.Warnings) > 0 {
		text += "; see status.warnings"
	}
	return text
}

// suspendedCondition is true only once no Pod prepares or trains any more; it is not
// there on jobs that never said anything about suspending.
func (w *world) suspendedCondition() {
	switch {
	case w.Job.Spec.Suspend == nil:
		meta.RemoveStatusCondition(&w.status.Conditions, v1alpha1.ConditionSuspended)
	case !w.suspended() && w.suspendStops() && w.deletes():
		w.set(v1alpha1.ConditionSuspended, false, v1alpha1.ReasonStopping, "spec.suspend was taken back; the Pod that it stops has to end first")
	case !w.suspended() || w.status.Phase.Finished():
		w.set(v1alpha1.ConditionSuspended, false, v1alpha1.ReasonResumed, "spec.suspend does not hold the job")
	case w.held():
		w.holdLive()
		w.set(v1alpha1.ConditionSuspended, true, v1alpha1.ReasonSuspended, suspendedSentence)
	default:
		w.set(v1alpha1.ConditionSuspended, false, v1alpha1.ReasonStopping, "spec.suspend is asked for; the job is not held yet")
	}
}

// suspendStops tells whether it is recorded that spec.suspend stops the Pod: that
// stays so until the Pod has ended, also when spec.suspend is taken back before.
func (w *world) suspendStops() bool {
	c := meta.FindStatusCondition(w.Job.Status.Conditions, v1alpha1.ConditionSuspended)
	return c != nil && c.Reason == v1alpha1.ReasonStopping
}

const suspendedSentence = "spec.suspend holds the job; set it to false to go on"

// held reports whether the job stands still because of spec.suspend.
func (w *world) held() bool {
	return w.suspended() && w.allGone() && w.failure() == nil
}

// holdLive has it be decided on live Pods that the job is held from now on, since that
// depends on the absence of Pods. A job that was created suspended never had one.
func (w *world) holdLive() {
	createdSuspended := w.unrecorded() && w.Job.Generation == 1
	if !createdSuspended && !meta.IsStatusConditionTrue(w.Job.Status.Conditions, v1alpha1.ConditionSuspended) {
		w.needsLive = true
	}
}

// deletes reports whether the Pod at work is being deleted.
func (w *world) deletes() bool {
	p, _ := w.current()
	return p != nil && p.Deleting && !w.workEnded(p)
}

// endConditions are those of the ends, and those that kstatus reads: Reconciling
// while the operator works towards the end, Stalled after an end without a model,
// neither while the job is suspended.
func (w *world) endConditions(running say) {
	switch {
	case w.status.Phase == v1alpha1.PhaseSucceeded:
		w.set(v1alpha1.ConditionComplete, true, v1alpha1.ReasonSucceeded, running.message)
		w.set(v1alpha1.ConditionReconciling, false, v1alpha1.ReasonSucceeded, running.message)
	case w.status.Phase == v1alpha1.PhaseFailed:
		w.set(v1alpha1.ConditionFailed, true, w.failureReason(w.failure()), w.status.Error)
		w.stalled(v1alpha1.ReasonFailed, w.status.Error)
	case w.status.Phase == v1alpha1.PhaseCancelled:
		w.set(v1alpha1.ConditionCancelled, true, v1alpha1.ReasonCancelled, running.message)
		w.stalled(v1alpha1.ReasonCancelled, running.message)
	case w.held():
		w.set(v1alpha1.ConditionReconciling, false, v1alpha1.ReasonSuspended, suspendedSentence)
	case w.cancel():
		w.set(v1alpha1.ConditionReconciling, true, v1alpha1.ReasonCancelling, running.message)
	case w.failure() != nil:
		w.set(v1alpha1.ConditionReconciling, true, v1alpha1.ReasonFailing, running.message)
	default:
		w.set(v1alpha1.ConditionReconciling, true, v1alpha1.ReasonProgressing, "the job goes on; the condition Running says where it is")
	}
}

func (w *world) stalled(reason, message string) {
	w.set(v1alpha1.ConditionReconciling, false, reason, message)
	w.set(v1alpha1.ConditionStalled, true, reason, message)
}

// failureReason is the reason of the condition Failed.
func (w *world) failureReason(a *v1alpha1.Attempt) string {
	if final[a.Reason] || w.status.Retries == 0 {
		return a.Reason
	}
	return v1alpha1.ReasonBackoffLimitExceeded
}

// failureSentence says why the job fails, and that it was tried again if so.
func (w *world) failureSentence(a *v1alpha1.Attempt) string {
	if final[a.Reason] || w.status.Retries == 0 {
		return a.Message
	}
	return fmt.Sprintf("%s (the last of %d failures; spec.backoffLimit allows %d retries)", a.Message, w.status.Retries+1, w.backoffLimit())
}

// EndReason is the reason of the condition that is true at the end; empty before.
func EndReason(status *v1alpha1.TrainingJobStatus) string {
	for _, name := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed, v1alpha1.ConditionCancelled} {
		if c := meta.FindStatusCondition(status.Conditions, name); c != nil && c.Status == metav1.ConditionTrue {
			return c.Reason
		}
	}
	return ""
}
