package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// What the trainer does between the ends of epochs and after the last one is shown, at
// most once in the interval.
func TestANewSummaryIsShownThoughNoEpochEnds(t *testing.T) {
	finished := contract.Progress{Summary: "epoch 40/40, mean IoU 0.912", Epoch: 40, Epochs: 40}
	early := contract.Progress{Summary: "epoch 33/40, mean IoU 0.912", Epoch: 33, Epochs: 40}
	with := func(p contract.Progress, summary string) contract.Progress {
		p.Summary = summary
		return p
	}
	long := with(finished, strings.Repeat("a long summary ", 20))
	for name, c := range map[string]struct {
		shown, next contract.Progress
		after       time.Duration
		due         bool
	}{
		"the next stage":                     {finished, with(finished, finished.Summary+", measuring the baselines"), time.Minute, true},
		"the next stage within the interval": {finished, with(finished, finished.Summary+", measuring the baselines"), 59 * time.Second, false},
		"the same stage":                     {finished, finished, time.Hour, false},
		"the next stage after an early stop": {early, with(early, early.Summary+", writing the report"), time.Minute, true},
		"the first epoch begins":             {contract.Progress{Summary: "reading the files"}, contract.Progress{Summary: "epoch 0/40", Epochs: 40}, time.Minute, true},
		"a summary that is shown as cut":     {long, long, time.Hour, false},
		"other steps of the epoch under way": {early, contract.Progress{Summary: early.Summary, Epoch: 33, Epochs: 40, Step: 9}, time.Hour, false},
		"the next epoch":                     {early, with(contract.Progress{Epoch: 34, Epochs: 40}, "epoch 34/40, mean IoU 0.913"), time.Minute, true},
	} {
		status := lifecycle.WithProgress(&makeJob().Status, c.shown, start)
		if due := lifecycle.ProgressDue(&status, c.next, start.Add(c.after), time.Minute); due != c.due {
			t.Errorf("%s: a write is due: %t, want %t", name, due, c.due)
		}
	}
}
