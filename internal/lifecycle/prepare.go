package lifecycle

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// limitPreparing fails a job whose prepare Pod works for longer than the configuration
// allows. It is not tried again: the next Pod would fetch the same files from the
// beginning. A Pod that ends well after all still counts, until the end is recorded.
func (w *world) limitPreparing() {
	deadline, limited := w.prepareDeadline()
	if !limited || w.cancel() || w.suspended() || w.Now.Before(deadline) {
		return
	}
	stage := w.blockedStage(w.prepare)
	w.addAttempt(v1alpha1.Attempt{
		Stage: string(stage), Number: w.prepare.Number, Pod: w.prepare.Name, Node: w.prepare.Node,
		Reason: v1alpha1.ReasonPrepareTimeout, FinishedAt: &metav1.Time{Time: w.Now},
		Message: fmt.Sprintf("fetching and validating the files took longer than %s, the operator's prepare.timeout; Pod %s was at the stage %s. "+
			"Make another job with smaller files, or ask the platform team for faster storage or a longer prepare.timeout", w.Settings.PrepareTimeout, w.prepare.Name, stage),
	})
}

// prepareDeadline is until when the prepare Pod may work; limited is false unless it
// works. It counts from when the Pod got its node, by the control plane's clock: the
// clock of the node may be wrong, and neither waiting for a node nor a suspension
// counts. Each Pod has its own time, since it begins anew.
func (w *world) prepareDeadline() (deadline time.Time, limited bool) {
	p := w.prepare
	if w.Settings.PrepareTimeout == 0 || w.filesReady() || p == nil || p.Deleting || w.prepared != nil || w.settled() != nil {
		return time.Time{}, false
	}
	if p.ScheduledAt.IsZero() || p.stage(contract.StageDownload).State == Waiting {
		return time.Time{}, false
	}
	return p.ScheduledAt.Add(w.Settings.PrepareTimeout), true
}
