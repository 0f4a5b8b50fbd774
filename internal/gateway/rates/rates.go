// Package rates limits how often each of many comes, whoever they are.
package rates

import (
	"sync"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"
)

// Each has a limit for each name, and knows so many names as it may keep: the one not seen for longest begins anew.
type Each struct {
	limit rate.Limit
	burst int

	mutex    sync.Mutex
	limiters *lru.Cache
}

// NewEach lets each name come so often a second in the long run, and burst times at once. keep is how many names are known.
func NewEach(perSecond float64, burst, keep int) *Each {
	return &Each{limit: rate.Limit(perSecond), burst: burst, limiters: lru.New(keep)}
}

// Allow tells whether the name may come now, and counts it if so.
func (e *Each) Allow(name string) bool { return e.of(name).Allow() }

func (e *Each) of(name string) *rate.Limiter {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if known, ok := e.limiters.Get(name); ok {
		if limiter, ok := known.(*rate.Limiter); ok {
			return limiter
		}
	}
	limiter := rate.NewLimiter(e.limit, e.burst)
	e.limiters.Add(name, limiter)
	return limiter
}
