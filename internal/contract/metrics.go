package contract

// The names of the metrics in Progress and Message. The trainer says these, and the
// plugin looks for them.
const (
	// MetricLoss is the mean training loss of the epoch under way.
	MetricLoss = "loss"
	// MetricLearningRate is that of the last step.
	MetricLearningRate = "learningRate"
	// MetricSamplesPerSecond counts training chips.
	MetricSamplesPerSecond = "samplesPerSecond"

	MetricTrainLoss        = "trainLoss"
	MetricTrainAccuracy    = "trainAccuracy"
	MetricTrainMacroF1     = "trainMacroF1"
	MetricTrainWeightedF1  = "trainWeightedF1"
	MetricTrainMeanIoU     = "trainMeanIoU"
	MetricTrainWeightedIoU = "trainWeightedIoU"

	MetricValidLoss        = "validLoss"
	MetricValidAccuracy    = "validAccuracy"
	MetricValidMacroF1     = "validMacroF1"
	MetricValidWeightedF1  = "validWeightedF1"
	MetricValidMeanIoU     = "validMeanIoU"
	MetricValidWeightedIoU = "validWeightedIoU"
)
