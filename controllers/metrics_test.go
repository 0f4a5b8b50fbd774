package controllers

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// phaseSeconds are the phases that the metric has counted: how often, and for how long
// in all.
func phaseSeconds(t *testing.T, registry *prometheus.Registry) map[v1alpha1.Phase]string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[v1alpha1.Phase]string{}
	for _, family := range families {
		if family.GetName() != "swath_trainingjob_phase_seconds" {
			continue
		}
		for _, metric := range family.Metric {
			counted[v1alpha1.Phase(metric.Label[0].GetValue())] = fmt.Sprintf("%d of %g s", metric.Histogram.GetSampleCount(), metric.Histogram.GetSampleSum())
		}
	}
	return counted
}

// Each phase that a job leaves is counted once, as the one that it was in and for no
// less than nothing, though the nodes' clocks are off.
func TestEachPhaseIsCountedOnceWhateverClocksSay(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, clock := range map[string]time.Duration{"right": 0, "an hour ahead": time.Hour, "an hour behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			m := NewMetrics(registry)
			node := created.Add(clock)
			steps := []v1alpha1.PhaseTime{
				{Phase: v1alpha1.PhaseInitializing, At: metav1.Time{Time: created}},
				{Phase: v1alpha1.PhaseDownloadingFiles, At: metav1.Time{Time: node.Add(2 * time.Second)}},
				{Phase: v1alpha1.PhaseValidatingFiles, At: metav1.Time{Time: node.Add(5 * time.Second)}},
				{Phase: v1alpha1.PhaseQueued, At: metav1.Time{Time: node.Add(9 * time.Second)}},
				{Phase: v1alpha1.PhaseRunning, At: metav1.Time{Time: node.Add(10 * time.Second)}},
				{Phase: v1alpha1.PhaseSucceeded, At: metav1.Time{Time: node.Add(70 * time.Second)}},
			}
			job := &v1alpha1.TrainingJob{}
			for i := range steps {
				before := v1alpha1.TrainingJobStatus{PhaseTimes: steps[:i]}
				m.recorded(job, &before, lifecycle.Decision{Entered: steps[i : i+1]})
			}
			initializing := "1 of 2 s"
			switch {
			case clock > 0:
				initializing = "1 of 3602 s"
			case clock < 0:
				initializing = "1 of 0 s"
			}
			want := map[v1alpha1.Phase]string{
				v1alpha1.PhaseInitializing: initializing, v1alpha1.PhaseDownloadingFiles: "1 of 3 s", v1alpha1.PhaseValidatingFiles: "1 of 4 s",
				v1alpha1.PhaseQueued: "1 of 1 s", v1alpha1.PhaseRunning: "1 of 60 s",
			}
			if got := phaseSeconds(t, registry); !maps.Equal(got, want) {
				t.Errorf("the phases counted are %v, want %v", got, want)
			}
		})
	}
}
