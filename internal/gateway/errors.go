package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/jobs"
	"github.com/swath-dev/swath/internal/gateway/validation"
	"github.com/swath-dev/swath/internal/storage"
)

// retryAfterSeconds is after how long to try again what fails for now.
const retryAfterSeconds = 5

// callError is an error with the answer that it gets.
type callError struct {
	status int
	// detail is what the caller reads.
	detail string
	// retryAfter is after how many seconds to try again; 0 where that does not help.
	retryAfter int
	// cause is for the log.
	cause error
}

func (e *callError) Error() string {
	if e.cause != nil {
		return e.detail + ": " + e.cause.Error()
	}
	return e.detail
}

func (e *callError) Unwrap() error { return e.cause }

// The documented answers.
var (
	errJobNotFound   = &callError{status: http.StatusNotFound, detail: "Training job not found"}
	errFileNotFound  = &callError{status: http.StatusNotFound, detail: "File not found"}
	errModelNotFound = &callError{status: http.StatusNotFound, detail: "Model not found"}
)

// Message is the body of an error that is told in a sentence.
type Message struct {
	Detail string `json:"detail" doc:"What is wrong and what to do about it."`
}

// Invalid is the body of an error in the request.
type Invalid struct {
	Detail []validation.Problem `json:"detail" doc:"What is wrong, item by item."`
}

// writeError answers with an error, and logs what the caller is not told.
func writeError(w http.ResponseWriter, log *slog.Logger, err error) {
	if invalid, ok := errors.AsType[*validation.Error](err); ok {
		writeJSON(w, http.StatusUnprocessableEntity, Invalid{Detail: invalid.Problems})
		return
	}
	answer := answerTo(err)
	if answer.status >= http.StatusInternalServerError {
		log.Error("request failed", "error", err)
	}
	if answer.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(answer.retryAfter))
	}
	if answer.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, answer.status, Message{Detail: answer.detail})
}

// answerTo chooses the answer to an error.
func answerTo(err error) *callError {
	if known, ok := errors.AsType[*callError](err); ok {
		return known
	}
	if denied, ok := errors.AsType[*access.DeniedError](err); ok {
		return &callError{status: http.StatusForbidden, detail: denied.Error()}
	}
	if namespace, ok := errors.AsType[*access.NamespaceError](err); ok {
		return &callError{status: http.StatusBadRequest, detail: namespace.Error()}
	}
	if finished, ok := errors.AsType[*jobs.FinishedError](err); ok {
		return &callError{status: http.StatusBadRequest, detail: finished.Error()}
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &callError{status: http.StatusRequestEntityTooLarge, detail: "The body is larger than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes"}
	}
	// Storage says of its errors what they are: a connection to it that breaks is not the caller's.
	if answer := answerOfStorage(err); answer != nil {
		return answer
	}
	switch {
	case errors.Is(err, access.ErrUnauthenticated):
		return &callError{status: http.StatusUnauthorized, detail: "Not authenticated"}
	case errors.Is(err, jobs.ErrNotFound):
		return errJobNotFound
	case errors.Is(err, jobs.ErrNoSuchCursor):
		return &callError{status: http.StatusBadRequest, detail: "There is no training job to continue after: use next of the page before, or begin the list again without after"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled):
		return &callError{status: http.StatusBadRequest, detail: "The request ended early"}
	case errors.Is(err, context.DeadlineExceeded):
		return &callError{status: http.StatusServiceUnavailable, detail: "The answer took too long: try again", retryAfter: retryAfterSeconds}
	}
	if answer := answerOfKubernetes(err); answer != nil {
		return answer
	}
	if _, unreachable := errors.AsType[*url.Error](err); unreachable {
		return &callError{status: http.StatusServiceUnavailable, detail: "The API server does not answer: try again", retryAfter: retryAfterSeconds}
	}
	return &callError{status: http.StatusInternalServerError, detail: "Internal Server Error"}
}

func answerOfStorage(err error) *callError {
	switch {
	case errors.Is(err, storage.ErrTooManyParts):
		return &callError{status: http.StatusUnprocessableEntity, detail: "In the storage of this namespace the model has more parts than Swath makes: remove what does not belong to it"}
	case errors.Is(err, storage.ErrFull):
		return &callError{status: http.StatusInsufficientStorage, detail: "The storage of this namespace is full: delete files or models, or ask for more room"}
	case errors.Is(err, storage.ErrUnavailable):
		return &callError{status: http.StatusServiceUnavailable, detail: "The storage of this namespace is unavailable: try again", retryAfter: retryAfterSeconds}
	case errors.Is(err, storage.ErrForeignObject):
		return &callError{status: http.StatusInternalServerError, detail: "In the storage of this namespace an object is not Swath's: those who run Swath find which one in the gateway's log"}
	case errors.Is(err, storage.ErrDenied), errors.Is(err, storage.ErrConfiguration):
		return &callError{status: http.StatusInternalServerError, detail: "The storage of this namespace is not configured rightly: those who run Swath find the reason in the gateway's log"}
	case errors.Is(err, storage.ErrNotFound):
		return &callError{status: http.StatusNotFound, detail: "Not found"}
	}
	return nil
}

// answerOfKubernetes is the answer to an error of the API server.
func answerOfKubernetes(err error) *callError {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return nil
	}
	after, _ := apierrors.SuggestsClientDelay(err)
	switch {
	case apierrors.IsForbidden(err):
		// The caller's right was checked before: this is a quota or an admission policy, whose reason is for the caller.
		return &callError{status: http.StatusForbidden, detail: status.Status().Message}
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return &callError{status: http.StatusBadRequest, detail: status.Status().Message}
	case apierrors.IsNotFound(err):
		return &callError{status: http.StatusNotFound, detail: "Namespace not found"}
	case apierrors.IsConflict(err), apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err), apierrors.IsResourceExpired(err):
		return &callError{status: http.StatusServiceUnavailable, detail: "The API server is busy: try again", retryAfter: max(after, 1)}
	}
	return nil
}
