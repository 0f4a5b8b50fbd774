package gateway

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"
)

// Limits keep requests from exhausting the gateway. A zero is the default.
type Limits struct {
	// FileBytes is the largest upload; 64 GiB by default.
	FileBytes int64
	// InferenceBytes is the largest body for inference, and of all bodies that are being worked on together; 128 MiB by default.
	InferenceBytes int64
	// ModelBytes is how much of models is kept in memory; 512 MiB by default.
	ModelBytes int64
	// InFlight is how many requests are worked on at a time; 512 by default.
	InFlight int
	// Uploads is how many uploads and downloads go on at a time; 64 by default. UploadsPerCaller is how many of them one
	// caller may have; 8 by default.
	Uploads, UploadsPerCaller int
	// PaceTime is in which time whoever sends or receives a file has to keep up each MiB; a minute by default.
	PaceTime time.Duration
	// PerSecond is how many requests a caller may make a second in the long run, and Burst at once; 50 and 200 by default.
	PerSecond float64
	Burst     int
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.FileBytes, 64<<30)
	setDefault(&l.InferenceBytes, 128<<20)
	setDefault(&l.ModelBytes, 512<<20)
	setDefault(&l.InFlight, 512)
	setDefault(&l.Uploads, 64)
	setDefault(&l.UploadsPerCaller, 8)
	setDefault(&l.PaceTime, time.Minute)
	setDefault(&l.PerSecond, 50)
	setDefault(&l.Burst, 200)
	return l
}

func setDefault[T int | int64 | float64 | time.Duration](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}

// keptCallers bounds how many callers' rates are known; the one not seen for longest begins anew.
const keptCallers = 10_000

// callers limits how often each caller calls.
type callers struct {
	mutex    sync.Mutex
	limiters *lru.Cache
	limit    rate.Limit
	burst    int
}

func newCallers(limits Limits) *callers {
	return &callers{limiters: lru.New(keptCallers), limit: rate.Limit(limits.PerSecond), burst: limits.Burst}
}

func (c *callers) allow(name string) error {
	if c.of(name).Allow() {
		return nil
	}
	return &callError{status: http.StatusTooManyRequests, detail: "Too many requests: slow down", retryAfter: 1}
}

func (c *callers) of(name string) *rate.Limiter {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if known, ok := c.limiters.Get(name); ok {
		if limiter, ok := known.(*rate.Limiter); ok {
			return limiter
		}
	}
	limiter := rate.NewLimiter(c.limit, c.burst)
	c.limiters.Add(name, limiter)
	return limiter
}

// slots limits how many things go on at a time, over all and for each caller.
type slots struct {
	mutex          sync.Mutex
	most, mostEach int
	taken          int
	takenBy        map[string]int
}

func newSlots(most, mostEach int) *slots {
	return &slots{most: most, mostEach: mostEach, takenBy: map[string]int{}}
}

// take takes a slot, and returns what gives it back.
func (s *slots) take(name string) (release func(), err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.takenBy[name] >= s.mostEach {
		return nil, &callError{status: http.StatusTooManyRequests, detail: "Too many uploads and downloads at a time: wait for one to end", retryAfter: retryAfterSeconds}
	}
	if s.taken >= s.most {
		return nil, &callError{status: http.StatusServiceUnavailable, detail: "Too many uploads and downloads at a time: try again", retryAfter: retryAfterSeconds}
	}
	s.taken++
	s.takenBy[name]++
	return func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.taken--
		if s.takenBy[name]--; s.takenBy[name] == 0 {
			delete(s.takenBy, name)
		}
	}, nil
}
