package lifecycle

import "github.com/swath-dev/swath/api/v1alpha1"

// onlyNews tells whether the decision only says in which phase between its start
// and its end the job is: nothing follows from it, and nothing is lost if the
// write comes later or never, since the next decision says it again. The times of
// phases come from the containers, and a train Pod stays until its result is
// recorded, so that no phase is missed either.
func (w *world) onlyNews(d *Decision, refusal *Refusal) bool {
	recorded := &w.Job.Status
	if d.Ends || d.NeedsLivePods || d.Settled != nil || len(d.Actions) > 0 || refusal != nil || recorded.BlockedSince != nil {
		return false
	}
	if w.cancel() || w.suspended() || w.beingDeleted() || recorded.ObservedGeneration != w.Job.Generation {
		return false
	}
	switch w.status.Phase {
	case v1alpha1.PhaseDownloadingFiles, v1alpha1.PhaseValidatingFiles, v1alpha1.PhaseRunning:
		return recorded.Phase != w.status.Phase
	}
	return false
}
