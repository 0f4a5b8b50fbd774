package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// phaseTimes records when phases were entered, by the containers' own times: a
// stage that was shorter than a look still counts. Which phases were entered follows
// from their order alone. Times of different nodes cannot be compared.
func (w *world) phaseTimes() {
	if w.finished() {
		return
	}
	w.advance(v1alpha1.PhaseInitializing, w.Job.CreationTimestamp.Time)
	if download := w.prepare.stage(contract.StageDownload); download.State != Waiting {
		w.advance(v1alpha1.PhaseDownloadingFiles, download.StartedAt)
		if download.State == Ended && download.ExitCode == contract.ExitOK {
			w.advance(v1alpha1.PhaseValidatingFiles, download.FinishedAt)
		}
	}
	if w.filesReady() && w.prepared != nil {
		w.advance(v1alpha1.PhaseQueued, w.prepared.finished)
	}
	if w.settled() == nil || w.added != nil {
		w.advance(v1alpha1.PhaseRunning, w.train.stage(contract.StageTrain).StartedAt)
	}
	if w.status.Phase == v1alpha1.PhaseQueued && w.lastEntered() == v1alpha1.PhaseRunning && w.settled() != nil {
		w.enter(v1alpha1.PhaseQueued, w.requeuedAt())
	}
	if w.status.Phase.Finished() {
		w.advance(w.status.Phase, w.endedAt())
	}
}

// endedAt is when the job ended by the clock that tells of its other phases: that of
// the container whose end it was, if there was one.
func (w *world) endedAt() time.Time {
	o := w.prepared
	if w.filesReady() {
		o = w.trained
	}
	if o != nil && o.exitCode != nil && w.status.Phase != v1alpha1.PhaseCancelled {
		return o.finished
	}
	return w.status.FinishedAt.Time
}

// requeuedAt is when a job whose start has ended began to wait for the next, by the
// clock that tells when that start began.
func (w *world) requeuedAt() time.Time {
	if w.trained != nil {
		return w.trained.finished
	}
	if last := w.lastAttempt(); last.FinishedAt != nil {
		return last.FinishedAt.Time
	}
	return w.Now
}

// advance records that the phase was entered then, if it comes after the phase that the
// job is in.
func (w *world) advance(phase v1alpha1.Phase, at time.Time) {
	if slices.Index(v1alpha1.Phases, w.lastEntered()) < slices.Index(v1alpha1.Phases, phase) {
		w.enter(phase, at)
	}
}

// lastEntered is the phase that was entered last; empty before the first.
func (w *world) lastEntered() v1alpha1.Phase {
	if n := len(w.status.PhaseTimes); n > 0 {
		return w.status.PhaseTimes[n-1].Phase
	}
	return ""
}

// EnteredAt is when the job entered the phase; zero when that is not recorded.
func EnteredAt(status *v1alpha1.TrainingJobStatus, phase v1alpha1.Phase) time.Time {
	for _, t := range status.PhaseTimes {
		if t.Phase == phase {
			return t.At.Time
		}
	}
	return time.Time{}
}

// enter records that the phase was entered then. The phases stand in the order in which
// they were entered last.
func (w *world) enter(phase v1alpha1.Phase, at time.Time) {
	if at.IsZero() {
		return
	}
	entry := v1alpha1.PhaseTime{Phase: phase, At: metav1.Time{Time: at.Truncate(time.Second)}}
	w.status.PhaseTimes = slices.DeleteFunc(w.status.PhaseTimes, func(t v1alpha1.PhaseTime) bool { return t.Phase == phase })
	w.status.PhaseTimes = append(w.status.PhaseTimes, entry)
	w.entered = append(w.entered, entry)
}
