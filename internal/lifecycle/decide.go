package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// Decision is what follows from what was observed.
type Decision struct {
	// Status is the whole status to record. It equals the recorded one when
	// there is nothing new to say.
	Status v1alpha1.TrainingJobStatus
	// Ends is set when the decision is an end that is not recorded yet.
	Ends bool
	// NeedsLivePods is set for what goes by a Pod not being there or having no node, as
	// ends other than success do: it has to be decided again on Pods that are read live
	// before it is recorded. A success goes by a container that has ended, which stays
	// so, and its message, which names this job and start: a cache can be late with it,
	// not wrong. Where slots are limited it is read live, too: its slot goes to another,
	// and a Pod made anew under the name might still train.
	NeedsLivePods bool
	// Actions are what to do once the status is recorded or put off, in order.
	Actions []Action
	// Entered are the phases that were entered, with their times, in order.
	Entered []v1alpha1.PhaseTime
	// Settled is the attempt that was added; nil for none.
	Settled *v1alpha1.Attempt
	// News is set when the decision only says in which phase the job is, since
	// NewsSince: writing it may wait, and what to do is done without it.
	News      bool
	NewsSince time.Time
	// Wake is when to decide again if nothing happens before; zero for never.
	Wake time.Time
}

// Decide makes the decision. It is a function of its argument: deciding twice
// gives the same.
func Decide(o Observed) Decision {
	w := newWorld(o)
	var refusal *Refusal
	if !w.finished() {
		w.settle()
		refusal = w.block()
	}
	w.status.Phase = w.phase()
	ends := w.status.Phase.Finished() && !w.finished()
	if ends {
		w.end()
	}
	w.phaseTimes()
	actions := w.actions()
	w.conditions(refusal)
	w.queuePosition()
	w.watchBlocked()
	d := Decision{
		Status: *w.status, Ends: ends, NeedsLivePods: w.needsLive || ends && (w.status.Phase != v1alpha1.PhaseSucceeded || w.Settings.Limited),
		Actions: actions, Entered: w.entered, Settled: w.added, Wake: w.wake,
	}
	if d.News = w.onlyNews(&d, refusal); d.News {
		d.NewsSince = w.newsSince()
	}
	return d
}

// end puts what the end says into the status.
func (w *world) end() {
	switch w.status.Phase {
	case v1alpha1.PhaseSucceeded:
		w.endSucceeded(w.trained)
	case v1alpha1.PhaseFailed:
		w.endFailed(w.failure())
	case v1alpha1.PhaseCancelled:
		w.status.FinishedAt = &metav1.Time{Time: w.Now}
	}
	w.status.BlockedSince = nil
	w.dropEstimate()
}

func (w *world) endSucceeded(o *outcome) {
	m := o.success
	w.status.FinishedAt = &metav1.Time{Time: w.seenAt(o.finished)}
	w.status.TrainedModel = m.Model
	if m.ResultsFile == contract.ResultsFileID(w.status.ID) {
		w.status.ResultsFile = m.ResultsFile
	}
	if !o.started.IsZero() {
		w.status.TrainedSeconds += int64(w.ranFor(o.started, o.finished).Seconds())
	}
	w.status.ModelDigest = m.Manifest
	w.status.BestEpoch = m.BestEpoch
	w.status.Metrics = exactFigures(m.Metrics)
	w.status.Warnings = mergeWarnings(w.status.Warnings, m, "report.html and model.json have them")
}

func (w *world) endFailed(a *v1alpha1.Attempt) {
	w.status.FinishedAt = &metav1.Time{Time: w.Now}
	if a.FinishedAt != nil {
		w.status.FinishedAt = a.FinishedAt
	}
	w.status.Error = shorten(w.failureSentence(a), maxError)
}

// queuePosition shows the place of the first ten that wait.
func (w *world) queuePosition() {
	w.status.QueuePosition = nil
	if w.waitsForSlot() && w.Slot.Position > 0 && w.Slot.Position <= shownPositions {
		position := w.Slot.Position
		w.status.QueuePosition = &position
	}
}

// waitsForSlot tells whether only the queue keeps the job from training.
func (w *world) waitsForSlot() bool {
	return w.needsSlot() && !w.Slot.Granted && w.startable() && w.Refusal == nil &&
		(w.status.Starts == 0 || w.settled() != nil || w.refusedStart()) && !w.Now.Before(w.notBefore())
}

// watchBlocked asks to be woken when something that only time brings is due.
func (w *world) watchBlocked() {
	if w.status.Phase.Finished() {
		return
	}
	if since := w.status.BlockedSince; since != nil {
		w.reached(since.Add(w.Settings.BlockedTimeout))
		if p, _ := w.current(); p == nil && !w.awaitsForeign() {
			w.reached(w.Now.Add(refusalRetry(w.Now.Sub(since.Time))))
		}
	}
	if w.awaitsForeign() {
		w.reached(w.Now.Add(stoppingRetry))
	}
	for i := range w.Pods {
		p := &w.Pods[i]
		if p.Deleting && !p.Terminal {
			w.reached(p.DeleteBy.Add(w.Settings.LostAfter))
		}
		if p.NeedsEvents(w.Now) {
			w.reached(w.Now.Add(eventsRetry(w.Now.Sub(p.ScheduledAt))))
		} else if !p.Deleting && !p.Terminal && !p.ScheduledAt.IsZero() {
			w.reached(p.ScheduledAt.Add(TroubleAfter))
		}
	}
	if deadline, limited := w.prepareDeadline(); limited {
		w.reached(deadline)
	}
	w.watchDeadline()
	w.watchSlot()
}

func (w *world) watchDeadline() {
	left, limited := w.timeToTrain()
	c := w.train.stage(contract.StageTrain)
	if !limited || c.State != Running || c.StartedAt.IsZero() {
		return
	}
	w.reached(w.runningSince(c).Add(left))
}

// eventsRetry is how long after the events of a Pod were read they are read again:
// ever more rarely the longer it has its node, since each time is a request to the API
// server. A change of the Pod comes by itself.
func eventsRetry(scheduledFor time.Duration) time.Duration {
	return min(max(scheduledFor/2, TroubleAfter), maxEventsRetry)
}

const maxEventsRetry = 5 * time.Minute

// awaitsForeign holds while the Pod of another job has the name of the one that is needed.
func (w *world) awaitsForeign() bool {
	return w.Refusal != nil && w.Refusal.Reason == v1alpha1.ReasonStopping
}

// stoppingRetry is how soon it is looked again whether the Pod of another job, which
// has the name of the one that is needed, is gone.
const stoppingRetry = 5 * time.Second

// refusalRetry is how long after a refusal the Pod is tried again: soon at first,
// then ever more rarely.
func refusalRetry(blockedFor time.Duration) time.Duration {
	return min(max(blockedFor/2, 2*time.Second), time.Minute)
}

// reached tells whether t has come, and asks to be woken then if it has not.
func (w *world) reached(t time.Time) bool {
	if t.IsZero() || !w.Now.Before(t) {
		return true
	}
	if w.wake.IsZero() || t.Before(w.wake) {
		w.wake = t
	}
	return false
}
