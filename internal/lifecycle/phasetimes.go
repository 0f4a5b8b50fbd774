package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// phaseTimes records when phases were entered, by the containers' own times: a
// stage that was shorter than a look still counts.
func (w *world) phaseTimes() {
	if w.finished() {
		return
	}
	w.enter(v1alpha1.PhaseInitializing, w.Job.CreationTimestamp.Time)
	if download := w.prepare.stage(contract.StageDownload); download.State != Waiting {
		w.enter(v1alpha1.PhaseDownloadingFiles, download.StartedAt)
		if download.State == Ended && download.ExitCode == contract.ExitOK {
			w.enter(v1alpha1.PhaseValidatingFiles, download.FinishedAt)
		}
	}
	if w.filesReady() {
		w.enter(v1alpha1.PhaseQueued, w.queuedAt())
	}
	w.enter(v1alpha1.PhaseRunning, w.train.stage(contract.StageTrain).StartedAt)
	if w.status.Phase.Finished() {
		w.enter(w.status.Phase, w.endedAt())
	}
	slices.SortStableFunc(w.entered, func(a, b v1alpha1.PhaseTime) int { return a.At.Compare(b.At.Time) })
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

// queuedAt is when the job began to wait for training: when its files were valid,
// or when its last start ended.
func (w *world) queuedAt() time.Time {
	if last := w.lastAttempt(); last != nil && last.FinishedAt != nil {
		return last.FinishedAt.Time
	}
	if w.prepared != nil {
		return w.prepared.finished
	}
	return time.Time{}
}

// enter records that the phase was entered then, unless that is known.
func (w *world) enter(phase v1alpha1.Phase, at time.Time) {
	if at.IsZero() {
		return
	}
	at = at.Truncate(time.Second)
	entry := v1alpha1.PhaseTime{Phase: phase, At: metav1.Time{Time: at}}
	i := slices.IndexFunc(w.status.PhaseTimes, func(t v1alpha1.PhaseTime) bool { return t.Phase == phase })
	switch {
	case i < 0:
		w.status.PhaseTimes = append(w.status.PhaseTimes, entry)
	case at.After(w.status.PhaseTimes[i].At.Time):
		w.status.PhaseTimes[i] = entry
	default:
		return
	}
	w.entered = append(w.entered, entry)
}
