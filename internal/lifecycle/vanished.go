package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// settleVanished records that the train Pod vanished while its trainer ran. The
// finalizer holds a Pod until its end is recorded, so that somebody removed both.
// Nobody has confirmed that the trainer ended: on an unreachable node it runs on.
func (w *world) settleVanished() {
	if w.train != nil || w.status.Starts == 0 || w.settled() != nil || w.Job.Status.Phase != v1alpha1.PhaseRunning {
		return
	}
	w.needsLive = true
	name := fmt.Sprintf("%s-%s-%d", w.Job.Name, v1alpha1.RoleTrain, w.status.Starts)
	w.status.TrainedSeconds += int64(w.recordedRunning().Seconds())
	w.addAttempt(v1alpha1.Attempt{
		Stage: string(contract.StageTrain), Number: w.status.Starts, Pod: name, Reason: v1alpha1.ReasonPodVanished,
		Message:    fmt.Sprintf("Pod %s was removed together with its finalizer while its trainer ran; nothing has confirmed that the trainer ended", name),
		FinishedAt: &metav1.Time{Time: w.Now},
	})
	w.remember(w.added)
}

// remember adds the Pod of such an attempt to the observed ones, as a Pod on a node that
// does not answer to its deletion: it counts as gone at the same time.
func (w *world) remember(a *v1alpha1.Attempt) {
	if a == nil || a.Reason != v1alpha1.ReasonPodVanished || a.FinishedAt == nil || w.train != nil {
		return
	}
	w.Pods = append(slices.Clip(w.Pods), Pod{
		Name: a.Pod, Role: v1alpha1.RoleTrain, Number: a.Number, QueuedByKueue: w.queuedByKueue(),
		Deleting: true, DeletedAt: a.FinishedAt.Time, DeleteBy: a.FinishedAt.Time,
	})
}

// recordedRunning is for how long the condition Running has been true.
func (w *world) recordedRunning() time.Duration {
	c := meta.FindStatusCondition(w.Job.Status.Conditions, v1alpha1.ConditionRunning)
	if c == nil || c.Status != metav1.ConditionTrue {
		return 0
	}
	return max(0, w.Now.Sub(c.LastTransitionTime.Time))
}
