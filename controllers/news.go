package controllers

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/swath-dev/swath/api/v1alpha1"
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
	// newsLasting is how long a phase has to have lasted to be told while jobs
	// wait to be reconciled: nobody could have read of a shorter one.
	newsLasting = 10 * time.Second
	// newsWaiting is how many jobs for each worker may wait to be reconciled
	// before only lasting phases are told.
	newsWaiting = 2
)

// News bounds what is written only to tell people in which phase jobs are. In a
// flood of short jobs that would be most of what is written, and the API server
// would be busy with it in place of the jobs. Nil bounds nothing.
type News struct {
	statuses *rate.Limiter
	events   *rate.Limiter
	models   *rate.Limiter
	workers  int
	// waiting is the number of jobs that wait to be reconciled.
	waiting func() int
}

// NewNews is News by the configuration.
func NewNews(c config.Controller) *News {
	limit := rate.Limit(c.NewsPerSecond)
	if c.NewsPerSecond == 0 {
		limit = rate.Inf
	}
	burst := max(1, int(c.NewsPerSecond*newsBurst))
	return &News{
		statuses: rate.NewLimiter(limit, burst), events: rate.NewLimiter(limit, burst), models: rate.NewLimiter(limit, burst),
		workers: c.Workers, waiting: func() int { return 0 },
	}
}

// queue makes the controller's queue, the one that it would have by itself, and
// keeps an eye on its length.
func (n *News) queue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	q := priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter })
	n.waiting = q.Len
	return q
}

// flooded tells whether more jobs wait to be reconciled than a moment's work.
func (n *News) flooded() bool {
	return n.statuses.Limit() != rate.Inf && n.waiting() > newsWaiting*n.workers
}

// putOff tells whether the decision is news for which there is no room now.
func (n *News) putOff(decision *lifecycle.Decision, now time.Time) bool {
	if n == nil || !decision.News {
		return false
	}
	if now.Sub(decision.NewsSince) < newsLasting && n.flooded() {
		return true
	}
	return !n.statuses.Allow()
}

// mayTell tells whether there is room for an event that the decision's job entered
// the phase. Failures and cancels are always told.
func (n *News) mayTell(decision *lifecycle.Decision, phase v1alpha1.Phase) bool {
	switch {
	case n == nil, phase == v1alpha1.PhaseFailed, phase == v1alpha1.PhaseCancelled:
		return true
	case phase == v1alpha1.PhaseSucceeded:
		return n.models.Allow()
	}
	// News that was not put off has lasted.
	return (decision.News || !n.flooded()) && n.events.Allow()
}

// mayWarn tells whether there is room for an event of warnings.
func (n *News) mayWarn() bool { return n == nil || !n.flooded() && n.events.Allow() }

// later is when to look at the job again whose status was put off, if not before.
func later(result ctrl.Result) ctrl.Result {
	if result.RequeueAfter == 0 || result.RequeueAfter > newsDelay {
		result.RequeueAfter = newsDelay
	}
	return result
}
