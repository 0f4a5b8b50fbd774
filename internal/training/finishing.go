package training

import "time"

// What is done after the last epoch, in words.
const (
	MeasuringModel     = "measuring the model"
	MeasuringBaselines = "measuring the baselines"
	WritingReport      = "writing the report"
	StoringModel       = "storing the model"
)

const (
	// lastPasses is how often the data that figures are of are gone through after the last epoch: the chosen weights are
	// measured, and so are two baselines; chips for the report are looked for.
	lastPasses = 4
	// linearShare is by how much a pixel takes less time of the linear model than of the network, in training, at least.
	linearShare = 64
	// forwardShare is by how much a chip takes less time when it is only predicted, about.
	forwardShare = 3
)

// Begin tells the hooks that the loop has come to what is done after its last epoch.
func (l *Loop) Begin(doing string) {
	for _, hook := range l.hooks {
		if hook.Finish != nil {
			hook.Finish(l, doing)
		}
	}
}

// finishing is about how long all takes that comes after the last epoch, from a stage of it on; 0 where nothing is known yet.
func (l *Loop) finishing(doing string) time.Duration {
	if l.perChip <= 0 {
		return 0
	}
	pass := l.perChip / forwardShare * time.Duration(l.measured().loader.Batches()*l.settings.BatchSize)
	steps := min(baselinePixels, l.train.loader.MaxBatch()*l.side*l.side)
	linear := l.perChip * time.Duration(baselineSteps) / linearShare * time.Duration(steps) / time.Duration(l.side*l.side)
	switch doing {
	case MeasuringModel, "":
		return lastPasses*pass + linear + reportTime
	case MeasuringBaselines:
		return lastPasses/2*pass + linear + reportTime
	case WritingReport:
		return reportTime
	}
	return 0
}
