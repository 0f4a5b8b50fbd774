package gateway

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// budget is memory in bytes that is taken and given back. It bounds what all have together, and what each namespace has, so
// that one is not in the way of the others.
type budget struct {
	limit, share int64
	// patience is how long to wait for memory that others have.
	patience time.Duration

	mutex   sync.Mutex
	taken   int64
	takenBy map[string]int64
	// freed is closed when something was given back, and made anew.
	freed chan struct{}
	// reclaim gives back what is kept and not in use, at least as many bytes if there are, of a namespace or with an empty name of
	// any. It is called with the mutex.
	reclaim func(namespace string, bytes int64)
}

func newBudget(limit, share int64, patience time.Duration) *budget {
	return &budget{limit: limit, share: share, patience: patience, takenBy: map[string]int64{}, freed: make(chan struct{}), reclaim: func(string, int64) {}}
}

// errTooMuch is the answer where others have the memory.
var errTooMuch = &callError{status: http.StatusServiceUnavailable, detail: "Too much inference at a time: try again", retryAfter: retryAfterSeconds}

// take takes bytes for a namespace. It waits for others to give some back, but not for long.
func (b *budget) take(ctx context.Context, namespace string, bytes int64) error {
	waited := time.NewTimer(b.patience)
	defer waited.Stop()
	for {
		freed, ok := b.tryTake(namespace, bytes)
		if ok {
			return nil
		}
		select {
		case <-freed:
		case <-waited.C:
			return errTooMuch
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tryTake takes bytes, or returns what is closed when it is worth another try.
func (b *budget) tryTake(namespace string, bytes int64) (freed <-chan struct{}, ok bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if over := b.takenBy[namespace] + bytes - b.share; over > 0 {
		b.reclaim(namespace, over)
	}
	if over := b.taken + bytes - b.limit; over > 0 {
		b.reclaim("", over)
	}
	if b.takenBy[namespace]+bytes > b.share || b.taken+bytes > b.limit {
		return b.freed, false
	}
	b.taken += bytes
	b.takenBy[namespace] += bytes
	return nil, true
}

// give gives bytes back.
func (b *budget) give(namespace string, bytes int64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.giveLocked(namespace, bytes)
}

func (b *budget) giveLocked(namespace string, bytes int64) {
	b.taken -= bytes
	if b.takenBy[namespace] -= bytes; b.takenBy[namespace] == 0 {
		delete(b.takenBy, namespace)
	}
	b.wake()
}

// wake lets those who wait try again.
func (b *budget) wake() {
	close(b.freed)
	b.freed = make(chan struct{})
}

// holdFor is what one request is going to take.
func (b *budget) holdFor(namespace string) *hold { return &hold{budget: b, namespace: namespace} }

// hold is what one request has of a budget.
type hold struct {
	budget    *budget
	namespace string
	bytes     int64
}

// take takes more. What can never be had is a request that is too large.
func (h *hold) take(ctx context.Context, bytes int64) error {
	if h.bytes+bytes > h.budget.share {
		return errTooLargeForMemory
	}
	if err := h.budget.take(ctx, h.namespace, bytes); err != nil {
		return err
	}
	h.bytes += bytes
	return nil
}

// errTooLargeForMemory is the answer to a request that takes more memory than a namespace may have.
var errTooLargeForMemory = &callError{status: http.StatusRequestEntityTooLarge, detail: "The request takes more memory than this gateway has for inference: send fewer or smaller images at a time"}

// give gives some of it back.
func (h *hold) give(bytes int64) {
	h.bytes -= bytes
	h.budget.give(h.namespace, bytes)
}

// release gives all of it back.
func (h *hold) release() { h.give(h.bytes) }
