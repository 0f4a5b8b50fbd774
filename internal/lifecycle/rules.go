package lifecycle

import (
	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// Rule is a row of the phase table: the first rule that holds says the phase.
type Rule struct {
	// Name is the rule in a sentence, for the documents.
	Name string
	// Phase is what the rule says; empty for the end that is recorded.
	Phase v1alpha1.Phase

	holds func(*world) bool
}

// Rules are the phase table, in order. docs/phases.md is made from it.
var Rules = []Rule{
	{"an end is recorded: that one, for ever, whatever happens to Pods afterwards", "", (*world).finished},
	{"cancel is asked for, and no Pod is left", v1alpha1.PhaseCancelled, (*world).cancelled},
	{"cancel is not asked for, and the trainer ended with 0 and a message that names this job, this start, the model and its manifest's digest", v1alpha1.PhaseSucceeded, (*world).succeeded},
	{"cancel is not asked for, no Pod can work any more, and: a failure that no retry mends, retries used up, or past the deadline", v1alpha1.PhaseFailed, (*world).failed},
	{"the trainer's container runs", v1alpha1.PhaseRunning, (*world).training},
	{"the files are valid", v1alpha1.PhaseQueued, (*world).filesReady},
	{"the download is done, and spec.suspend does not hold the job", v1alpha1.PhaseValidatingFiles, (*world).downloaded},
	{"the download has started, and spec.suspend does not hold the job", v1alpha1.PhaseDownloadingFiles, (*world).downloading},
	{"otherwise", v1alpha1.PhaseInitializing, func(*world) bool { return true }},
}

// phase is the phase of the first rule that holds.
func (w *world) phase() v1alpha1.Phase {
	for _, rule := range Rules {
		if !rule.holds(w) {
			continue
		}
		if rule.Phase == "" {
			return w.Job.Status.Phase
		}
		return rule.Phase
	}
	return v1alpha1.PhaseInitializing
}

func (w *world) cancelled() bool { return w.cancel() && w.noneLeft() }

func (w *world) succeeded() bool {
	return !w.cancel() && w.filesReady() && w.trained != nil && w.trained.success != nil
}

func (w *world) failed() bool {
	return !w.cancel() && w.allEnded() && w.failure() != nil
}

func (w *world) training() bool {
	return w.train.stage(contract.StageTrain).State == Running && !w.gone(w.train)
}

func (w *world) downloaded() bool {
	download := w.prepare.stage(contract.StageDownload)
	return download.State == Ended && download.ExitCode == contract.ExitOK && !w.held()
}

func (w *world) downloading() bool {
	return w.prepare.stage(contract.StageDownload).State != Waiting && !w.held()
}
