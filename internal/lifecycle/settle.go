package lifecycle

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

const (
	// maxAttempts is how many attempts are kept.
	maxAttempts = 5
	// maxAttemptMessage, maxError and maxSummary are the schema's bounds.
	maxAttemptMessage = 1024
	maxError          = 2048
	maxSummary        = 128
	// maxConditionMessage is well below the schema's bound of 32768: a scheduler's
	// or a webhook's sentence can be of any length.
	maxConditionMessage = 4096
	// shownPositions is how many that wait show their place.
	shownPositions = 10
)

// settle records for good what the Pods' ends say: validated files, the first
// start of training, and attempts without success.
func (w *world) settle() {
	if !w.filesReady() && w.prepared != nil {
		if w.prepared.success != nil {
			w.settleFiles(w.prepared.success)
		} else {
			w.settleAttempt(w.prepare, w.prepared)
		}
	}
	w.limitPreparing()
	w.settleTraining()
	if p, number := w.current(); p == nil && w.suspended() && number > 0 && w.settled() == nil {
		w.settleUnmade(number)
	}
}

// settleTraining settles what the train Pod says.
func (w *world) settleTraining() {
	if !w.filesReady() {
		return
	}
	if started := w.train.stage(contract.StageTrain).StartedAt; !started.IsZero() && w.status.StartedAt == nil {
		w.status.StartedAt = &metav1.Time{Time: started}
	}
	w.settleVanished()
	w.settleProgress()
	if w.trained != nil && w.trained.success == nil {
		w.settleAttempt(w.train, w.trained)
	}
}

// settleUnmade records that a start that was counted is not made, since the job
// was suspended in between: going on is a start of its own, which queues anew. A
// cache that lags would show the same of a Pod that is there and trains.
func (w *world) settleUnmade(number int32) {
	w.needsLive = true
	w.addAttempt(v1alpha1.Attempt{
		Stage: string(w.blockedStage(nil)), Number: number, Reason: v1alpha1.ReasonSuspended,
		Message: "spec.suspend came before the Pod was made", FinishedAt: &metav1.Time{Time: w.Now},
	})
}

func (w *world) settleFiles(m *contract.Message) {
	files := &v1alpha1.ValidatedFiles{Training: validated(m.Training)}
	if w.Job.Spec.ValidationFile != nil {
		validation := validated(m.Validation)
		files.Validation = &validation
	}
	w.status.Files = files
	w.status.Warnings = mergeWarnings(nil, m, "the log of the stage validate has them")
	w.useHyperparameters(m.Hyperparameters)
}

func validated(f *contract.File) v1alpha1.ValidatedFile {
	return v1alpha1.ValidatedFile{SHA256: f.SHA256, Bytes: f.Bytes, Samples: f.Samples}
}

// settleAttempt records once that the start ended without success. Of a job that
// is being cancelled nothing more is counted.
func (w *world) settleAttempt(p *Pod, o *outcome) {
	if w.settled() != nil || w.cancel() {
		return
	}
	w.addAttempt(v1alpha1.Attempt{
		Stage: string(o.stage), Number: p.Number, Pod: p.Name, Node: p.Node,
		ExitCode: o.exitCode, Reason: w.reasonOf(o), Message: shorten(o.message, maxAttemptMessage),
		FinishedAt: &metav1.Time{Time: w.seenAt(o.finished)},
	})
	if p.Role == v1alpha1.RoleTrain && !o.started.IsZero() {
		w.status.TrainedSeconds += int64(w.ranFor(o.started, o.finished).Seconds())
	}
}

// reasonOf is the reason of the outcome. A result that is lost again is the
// trainer's failure: an image that never says its result would train for ever.
func (w *world) reasonOf(o *outcome) string {
	last := w.lastAttempt()
	if o.reason == v1alpha1.ReasonResultLost && last != nil && last.Reason == v1alpha1.ReasonResultLost {
		o.message = fmt.Sprintf("the stage %s ended with exit code 0 twice without a result; the trainer image has to write one as the contract says", o.stage)
		return contract.Reason(contract.ExitUnexpected)
	}
	return o.reason
}

// addAttempt appends the attempt, and counts it if it was a disruption.
func (w *world) addAttempt(a v1alpha1.Attempt) {
	if last := w.lastAttempt(); last != nil && slotPassed(a.Reason) && last.Reason == a.Reason {
		// The newest says it all, and the others are to keep their places.
		w.status.Attempts = w.status.Attempts[:len(w.status.Attempts)-1]
	}
	before := newestCheckpoint(w.status)
	a.Checkpoint = before
	if p := w.status.Progress; p != nil {
		a.Checkpoint = max(before, p.Checkpoint)
	}
	if a.Checkpoint > before {
		w.status.ConsecutiveDisruptions = 0
	}
	w.status.Attempts = append(w.status.Attempts, a)
	w.added = &a
	if extra := len(w.status.Attempts) - maxAttempts; extra > 0 {
		w.status.Attempts = w.status.Attempts[extra:]
	}
	if w.isDisruption(&a) && !isUncounted(a.Reason) {
		w.status.Disruptions++
		w.status.ConsecutiveDisruptions++
	}
}

// shorten cuts s to at most n characters.
func shorten(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}
