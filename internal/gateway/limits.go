package gateway

import (
	"net/http"
	"sync"
	"time"
)

// Limits keep requests from exhausting the gateway. A zero is the default.
type Limits struct {
	// FileBytes is the largest upload; 64 GiB by default.
	FileBytes int64
	// InferenceBytes is the largest body for inference; 128 MiB by default.
	InferenceBytes int64
	// InferenceMemory is what inference may take of memory in bytes: bodies, pixels, models and what they work in, also those that
	// are kept for the next request; 512 MiB by default. One namespace may have half of it.
	InferenceMemory int64
	// InferenceWait is how long a request waits for memory that others have; 10 s by default.
	InferenceWait time.Duration
	// InFlight is how many requests are worked on at a time; 512 by default. InFlightPerNamespace is how many of them may be for one
	// namespace; a quarter by default.
	InFlight, InFlightPerNamespace int
	// Uploads is how many uploads and downloads go on at a time; 64 by default. UploadsPerNamespace is how many of them one
	// namespace may have; 8 by default.
	Uploads, UploadsPerNamespace int
	// PaceTime is in which time whoever sends or receives a file has to keep up each MiB; a minute by default.
	PaceTime time.Duration
	// BodyTime is in which time a small body has to be there, and anything of one whose sender is not known yet; 10 s by default.
	BodyTime time.Duration
	// PerSecond is how many requests a caller may make a second in the long run, and Burst at once; 50 and 200 by default.
	PerSecond float64
	Burst     int
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.FileBytes, 64<<30)
	setDefault(&l.InferenceBytes, 128<<20)
	setDefault(&l.InferenceMemory, 512<<20)
	setDefault(&l.InferenceWait, 10*time.Second)
	setDefault(&l.InFlight, 512)
	setDefault(&l.InFlightPerNamespace, max(1, l.InFlight/4))
	setDefault(&l.Uploads, 64)
	setDefault(&l.UploadsPerNamespace, 8)
	setDefault(&l.PaceTime, time.Minute)
	setDefault(&l.BodyTime, 10*time.Second)
	setDefault(&l.PerSecond, 50)
	setDefault(&l.Burst, 200)
	return l
}

func setDefault[T int | int64 | float64 | time.Duration](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}

// keptCallers bounds how many callers' rates are known.
const keptCallers = 10_000

// slots limits how many things go on at a time, over all and for each namespace.
type slots struct {
	// things are what is limited, for the answer.
	things         string
	most, mostEach int

	mutex   sync.Mutex
	taken   int
	takenBy map[string]int
}

func newSlots(things string, most, mostEach int) *slots {
	return &slots{things: things, most: most, mostEach: mostEach, takenBy: map[string]int{}}
}

// take takes a slot, and returns what gives it back.
func (s *slots) take(namespace string) (release func(), err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.takenBy[namespace] >= s.mostEach {
		return nil, &callError{status: http.StatusTooManyRequests, detail: "Too many " + s.things + " of this namespace at a time: wait for one to end", retryAfter: retryAfterSeconds}
	}
	if s.taken >= s.most {
		return nil, &callError{status: http.StatusServiceUnavailable, detail: "Too many " + s.things + " at a time: try again", retryAfter: retryAfterSeconds}
	}
	s.taken++
	s.takenBy[namespace]++
	return func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.taken--
		if s.takenBy[namespace]--; s.takenBy[namespace] == 0 {
			delete(s.takenBy, namespace)
		}
	}, nil
}
