package main

import (
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/results"
)

// progressMetrics are the newest metrics by name: loss is that of the epoch under way, the others are of the last epoch.
func progressMetrics(s training.Snapshot) map[string]float64 {
	m := map[string]float64{contract.MetricSamplesPerSecond: s.SamplesPerSecond, contract.MetricLearningRate: s.Rate}
	if s.Loss > 0 {
		m[contract.MetricLoss] = s.Loss
	}
	if s.Last == nil {
		return m
	}
	addTraining(m, s.Last.Train)
	if s.Last.Valid != nil {
		addValidation(m, *s.Last.Valid)
	}
	return m
}

// modelMetrics are the metrics of the weights that a model has, by the same names.
func modelMetrics(of *manifest.Manifest) map[string]float64 {
	m := map[string]float64{}
	addTraining(m, of.Metrics.Training)
	if of.Metrics.Validation != nil {
		addValidation(m, of.Metrics.Validation.Evaluation)
	}
	if e := of.Metrics.OnTraining; e != nil {
		m[contract.MetricOnTrainingLoss], m[contract.MetricOnTrainingAccuracy] = e.Loss, e.Accuracy
		m[contract.MetricOnTrainingMacroF1], m[contract.MetricOnTrainingWeightedF1] = e.MacroF1, e.WeightedF1
		m[contract.MetricOnTrainingMeanIoU], m[contract.MetricOnTrainingWeightedIoU] = e.MeanIoU, e.WeightedIoU
	}
	return m
}

func addTraining(m map[string]float64, e results.Evaluation) {
	m[contract.MetricTrainLoss], m[contract.MetricTrainAccuracy] = e.Loss, e.Accuracy
	m[contract.MetricTrainMacroF1], m[contract.MetricTrainWeightedF1] = e.MacroF1, e.WeightedF1
	m[contract.MetricTrainMeanIoU], m[contract.MetricTrainWeightedIoU] = e.MeanIoU, e.WeightedIoU
}

func addValidation(m map[string]float64, e results.Evaluation) {
	m[contract.MetricValidLoss], m[contract.MetricValidAccuracy] = e.Loss, e.Accuracy
	m[contract.MetricValidMacroF1], m[contract.MetricValidWeightedF1] = e.MacroF1, e.WeightedF1
	m[contract.MetricValidMeanIoU], m[contract.MetricValidWeightedIoU] = e.MeanIoU, e.WeightedIoU
}
