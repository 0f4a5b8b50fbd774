package contract

import (
	"maps"
	"math"
)

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

	// Those of a model without validation data, on the training chips as they are.
	MetricOnTrainingLoss        = "onTrainingLoss"
	MetricOnTrainingAccuracy    = "onTrainingAccuracy"
	MetricOnTrainingMacroF1     = "onTrainingMacroF1"
	MetricOnTrainingWeightedF1  = "onTrainingWeightedF1"
	MetricOnTrainingMeanIoU     = "onTrainingMeanIoU"
	MetricOnTrainingWeightedIoU = "onTrainingWeightedIoU"
)

// FiniteMetrics are the metrics that JSON has numbers for: a training that goes
// wrong has others.
func FiniteMetrics(metrics map[string]float64) map[string]float64 {
	kept := maps.Clone(metrics)
	maps.DeleteFunc(kept, func(_ string, value float64) bool { return math.IsNaN(value) || math.IsInf(value, 0) })
	return kept
}
