package lifecycle

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// onlyNews tells whether the decision only says in which phase between its start
// and its end the job is: nothing is lost if the write comes later or never, since
// the next decision says it again. The times of phases come from the containers, and
// a train Pod stays until its result is recorded, so that no phase is missed either.
// Nothing follows from it but, for a job of which nothing is recorded, its first
// Pod: that is found again by its labels, and counted then.
func (w *world) onlyNews(d *Decision, refusal *Refusal) bool {
	recorded := &w.Job.Status
	if d.Ends || d.NeedsLivePods || d.Settled != nil || refusal != nil || recorded.BlockedSince != nil {
		return false
	}
	if w.cancel() || w.suspended() || w.beingDeleted() {
		return false
	}
	if !w.unrecorded() && recorded.ObservedGeneration != w.Job.Generation {
		return false
	}
	if slices.ContainsFunc(d.Actions, func(a Action) bool { return !w.isFirst(a) }) {
		return false
	}
	switch w.status.Phase {
	case v1alpha1.PhaseInitializing:
		return w.unrecorded() && w.onItsWay()
	case v1alpha1.PhaseDownloadingFiles, v1alpha1.PhaseValidatingFiles, v1alpha1.PhaseRunning:
		return recorded.Phase != w.status.Phase
	}
	return false
}

// isFirst tells whether the action makes the first Pod of a job of which nothing is
// recorded.
func (w *world) isFirst(a Action) bool {
	return w.unrecorded() && a.Kind == CreatePod && a.Role == v1alpha1.RolePrepare && a.Number == 1
}

// onItsWay tells whether nothing but the ordinary course of things holds the job.
func (w *world) onItsWay() bool {
	c := meta.FindStatusCondition(w.status.Conditions, v1alpha1.ConditionRunning)
	return c != nil && c.Reason == v1alpha1.ReasonStarting
}

// newsSince is since when there is the news: since the job entered its phase, or has its
// first Pod. A job that waits long for the operator is no news of its own.
func (w *world) newsSince() time.Time {
	if w.status.Phase == v1alpha1.PhaseInitializing {
		if w.prepare == nil {
			return w.Now
		}
		return w.prepare.CreatedAt
	}
	return EnteredAt(w.status, w.status.Phase)
}
