package integration

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// errCut is the answer to every request after a wire was cut.
var errCut = errors.New("the wire to the API server is cut")

// wire is one operator's connection to the API server. It notes the writes for jobs,
// which are those of TrainingJobs and Pods, and can be cut.
type wire struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu    sync.Mutex
	notes []string
}

func newWire() *wire {
	w := &wire{}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// cut ends all requests and watches under way, and lets no other through: to the
// cluster it is as if the operator's process had been killed.
func (w *wire) cut() { w.cancel() }

func (w *wire) isCut() bool { return w.ctx.Err() != nil }

// through has the requests to next go through the wire.
func (w *wire) through(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(request *http.Request) (*http.Response, error) {
		if w.isCut() {
			return nil, errCut
		}
		w.note(request)
		ctx, cancel := context.WithCancel(request.Context())
		context.AfterFunc(w.ctx, cancel)
		return next.RoundTrip(request.WithContext(ctx))
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// note takes a write for a job down, such as "POST pods" or "PUT trainingjobs/status".
func (w *wire) note(request *http.Request) {
	if request.Method == http.MethodGet {
		return
	}
	segments := strings.Split(request.URL.Path, "/")
	at := slices.IndexFunc(segments, func(segment string) bool { return segment == "pods" || segment == "trainingjobs" })
	if at < 0 {
		return
	}
	what := request.Method + " " + segments[at]
	// After the kind comes the name, and then the subresource.
	if len(segments) > at+2 {
		what += "/" + segments[at+2]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, what)
}

// writes are the writes for jobs so far, in their order.
func (w *wire) writes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.notes)
}

// wantWritesOfOneJob checks that the operators' writes are those of a job that went
// straight to its model: two Pods, the one finalizer, and at most six statuses.
func (s *stage) wantWritesOfOneJob(writes []string) {
	s.t.Helper()
	count := map[string]int{}
	for _, what := range writes {
		count[what]++
	}
	made, finalizers, statuses := count["POST pods"], count["PATCH pods"], count["PUT trainingjobs/status"]
	if made != 2 || finalizers != 1 || statuses == 0 || statuses > 6 || made+finalizers+statuses != len(writes) {
		s.t.Errorf("the operator wrote %q, want 2 Pods, 1 finalizer, at most 6 statuses and nothing else", writes)
	}
}
