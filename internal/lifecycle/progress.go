package lifecycle

import (
	"encoding/json"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// ProgressDue reports whether the progress is worth a write: the first one, and then the
// ends of epochs, other summaries and the first newer checkpoint of a start, at most one
// in the interval. Between epochs and after the last one only the summary changes: it
// names the stage, such as measuring the baselines.
func ProgressDue(status *v1alpha1.TrainingJobStatus, p contract.Progress, now time.Time, interval time.Duration) bool {
	before := status.Progress
	if before == nil || before.UpdatedAt == nil {
		return true
	}
	known := newestCheckpoint(status)
	newer := p.Checkpoint > known && before.Checkpoint <= known
	other := shorten(p.Summary, maxSummary) != before.Summary
	return (p.Epoch != before.Epoch || other || newer) && !now.Before(before.UpdatedAt.Add(interval))
}

// newestCheckpoint is the step of the newest checkpoint that was stored when the last
// start ended.
func newestCheckpoint(status *v1alpha1.TrainingJobStatus) int64 {
	var newest int64
	for i := range status.Attempts {
		newest = max(newest, status.Attempts[i].Checkpoint)
	}
	return newest
}

// WithProgress is the status with the progress in it, as of now.
func WithProgress(status *v1alpha1.TrainingJobStatus, p contract.Progress, now time.Time) v1alpha1.TrainingJobStatus {
	updated := *status.DeepCopy()
	updated.Progress = &v1alpha1.Progress{
		Summary: shorten(p.Summary, maxSummary),
		Epoch:   p.Epoch, Epochs: p.Epochs, Step: p.Step, Steps: p.Steps, Checkpoint: p.Checkpoint,
		UpdatedAt: &metav1.Time{Time: now.Truncate(time.Second)},
	}
	if at := p.EstimatedFinishedAt; at != nil && sensible(*at) {
		updated.Progress.EstimatedFinishedAt = &metav1.Time{Time: at.Truncate(time.Second)}
	}
	updated.Progress.Metrics = roundFigures(p.Metrics)
	if used := UsableHyperparameters(p.Hyperparameters); used != nil {
		updated.Hyperparameters = used
	}
	return updated
}

// settleProgress puts what an ended start says of its progress in the place of what
// was asked for last. An estimate of the end holds only while training runs.
func (w *world) settleProgress() {
	container := w.train.stage(contract.StageTrain)
	if w.trained == nil && container.State == Running {
		return
	}
	w.dropEstimate()
	if w.trained == nil {
		return
	}
	m := w.messageOf(w.train, contract.StageTrain, container)
	if m == nil {
		return
	}
	w.useHyperparameters(m.Hyperparameters)
	next := &v1alpha1.Progress{}
	if w.status.Progress != nil {
		next = w.status.Progress.DeepCopy()
	}
	tellEnd(next, m)
	if equality.Semantic.DeepEqual(*next, ptr.Deref(w.status.Progress, v1alpha1.Progress{})) {
		return
	}
	next.UpdatedAt = &metav1.Time{Time: w.seenAt(w.trained.finished).Truncate(time.Second)}
	w.status.Progress = next
}

// tellEnd puts what the message of an ended start says into the progress. What it
// does not say stays as it was told last.
func tellEnd(progress *v1alpha1.Progress, m *contract.Message) {
	if m.Summary != "" {
		progress.Summary = shorten(m.Summary, maxSummary)
	}
	if m.Epochs > 0 {
		progress.Epoch, progress.Epochs, progress.Step, progress.Steps = m.Epoch, m.Epochs, m.Step, m.Steps
	}
	progress.Checkpoint = max(progress.Checkpoint, m.Checkpoint)
	switch {
	case m.Model != "" && (m.Epochs > 0 || len(m.Metrics) > 0):
		progress.Metrics = exactFigures(m.Metrics)
	case len(m.Metrics) > 0:
		progress.Metrics = roundFigures(m.Metrics)
	}
}

// dropEstimate takes back when the training was expected to end.
func (w *world) dropEstimate() {
	if w.status.Progress != nil {
		w.status.Progress.EstimatedFinishedAt = nil
	}
}

// roundFigures are metrics as text for people.
func roundFigures(metrics map[string]float64) map[string]string {
	return figures(metrics, func(value float64) string { return strconv.FormatFloat(value, 'g', 6, 64) })
}

// exactFigures are metrics as text, as the manifest of a model has them in JSON.
func exactFigures(metrics map[string]float64) map[string]string {
	return figures(metrics, func(value float64) string {
		text, err := json.Marshal(value)
		if err != nil {
			return "" // A message has only numbers that JSON knows.
		}
		return string(text)
	})
}

func figures(metrics map[string]float64, text func(float64) string) map[string]string {
	if len(metrics) == 0 {
		return nil
	}
	shown := make(map[string]string, len(metrics))
	for name, value := range metrics {
		shown[name] = text(value)
	}
	return shown
}

// sensible tells whether a time can be written as RFC 3339.
func sensible(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 9999 }
