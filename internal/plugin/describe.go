package plugin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// describe says in a line how the job gets on: phase, place in the queue, epochs, metrics, time left. The place is what the
// gateway says of a job whose status has none.
func describe(job *v1alpha1.TrainingJob, place queuePlace, now time.Time) string {
	phase := job.Status.Phase
	parts := []string{string(phase)}
	if ptr.Deref(job.Spec.Cancel, false) && !phase.Finished() {
		parts = append(parts, "being cancelled")
	}
	running := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning)
	progress := job.Status.Progress
	switch {
	case phase == v1alpha1.PhaseRunning && progress != nil:
		parts = append(parts, bar(progress.Step, progress.Steps), progress.Summary, lossOf(progress))
		if progress.EstimatedFinishedAt != nil {
			if left := progress.EstimatedFinishedAt.Sub(now); left > 0 {
				parts = append(parts, left.Round(time.Second).String()+" left")
			}
		}
	case phase == v1alpha1.PhaseQueued && job.Status.QueuePosition != nil:
		parts = append(parts, fmt.Sprintf("place %d in the queue", *job.Status.QueuePosition))
	case waitsUnplaced(job) && place.Position > 0:
		parts = append(parts, fmt.Sprintf("place %d of %d in the queue", place.Position, place.Length))
	case !phase.Finished() && running != nil && running.Message != "":
		parts = append(parts, running.Message)
	case phase == v1alpha1.PhaseSucceeded && progress != nil:
		parts = append(parts, progress.Summary)
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "  ")
}

// lossOf is the newest loss, since the summary has the other metric: that of the validation data, or without any that of
// the training data.
func lossOf(progress *v1alpha1.Progress) string {
	for _, loss := range []struct{ name, words string }{
		{contract.MetricValidLoss, "validation loss "}, {contract.MetricTrainLoss, "training loss "}, {contract.MetricLoss, "training loss "},
	} {
		if value := progress.Metrics[loss.name]; value != "" {
			return loss.words + value
		}
	}
	return ""
}
