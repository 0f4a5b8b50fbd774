package controllers

import (
	"fmt"
	"slices"
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
		r.event(job, corev1.EventTypeWarning, a.Reason, attemptNote(a))
	}
	for _, entered := range decision.Entered {
		if !r.News.mayTell(&decision, entered.Phase) {
			continue // The status has all phases with their times.
		}
		r.event(job, phaseEventType(entered.Phase), phaseEvents[entered.Phase], phaseNote(job, entered.Phase))
	}
	r.tellWarnings(job, before)
	r.tellWaiting(job, before)
	r.Metrics.recorded(job, before, decision)
}

// attemptNote names the attempt, if there was one: a job that is refused has had none.
func attemptNote(a *v1alpha1.Attempt) string {
	if a.Number == 0 {
		return a.Message
	}
	return fmt.Sprintf("attempt %d of %s: %s", a.Number, a.Stage, a.Message)
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

// The reasons of the events that tell of warnings.
const (
	filesWarning = "FilesWarning"
	modelWarning = "ModelWarning"
)

// tellWarnings makes one event of all warnings that are new: several events of one
// reason would be counted as one, and only the first be read.
func (r *TrainingJobReconciler) tellWarnings(job *v1alpha1.TrainingJob, before *v1alpha1.TrainingJobStatus) {
	added := slices.DeleteFunc(slices.Clone(job.Status.Warnings), func(warning string) bool { return slices.Contains(before.Warnings, warning) })
	if len(added) == 0 || !r.News.mayWarn() {
		return // The status has them.
	}
	reason := filesWarning
	if job.Status.Phase == v1alpha1.PhaseSucceeded {
		reason = modelWarning
	}
	r.event(job, corev1.EventTypeWarning, reason, warningsNote(added))
}

// warningsNote has the warnings that fit into a note, the first in any case, and
// counts the others.
func warningsNote(warnings []string) string {
	note := warnings[0]
	for i, warning := range warnings[1:] {
		next := note + "; " + warning
		if len(next+others(len(warnings)-i-2)) > maxNote {
			return note + others(len(warnings)-i-1)
		}
		note = next
	}
	return note
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d more in status.warnings", n)
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
	switch c.Reason {
	case v1alpha1.ReasonStopping: // It goes by itself.
	case v1alpha1.ReasonSandboxFailed, v1alpha1.ReasonStartTimeout:
		eventType = corev1.EventTypeWarning
	default:
		if job.Status.BlockedSince != nil {
			eventType = corev1.EventTypeWarning
		}
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
