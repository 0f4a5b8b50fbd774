package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/felixge/httpsnoop"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/swath-dev/swath/internal/gateway/access"
)

// requestIDHeader carries an ID that the caller chose, or the one that it got.
const requestIDHeader = "X-Request-ID"

var saneRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// metrics are the server's Prometheus metrics.
type metrics struct {
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	uploaded prometheus.Counter
	sent     prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "swath_gateway_request_duration_seconds",
			Help:    "How long requests took, by method, path and status code.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		}, []string{"method", "path", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "swath_gateway_requests_in_flight", Help: "How many requests are being worked on."}),
		uploaded: prometheus.NewCounter(prometheus.CounterOpts{Name: "swath_gateway_uploaded_bytes_total", Help: "How many bytes of files were stored."}),
		sent:     prometheus.NewCounter(prometheus.CounterOpts{Name: "swath_gateway_sent_bytes_total", Help: "How many bytes were sent in answers."}),
	}
	for _, collector := range []prometheus.Collector{m.seconds, m.inFlight, m.uploaded, m.sent} {
		if err := registerer.Register(collector); err != nil {
			return nil, fmt.Errorf("registering the gateway's metrics: %w", err)
		}
	}
	return m, nil
}

// noted is what the calls note for the access log.
type noted struct {
	log    *slog.Logger
	caller access.Caller
}

type notedKey struct{}

func logOf(ctx context.Context) *slog.Logger {
	if n, ok := ctx.Value(notedKey{}).(*noted); ok {
		return n.log
	}
	return slog.Default()
}

func noteCaller(ctx context.Context, caller access.Caller) {
	if n, ok := ctx.Value(notedKey{}).(*noted); ok {
		n.caller = caller
	}
}

// observed gives each request an ID, an entry in the access log and in the metrics, and keeps the number of requests that are
// worked on at a time, and their time, within the limits.
func (s *Server) observed(mux *http.ServeMux) http.Handler {
	inFlight := make(chan struct{}, s.limits.InFlight)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.limitTime(w, r)()
		id := r.Header.Get(requestIDHeader)
		if !saneRequestID.MatchString(id) {
			id = strings.ToLower(rand.Text())[:20]
		}
		w.Header().Set(requestIDHeader, id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		n := &noted{log: s.log.With("request", id)}
		r = r.WithContext(context.WithValue(r.Context(), notedKey{}, n))
		start := s.now()
		measured := httpsnoop.CaptureMetricsFn(w, func(w http.ResponseWriter) {
			select {
			case inFlight <- struct{}{}:
				s.metrics.inFlight.Inc()
				defer func() {
					<-inFlight
					s.metrics.inFlight.Dec()
				}()
				answerPanics(mux).ServeHTTP(w, r)
			default:
				writeError(w, n.log, &callError{status: http.StatusServiceUnavailable, detail: "Too many requests are being worked on: try again", retryAfter: 1})
			}
		})
		s.record(mux, r, n, measured, s.now().Sub(start))
	})
}

// answerTime is in which time a short answer has to be taken, after the longest time that a call without files may take.
const answerTime = 30 * time.Second

// limitCall sets the deadlines of a call whose caller is known. What reads a body sets its own, and so does what sends a file.
// With HTTP/2 a deadline that passes ends the stream whatever goes on in it, so that none may be left from before.
func limitCall(w http.ResponseWriter, c call) {
	controller, answer := http.NewResponseController(w), time.Time{}
	if c.timeout > 0 {
		answer = time.Now().Add(c.timeout + answerTime)
	}
	_ = controller.SetReadDeadline(time.Time{})
	_ = controller.SetWriteDeadline(answer)
}

// limitTime sets the deadlines that hold until a call sets its own: nothing of a body may be long in coming before its sender
// is known. What it returns is to be called when the call is done: the server reads what is left of a body, and sends what is
// left of the answer, only within those of its own.
func (s *Server) limitTime(w http.ResponseWriter, r *http.Request) (done func()) {
	controller := http.NewResponseController(w)
	// Without a body a deadline that passes would end the request; a test without a connection has none.
	if r.ContentLength != 0 {
		_ = controller.SetReadDeadline(time.Now().Add(s.limits.BodyTime))
	}
	_ = controller.SetWriteDeadline(time.Now().Add(callTimeout + answerTime))
	return func() {
		_ = controller.SetReadDeadline(time.Now().Add(s.limits.BodyTime))
		_ = controller.SetWriteDeadline(time.Now().Add(answerTime))
	}
}

func (s *Server) record(mux *http.ServeMux, r *http.Request, n *noted, measured httpsnoop.Metrics, took time.Duration) {
	_, pattern := mux.Handler(r)
	_, path, _ := strings.Cut(pattern, "/")
	s.metrics.seconds.WithLabelValues(knownMethod(r.Method), "/"+path, strconv.Itoa(measured.Code)).Observe(took.Seconds())
	s.metrics.sent.Add(float64(measured.Written))
	n.log.Info("request", "method", r.Method, "path", r.URL.Path, "status", measured.Code, "bytes", measured.Written,
		"duration", took, "caller", n.caller.Name, "namespace", n.caller.Namespace, "remote", r.RemoteAddr)
}

// knownMethod keeps words of a caller's invention out of the metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodOptions:
		return method
	}
	return "other"
}

// answerPanics answers for a call that panics, so that a bug costs one answer and not the others.
func answerPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			writeError(w, logOf(r.Context()), fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}()
		next.ServeHTTP(w, r)
	})
}
