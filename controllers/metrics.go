package controllers

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// Metrics are the operator's own Prometheus metrics.
type Metrics struct {
	phaseSeconds *prometheus.HistogramVec
	attempts     *prometheus.CounterVec
	ended        *prometheus.CounterVec
	toPod        prometheus.Histogram
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		phaseSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "swath_trainingjob_phase_seconds", Help: "Seconds that jobs spent in a phase that they have left.",
			Buckets: prometheus.ExponentialBuckets(1, 3, 12),
		}, []string{"phase"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "swath_trainingjob_attempts_total", Help: "Starts that ended without success, by stage and reason.",
		}, []string{"stage", "reason"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "swath_trainingjob_ended_total", Help: "Jobs that ended, by phase and by the reason of their last condition.",
		}, []string{"phase", "reason"}),
		toPod: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "swath_trainingjob_create_to_pod_seconds", Help: "Seconds from a job's creation to its first Pod's.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2.5, 12),
		}),
	}
	registry.MustRegister(m.phaseSeconds, m.attempts, m.ended, m.toPod)
	return m
}

// podCreated takes down how long the first Pod took.
func (m *Metrics) podCreated(job *v1alpha1.TrainingJob, action lifecycle.Action, now time.Time) {
	if action.Role == v1alpha1.RolePrepare && action.Number == 1 {
		m.toPod.Observe(max(0, now.Sub(job.CreationTimestamp.Time).Seconds()))
	}
}

// recorded takes down what a written status says that was not known before.
func (m *Metrics) recorded(job *v1alpha1.TrainingJob, before *v1alpha1.TrainingJobStatus, decision lifecycle.Decision) {
	if a := decision.Settled; a != nil {
		m.attempts.WithLabelValues(a.Stage, a.Reason).Inc()
	}
	if decision.Ends {
		m.ended.WithLabelValues(string(job.Status.Phase), lifecycle.EndReason(&job.Status)).Inc()
	}
	m.observePhases(before, decision.Entered)
}

// observePhases takes down how long the phases lasted that the entered ones
// followed. They stand in the order in which they were entered: times would not tell it,
// since they come from the clocks of several nodes.
func (m *Metrics) observePhases(before *v1alpha1.TrainingJobStatus, entered []v1alpha1.PhaseTime) {
	var left *v1alpha1.PhaseTime
	if n := len(before.PhaseTimes); n > 0 {
		left = &before.PhaseTimes[n-1]
	}
	for i := range entered {
		if left != nil {
			m.phaseSeconds.WithLabelValues(string(left.Phase)).Observe(max(0, entered[i].At.Sub(left.At.Time).Seconds()))
		}
		left = &entered[i]
	}
}
