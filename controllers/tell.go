package controllers

import (
	"fmt"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// phaseEvents are the reasons of the events that tell of phases.
var phaseEvents = map[v1alpha1.Phase]string{
	v1alpha1.PhaseInitializing:     "Initializing",
	v1alpha1.PhaseDownloadingFiles: "DownloadingFiles",
	v1alpha1.PhaseValidatingFiles:  "ValidatingFiles",
	v1alpha1.PhaseQueued:           "Queued",
	v1alpha1.PhaseRunning:          "Running",
	v1alpha1.PhaseSucceeded:        "Succeeded",
	v1alpha1.PhaseFailed:           "Failed",
	v1alpha1.PhaseCancelled:        "Cancelled",
}

// tell makes events and metrics of what has just been recorded.
func (r *TrainingJobReconciler) tell(job *v1alpha1.TrainingJob, before *v1alpha1.TrainingJobStatus, decision lifecycle.Decision) {
	if a := decision.Settled; a != nil {
		r.event(job, corev1.EventTypeWarning, a.Reason, fmt.Sprintf("attempt %d of %s: %s", a.Number, a.Stage, a.Message))
	}
	for _, entered := range decision.Entered {
		if !r.News.mayTell(&decision, entered.Phase) {
			continue // The status has all phases with their times.
		}
		r.event(job, phaseEventType(entered.Phase), phaseEvents[entered.Phase], phaseNote(job, entered.Phase))
	}
	r.tellWaiting(job, before)
	r.Metrics.recorded(job, before, decision)
}

func phaseEventType(phase v1alpha1.Phase) string {
	if phase == v1alpha1.PhaseFailed {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}

func phaseNote(job *v1alpha1.TrainingJob, phase v1alpha1.Phase) string {
	switch phase {
	case v1alpha1.PhaseSucceeded:
		return fmt.Sprintf("the model %s is trained and stored", job.Status.TrainedModel)
	case v1alpha1.PhaseFailed:
		return job.Status.Error
	case v1alpha1.PhaseQueued:
		return "the files are valid; the job waits to train"
	}
	return fmt.Sprintf("the job is %s", phase)
}

// tellWaiting makes an event when the job begins to wait for something else than
// the ordinary course of things.
func (r *TrainingJobReconciler) tellWaiting(job *v1alpha1.TrainingJob, before *v1alpha1.TrainingJobStatus) {
	c := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning)
	old := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionRunning)
	if c == nil || job.Status.Phase.Finished() || (old != nil && old.Reason == c.Reason) {
		return
	}
	switch c.Reason {
	case v1alpha1.ReasonStarting, v1alpha1.ReasonPreparing, v1alpha1.ReasonTraining:
		return
	}
	eventType := corev1.EventTypeNormal
	if job.Status.BlockedSince != nil || c.Reason == v1alpha1.ReasonSandboxFailed {
		eventType = corev1.EventTypeWarning
	}
	r.event(job, eventType, c.Reason, c.Message)
}

// maxNote is the longest note that the API server takes, in bytes.
const maxNote = 1024

func (r *TrainingJobReconciler) event(job *v1alpha1.TrainingJob, eventType, reason, note string) {
	r.Recorder.Eventf(job, nil, eventType, reason, "Reconcile", "%s", shortNote(note))
}

// shortNote is the note, cut to what the API server takes and never inside a
// character.
func shortNote(note string) string {
	const rest = "..."
	if len(note) <= maxNote {
		return note
	}
	end := maxNote - len(rest)
	for end > 0 && !utf8.RuneStart(note[end]) {
		end--
	}
	return note[:end] + rest
}
