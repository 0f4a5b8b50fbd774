package controllers

import (
	"time"

	"golang.org/x/time/rate"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/lifecycle"
)

const (
	// newsBurst is how many seconds' worth of news may be told at once: that of
	// any number of jobs but a flood.
	newsBurst = 10
	// newsDelay is how long news waits in a flood before it is tried again; by
	// then most of it has become another phase's.
	newsDelay = 3 * time.Second
)

// news bounds what is written only to tell people in which phase jobs are. In a
// flood of short jobs that would be most of what is written, and the API server
// would be busy with it in place of the jobs. Nil bounds nothing.
type news struct {
	statuses *rate.Limiter
	events   *rate.Limiter
}

func newNews(c config.Controller) *news {
	limit := rate.Limit(c.NewsPerSecond)
	if c.NewsPerSecond == 0 {
		limit = rate.Inf
	}
	burst := max(1, int(c.NewsPerSecond*newsBurst))
	return &news{statuses: rate.NewLimiter(limit, burst), events: rate.NewLimiter(limit, burst)}
}

// putOff tells whether the decision is news for which there is no room now.
func (n *news) putOff(decision *lifecycle.Decision) bool {
	return n != nil && decision.News && !n.statuses.Allow()
}

// mayTell tells whether there is room for an event that is only news.
func (n *news) mayTell() bool {
	return n == nil || n.events.Allow()
}

// later is the decision's result when it is put off.
func (r *TrainingJobReconciler) later(decision lifecycle.Decision) ctrl.Result {
	result := r.result(decision)
	if result.RequeueAfter == 0 || result.RequeueAfter > newsDelay {
		result.RequeueAfter = newsDelay
	}
	return result
}
