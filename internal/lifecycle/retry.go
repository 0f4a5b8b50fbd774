package lifecycle

import (
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// disruptions are the reasons of attempts that cost no retry.
var disruptions = map[string]bool{
	v1alpha1.ReasonDisrupted:                  true,
	v1alpha1.ReasonPodDeleted:                 true,
	v1alpha1.ReasonNodeLost:                   true,
	v1alpha1.ReasonPodVanished:                true,
	v1alpha1.ReasonResultLost:                 true,
	v1alpha1.ReasonSuspended:                  true,
	v1alpha1.ReasonReplaced:                   true,
	v1alpha1.ReasonUnschedulable:              true,
	v1alpha1.ReasonStartTimeout:               true,
	v1alpha1.ReasonNeverRan:                   true,
	contract.Reason(contract.ExitInterrupted): true,
}

// final are the reasons of attempts that no retry mends.
var final = map[string]bool{
	v1alpha1.ReasonDeadlineExceeded:           true,
	v1alpha1.ReasonPrepareTimeout:             true,
	v1alpha1.ReasonImagePullFailed:            true,
	v1alpha1.ReasonContainerConfigError:       true,
	v1alpha1.ReasonVolumeUnavailable:          true,
	v1alpha1.ReasonQuotaExceeded:              true,
	v1alpha1.ReasonAdmissionRefused:           true,
	v1alpha1.ReasonInvalidSpec:                true,
	v1alpha1.ReasonPodNotAllowed:              true,
	v1alpha1.ReasonNoStorage:                  true,
	v1alpha1.ReasonPodNameTaken:               true,
	contract.Reason(contract.ExitUsage):       true,
	contract.Reason(contract.ExitBadFile):     true,
	contract.Reason(contract.ExitNoFile):      true,
	contract.Reason(contract.ExitNotFinite):   true,
	contract.Reason(contract.ExitChangedFile): true,
	contract.Reason(contract.ExitTooLarge):    true,
	contract.Reason(contract.ExitConflict):    true,
	contract.Reason(contract.ExitMemory):      true,
	contract.Reason(contract.ExitNotOwner):    true,
}

// freeOnce are those of them that nobody outside is known to have caused: a trainer
// that stops by itself, or a Pod that no kubelet takes, would start anew for ever. Only
// the first in a row costs no retry, and one that came after a newer checkpoint.
var freeOnce = map[string]bool{
	v1alpha1.ReasonNeverRan:                   true,
	contract.Reason(contract.ExitInterrupted): true,
}

// freeAfterCheckpoint are the reasons of attempts that cost no retry only when they came
// after a newer checkpoint: credentials that expire end a start for each hour of a long
// training, and those that are never right store nothing.
var freeAfterCheckpoint = map[string]bool{
	contract.Reason(contract.ExitDenied): true,
}

// isDisruption tells whether the newest attempt, which the job has just had, costs no
// retry.
func (w *world) isDisruption(a *v1alpha1.Attempt) bool {
	var before v1alpha1.Attempt
	if i := len(w.status.Attempts) - 2; i >= 0 {
		before = w.status.Attempts[i]
	}
	newer := before.Checkpoint < a.Checkpoint
	switch {
	case freeAfterCheckpoint[a.Reason]:
		return newer
	case freeOnce[a.Reason]:
		return newer || before.Reason != a.Reason || before.Stage != a.Stage
	}
	return disruptions[a.Reason]
}

// isUncounted tells whether nothing was disturbed: the user asked for the end by
// changing the spec, or the trainer had not started and its slot went to another job. The next start waits for no
// back-off.
func isUncounted(reason string) bool {
	return reason == v1alpha1.ReasonSuspended || reason == v1alpha1.ReasonReplaced || slotPassed(reason)
}

// failure is the attempt that the job fails by: one that no retry mends, or one
// more failure than there are retries. Nil while the job may go on.
func (w *world) failure() *v1alpha1.Attempt {
	a := w.settled()
	if a == nil || w.isDisruption(a) {
		return nil
	}
	if final[a.Reason] || w.status.Retries >= w.backoffLimit() {
		return a
	}
	return nil
}

// notBefore is when the next start may be: at once for the first, after a back-off
// that doubles with each failure, and with each disruption, otherwise. That of
// disruptions begins anew once a start has made progress: a newer checkpoint.
func (w *world) notBefore() time.Time {
	a := w.settled()
	if a == nil || a.FinishedAt == nil || isUncounted(a.Reason) {
		return time.Time{}
	}
	times := w.status.Retries
	if w.isDisruption(a) {
		times = w.status.ConsecutiveDisruptions - 1
	}
	return a.FinishedAt.Add(backoff(w.Settings, times))
}

// backoff is the initial time doubled so often, up to the greatest.
func backoff(s Settings, times int32) time.Duration {
	d := s.BackoffInitial
	for ; times > 0 && d < s.BackoffMax; times-- {
		if d > s.BackoffMax/2 {
			return s.BackoffMax // Doubling the longest durations would overflow.
		}
		d *= 2
	}
	return min(d, s.BackoffMax)
}
