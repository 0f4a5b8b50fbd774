package lifecycle

import (
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// ProgressDue tells whether the progress is worth a write: the first one, and then
// the ends of epochs, at most one in the interval.
func ProgressDue(status *v1alpha1.TrainingJobStatus, p contract.Progress, now time.Time, interval time.Duration) bool {
	before := status.Progress
	if before == nil || before.UpdatedAt == nil {
		return true
	}
	return p.Epoch != before.Epoch && !now.Before(before.UpdatedAt.Add(interval))
}

// WithProgress is the status with the progress in it, as of now.
func WithProgress(status *v1alpha1.TrainingJobStatus, p contract.Progress, now time.Time) v1alpha1.TrainingJobStatus {
	updated := *status.DeepCopy()
	updated.Progress = &v1alpha1.Progress{
		Summary: shorten(p.Summary, maxSummary),
		Epoch:   p.Epoch, Epochs: p.Epochs, Step: p.Step, Steps: p.Steps,
		UpdatedAt: &metav1.Time{Time: now.Truncate(time.Second)},
	}
	if at := p.EstimatedFinishedAt; at != nil && sensible(*at) {
		updated.Progress.EstimatedFinishedAt = &metav1.Time{Time: at.Truncate(time.Second)}
	}
	if len(p.Metrics) > 0 {
		updated.Progress.Metrics = make(map[string]string, len(p.Metrics))
		for name, value := range p.Metrics {
			updated.Progress.Metrics[name] = strconv.FormatFloat(value, 'g', 6, 64)
		}
	}
	if used := UsableHyperparameters(p.Hyperparameters); used != nil {
		updated.Hyperparameters = used
	}
	return updated
}

// sensible tells whether a time can be written as RFC 3339.
func sensible(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 9999 }
