package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/results"
)

// gauge is a figure of the newest snapshot; ok is false where there is none yet.
type gauge struct {
	desc *prometheus.Desc
	of   func(training.Snapshot) (value float64, ok bool)
}

// metricsCollector turns the newest snapshot into Prometheus metrics.
type metricsCollector struct {
	progress *training.Progress
	gauges   []gauge
}

// newMetrics makes a registry with the metrics of training, and those of the process and of Go.
func newMetrics(progress *training.Progress) *prometheus.Registry {
	always := func(of func(training.Snapshot) float64) func(training.Snapshot) (float64, bool) {
		return func(s training.Snapshot) (float64, bool) { return of(s), s.Steps > 0 }
	}
	train := func(of func(results.Evaluation) float64) func(training.Snapshot) (float64, bool) {
		return func(s training.Snapshot) (float64, bool) {
			if s.Last == nil {
				return 0, false
			}
			return of(s.Last.Train), true
		}
	}
	valid := func(of func(results.Evaluation) float64) func(training.Snapshot) (float64, bool) {
		return func(s training.Snapshot) (float64, bool) {
			if s.Last == nil || s.Last.Valid == nil {
				return 0, false
			}
			return of(*s.Last.Valid), true
		}
	}
	loss := func(e results.Evaluation) float64 { return e.Loss }
	accuracy := func(e results.Evaluation) float64 { return e.Accuracy }
	macroF1 := func(e results.Evaluation) float64 { return e.MacroF1 }
	weightedF1 := func(e results.Evaluation) float64 { return e.WeightedF1 }
	meanIoU := func(e results.Evaluation) float64 { return e.MeanIoU }
	weightedIoU := func(e results.Evaluation) float64 { return e.WeightedIoU }
	c := &metricsCollector{progress: progress}
	for _, g := range []struct {
		name, help string
		of         func(training.Snapshot) (float64, bool)
	}{
		{"epoch", "Epochs that are done.", always(func(s training.Snapshot) float64 { return float64(s.Epoch) })},
		{"epochs", "Epochs to do.", always(func(s training.Snapshot) float64 { return float64(s.Epochs) })},
		{"step", "Steps that are done.", always(func(s training.Snapshot) float64 { return float64(s.Step) })},
		{"steps", "Steps to do.", always(func(s training.Snapshot) float64 { return float64(s.Steps) })},
		{"learning_rate", "Learning rate of the last step.", always(func(s training.Snapshot) float64 { return s.Rate })},
		{"samples_per_second", "Training chips a second.", always(func(s training.Snapshot) float64 { return s.SamplesPerSecond })},
		{"loss", "Mean training loss of the epoch under way.", func(s training.Snapshot) (float64, bool) { return s.Loss, s.Loss > 0 }},
		{"train_loss", "Training loss of the last epoch.", train(loss)},
		{"train_accuracy", "Training accuracy of the last epoch.", train(accuracy)},
		{"train_macro_f1", "Training macro F1 of the last epoch.", train(macroF1)},
		{"train_weighted_f1", "Training F1 of the last epoch, weighted by the classes' samples.", train(weightedF1)},
		{"train_mean_iou", "Training mean IoU of the last epoch.", train(meanIoU)},
		{"train_weighted_iou", "Training IoU of the last epoch, weighted by the classes' samples.", train(weightedIoU)},
		{"valid_loss", "Validation loss of the last epoch.", valid(loss)},
		{"valid_accuracy", "Validation accuracy of the last epoch.", valid(accuracy)},
		{"valid_macro_f1", "Validation macro F1 of the last epoch.", valid(macroF1)},
		{"valid_weighted_f1", "Validation F1 of the last epoch, weighted by the classes' samples.", valid(weightedF1)},
		{"valid_mean_iou", "Validation mean IoU of the last epoch.", valid(meanIoU)},
		{"valid_weighted_iou", "Validation IoU of the last epoch, weighted by the classes' samples.", valid(weightedIoU)},
		{"peak_memory_bytes", "Largest resident size of the process.", func(training.Snapshot) (float64, bool) {
			peak := training.PeakMemory()
			return float64(peak), peak > 0
		}},
	} {
		c.gauges = append(c.gauges, gauge{prometheus.NewDesc("swath_training_"+g.name, g.help, nil, nil), g.of})
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Describe implements prometheus.Collector.
func (c *metricsCollector) Describe(to chan<- *prometheus.Desc) {
	for _, g := range c.gauges {
		to <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (c *metricsCollector) Collect(to chan<- prometheus.Metric) {
	s := c.progress.Snapshot()
	for _, g := range c.gauges {
		if value, ok := g.of(s); ok {
			to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value)
		}
	}
}
