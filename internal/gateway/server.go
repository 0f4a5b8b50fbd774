package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/lru"

	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/jobs"
	"github.com/swath-dev/swath/internal/gateway/mirror"
	"github.com/swath-dev/swath/internal/gateway/rates"
	"github.com/swath-dev/swath/internal/storage"
)

// Stores gives the storage of a namespace. The error is a *NoStorageError where the configuration has none for it.
type Stores interface {
	Store(ctx context.Context, namespace string) (*storage.Store, error)
}

// Options are what a Server works with.
type Options struct {
	// Jobs may be nil for a server that is asked for files only.
	Jobs   *jobs.Jobs
	Gate   access.Gate
	Stores Stores
	Limits Limits
	Log    *slog.Logger
	// Metrics is where the server's metrics are registered.
	Metrics prometheus.Registerer
	// PriorityClass is the priority class of jobs that name none, as the operator's configuration has it.
	PriorityClass string
	// Version is the version of Swath that the OpenAPI document names.
	Version string
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Server serves the HTTP API. It is an http.Handler.
type Server struct {
	jobs    *jobs.Jobs
	gate    access.Gate
	stores  Stores
	limits  Limits
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
	callers *rates.Each
	// requests and uploads count those that go on, the latter also downloads.
	requests, uploads *slots
	models            *models

	priorityClass string
	// checks are the parts of models that were found to be as their manifests say.
	checks        *lru.Cache
	requestSchema *huma.Schema
	openAPI       *huma.OpenAPI
	document31    []byte
	handler       http.Handler
}

// New returns a Server.
func New(options Options) (*Server, error) {
	requestSchema, err := mirror.Schema()
	if err != nil {
		return nil, fmt.Errorf("deriving the schema of training requests: %w", err)
	}
	s := &Server{
		jobs: options.Jobs, gate: options.Gate, stores: options.Stores, limits: options.Limits.withDefaults(),
		log: options.Log, now: options.Now, priorityClass: options.PriorityClass,
		requestSchema: requestSchema,
		openAPI:       newDocument(options.Version),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.metrics, err = newMetrics(options.Metrics); err != nil {
		return nil, err
	}
	s.callers = rates.NewEach(s.limits.PerSecond, s.limits.Burst, keptCallers)
	s.requests = newSlots("requests", s.limits.InFlight, s.limits.InFlightPerNamespace)
	s.uploads = newSlots("uploads and downloads", s.limits.Uploads, s.limits.UploadsPerNamespace)
	s.checks = lru.New(keptChecks)
	s.models = newModels(s.limits.InferenceMemory, s.limits.InferenceMemory/2, s.limits.InferenceWait)
	if s.jobs != nil {
		s.jobs.RecordSuccesses(s.recordSuccess)
	}
	mux := http.NewServeMux()
	s.route(mux)
	s.handler = s.observed(mux)
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handler.ServeHTTP(w, r)
}

// OpenAPI is the OpenAPI 3.1 document of the API as JSON.
func (s *Server) OpenAPI() []byte { return s.document31 }

// route puts every call into the mux and into the OpenAPI document.
func (s *Server) route(mux *http.ServeMux) {
	methods := map[string]string{}
	for _, calls := range [][]call{s.jobCalls(), s.listCalls(), s.storyCalls(), s.fileCalls(), s.modelCalls(), s.inferenceCalls()} {
		for _, c := range calls {
			mux.Handle(c.Method+" "+c.Path, s.admitted(c))
			s.openAPI.AddOperation(&c.Operation)
			methods[c.Path] += c.Method + ", "
		}
	}
	for path, allowed := range methods {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", allowed[:len(allowed)-len(", ")])
			writeJSON(w, http.StatusMethodNotAllowed, Message{Detail: "Method Not Allowed"})
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusNotFound, Message{Detail: "Not Found"})
	})
	s.document31 = encodeDocument(s.openAPI)
	serveFixed(mux, jsonType, s.document31, "/openapi.json")
	serveFixed(mux, htmlType, describeAPI(s.document31), "/{$}", "/docs")
}

// encodeDocument cannot fail on what is made of plain values; the test of the document reads it.
func encodeDocument(document *huma.OpenAPI) []byte {
	data, err := json.Marshal(document)
	if err != nil {
		return nil
	}
	return data
}

// admitted lets requests in that may make the call.
func (s *Server) admitted(c call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log := logOf(r.Context())
		if c.timeout > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), c.timeout)
			defer cancel()
			r = r.WithContext(ctx)
		}
		if err := s.answer(c, w, &request{Request: r, log: log}); err != nil && !errors.Is(err, errAnswered) {
			writeError(w, log, err)
		}
	})
}

// answer answers a request, if its caller may make it.
func (s *Server) answer(c call, w http.ResponseWriter, r *request) (err error) {
	if r.caller, err = s.admit(r.Request, c.right); err != nil {
		return err
	}
	noteCaller(r.Context(), r.caller)
	limitCall(w, c)
	release, err := s.requests.take(r.caller.Namespace)
	if err != nil {
		return err
	}
	defer release()
	if err := c.check(w, r); err != nil {
		return err
	}
	return c.handle(w, r)
}

// admit tells who makes the request, and whether they may: also not too often.
func (s *Server) admit(r *http.Request, right access.Verb) (access.Caller, error) {
	caller, err := s.gate.Identify(r)
	if err != nil {
		return caller, unlessAnswered(err)
	}
	if !s.callers.Allow(caller.Name) {
		return caller, &callError{status: http.StatusTooManyRequests, detail: "Too many requests: slow down", retryAfter: 1}
	}
	return caller, unlessAnswered(s.gate.Allow(r.Context(), caller, right))
}

// unlessAnswered makes an error that nobody else explains one of an API server that does not answer.
func unlessAnswered(err error) error {
	if tokens, ok := errors.AsType[*access.TooManyTokensError](err); ok {
		status := http.StatusServiceUnavailable
		if tokens.Address != "" {
			status = http.StatusTooManyRequests
		}
		return &callError{status: status, detail: "Not authenticated: " + tokens.Error() + ". Try again", retryAfter: retryAfterSeconds}
	}
	if err == nil || answerTo(err).status != http.StatusInternalServerError {
		return err
	}
	return &callError{status: http.StatusServiceUnavailable, detail: "The API server does not answer: try again", retryAfter: retryAfterSeconds, cause: err}
}

// errAnswered ends a call whose answer has begun, so that nothing more can be said.
var errAnswered = errors.New("the answer has begun")
