package gateway

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/access"
)

// call is one operation of the API: what the document says of it, the right that it needs, and what it does.
type call struct {
	huma.Operation
	right access.Verb
	// timeout bounds the whole call; 0 for those that move files, which bound how slow they may be.
	timeout time.Duration
	handle  func(w http.ResponseWriter, r *request) error
}

// callTimeout is the timeout of calls that move no files.
const callTimeout = 60 * time.Second

// request is a request that has been let in.
type request struct {
	*http.Request
	caller access.Caller
	// query has been checked against the declared parameters.
	query url.Values
	log   *slog.Logger
}

// check refuses what the declared parameters and the body's form do not allow.
func (c *call) check(w http.ResponseWriter, r *request) (err error) {
	if c.RequestBody != nil {
		if err := checkEncoding(r.Header); err != nil {
			w.Header().Set("Accept-Encoding", "identity") // RFC 9110, section 15.5.16.
			return err
		}
	}
	if err := checkHeaders(r.Header, c.Parameters); err != nil {
		return err
	}
	r.query, err = readQuery(r.URL.RawQuery, c.Parameters)
	return err
}

// writeJSON answers with a value. An answer that cannot be sent has nobody left to tell.
func writeJSON(w http.ResponseWriter, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"detail":"Internal Server Error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}

// as replaces an error of the given kind by another.
func as(err, kind, other error) error {
	if errors.Is(err, kind) {
		return other
	}
	return err
}
