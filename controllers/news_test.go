package controllers

import (
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// downloading is the decision that a job has been downloading for that long.
func downloading(now time.Time, lasted time.Duration, news bool) *lifecycle.Decision {
	return &lifecycle.Decision{
		News: news, NewsSince: now.Add(-lasted), Status: v1alpha1.TrainingJobStatus{Phase: v1alpha1.PhaseDownloadingFiles},
	}
}

// TestInAFloodOnlyLastingPhasesAreTold: and nothing that anything follows from is
// ever put off.
func TestInAFloodOnlyLastingPhasesAreTold(t *testing.T) {
	now := time.Now()
	cases := map[string]struct {
		waiting int
		lasted  time.Duration
		news    bool
		limit   float64
		putOff  bool
	}{
		"few jobs wait": {waiting: 2, news: true, limit: 10},
		"many jobs wait, and the phase has begun":     {waiting: 9, news: true, limit: 10, putOff: true},
		"many jobs wait, and the phase lasts":         {waiting: 9, lasted: newsLasting, news: true, limit: 10},
		"many jobs wait, and something follows of it": {waiting: 9, limit: 10},
		"many jobs wait, and there is no limit":       {waiting: 9, news: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			n := NewNews(config.Controller{Workers: 4, NewsPerSecond: c.limit})
			n.waiting = func() int { return c.waiting }
			if got := n.putOff(downloading(now, c.lasted, c.news), now); got != c.putOff {
				t.Errorf("the status is put off: %v, want %v", got, c.putOff)
			}
		})
	}
}

// TestNewsIsBounded: in statuses and in events; failures and cancels are told.
func TestNewsIsBounded(t *testing.T) {
	now := time.Now()
	n := NewNews(config.Controller{Workers: 4, NewsPerSecond: 0.001})
	decision := downloading(now, 0, true)
	if n.putOff(decision, now) || !n.mayTell(decision, v1alpha1.PhaseDownloadingFiles) || !n.mayTell(decision, v1alpha1.PhaseSucceeded) {
		t.Error("the first of its kind is not told")
	}
	if !n.putOff(decision, now) || n.mayTell(decision, v1alpha1.PhaseDownloadingFiles) || n.mayTell(decision, v1alpha1.PhaseSucceeded) {
		t.Error("news is told without a limit")
	}
	if !n.mayTell(decision, v1alpha1.PhaseFailed) || !n.mayTell(decision, v1alpha1.PhaseCancelled) {
		t.Error("a failure or a cancel is not told")
	}
	if result := later(ctrl.Result{}); result.RequeueAfter != newsDelay {
		t.Errorf("what was put off comes again after %v", result.RequeueAfter)
	}
}

// TestEventsOfAFlood: events of phases are told only with a status that was worth
// a write of its own.
func TestEventsOfAFlood(t *testing.T) {
	now := time.Now()
	n := NewNews(config.Controller{Workers: 4, NewsPerSecond: 10})
	n.waiting = func() int { return 9 }
	if n.mayTell(downloading(now, 0, false), v1alpha1.PhaseInitializing) {
		t.Error("in a flood a passing phase has an event")
	}
	if !n.mayTell(downloading(now, newsLasting, true), v1alpha1.PhaseDownloadingFiles) {
		t.Error("in a flood a lasting phase has no event")
	}
}
