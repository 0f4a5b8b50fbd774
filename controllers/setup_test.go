package controllers

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// After an outage of the API server of any length, every job is looked at again
// within half a minute.
func TestErrorsAreTriedAgainWithinHalfAMinute(t *testing.T) {
	limiter := retryLimiter()
	var longest time.Duration
	for range 100 {
		longest = max(longest, limiter.When(reconcile.Request{}))
	}
	if longest != 30*time.Second {
		t.Errorf("the longest wait is %s, want 30s", longest)
	}
}
