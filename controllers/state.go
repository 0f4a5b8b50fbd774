package controllers

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/queue"
)

// scrapeTimeout bounds how long a scrape waits for the cache.
const scrapeTimeout = 5 * time.Second

// StateCollector tells, when it is scraped, how the jobs are. It counts the cache's
// jobs each time, so that it can never be off.
type StateCollector struct {
	Client client.Reader
	Queue  *queue.Ledger
	Clock  clock.PassiveClock
	// Elected is closed once this replica works: only one is to count the jobs.
	Elected <-chan struct{}
}

var (
	jobsDesc = prometheus.NewDesc("swath_trainingjobs",
		"TrainingJobs by namespace and phase.", []string{"namespace", "phase"}, nil)
	queueDesc = prometheus.NewDesc("swath_queue_length",
		"Jobs that wait for a slot under the limits of running jobs.", nil, nil)
	waitDesc = prometheus.NewDesc("swath_queue_oldest_wait_seconds",
		"Seconds since the job that has been queued longest was queued.", nil, nil)
	ageDesc = prometheus.NewDesc("swath_progress_oldest_seconds",
		"Seconds since the progress of a running job was written, or since it runs when none was, of the job where that is longest ago.", nil, nil)
)

// Describe is part of prometheus.Collector.
func (c *StateCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- jobsDesc
	descs <- queueDesc
	descs <- waitDesc
	descs <- ageDesc
}

// Collect is part of prometheus.Collector.
func (c *StateCollector) Collect(out chan<- prometheus.Metric) {
	select {
	case <-c.Elected:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	var list v1alpha1.TrainingJobList
	if err := c.Client.List(ctx, &list, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		out <- prometheus.NewInvalidMetric(jobsDesc, err)
		return
	}
	type key struct{ namespace, phase string }
	counts := map[key]int{}
	var oldestWait, oldestProgress time.Duration
	now := c.Clock.Now()
	for i := range list.Items {
		job := &list.Items[i]
		counts[key{job.Namespace, string(job.Status.Phase)}]++
		switch job.Status.Phase {
		case v1alpha1.PhaseQueued:
			oldestWait = max(oldestWait, now.Sub(queuedSince(job, now)))
		case v1alpha1.PhaseRunning:
			oldestProgress = max(oldestProgress, now.Sub(heardAt(job, now)))
		}
	}
	for k, n := range counts {
		out <- prometheus.MustNewConstMetric(jobsDesc, prometheus.GaugeValue, float64(n), k.namespace, k.phase)
	}
	out <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(c.Queue.Waiting()))
	out <- prometheus.MustNewConstMetric(waitDesc, prometheus.GaugeValue, oldestWait.Seconds())
	out <- prometheus.MustNewConstMetric(ageDesc, prometheus.GaugeValue, oldestProgress.Seconds())
}

// heardAt is when the trainer of a running job told its progress last, or when it
// began to run if it never did.
func heardAt(job *v1alpha1.TrainingJob, now time.Time) time.Time {
	at := becameTrue(job, v1alpha1.ConditionRunning)
	if at.IsZero() {
		at = enteredAt(job, v1alpha1.PhaseRunning, now)
	}
	if p := job.Status.Progress; p != nil && p.UpdatedAt != nil && p.UpdatedAt.After(at) {
		at = p.UpdatedAt.Time
	}
	return at
}

// queuedSince is since when a queued job waits: since its files are valid, or since its
// last start ended.
func queuedSince(job *v1alpha1.TrainingJob, now time.Time) time.Time {
	at := becameTrue(job, v1alpha1.ConditionFilesReady)
	if at.IsZero() {
		return enteredAt(job, v1alpha1.PhaseQueued, now)
	}
	if n := len(job.Status.Attempts); n > 0 {
		if ended := job.Status.Attempts[n-1].FinishedAt; ended != nil && ended.After(at) {
			return ended.Time
		}
	}
	return at
}

// becameTrue is since when the condition is true, zero if it is not. The operator's
// clock says it; the times of phases come from the nodes' clocks, which may be off.
func becameTrue(job *v1alpha1.TrainingJob, condition string) time.Time {
	if c := meta.FindStatusCondition(job.Status.Conditions, condition); c != nil && c.Status == metav1.ConditionTrue {
		return c.LastTransitionTime.Time
	}
	return time.Time{}
}

// enteredAt is when the job entered the phase; fallback when that is not known.
func enteredAt(job *v1alpha1.TrainingJob, phase v1alpha1.Phase, fallback time.Time) time.Time {
	if at := lifecycle.EnteredAt(&job.Status, phase); !at.IsZero() {
		return at
	}
	return fallback
}
