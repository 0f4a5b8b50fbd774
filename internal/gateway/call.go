package gateway

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/validation"
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
	log    *slog.Logger
}

// intQuery is a whole number in the query, or fallback where there is none.
func (r *request) intQuery(name string, fallback, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback, nil
	}
	value, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, validation.New("int_parsing", "Input should be a valid integer, unable to parse string as an integer", "query", name)
	case value < least:
		return 0, validation.New("greater_than_equal", "Input should be greater than or equal to "+strconv.Itoa(least), "query", name)
	case value > most:
		return 0, validation.New("less_than_equal", "Input should be less than or equal to "+strconv.Itoa(most), "query", name)
	}
	return value, nil
}

// wordQuery is a word in the query that is one of those allowed; the first of them where there is none.
func (r *request) wordQuery(name string, allowed ...string) (string, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return allowed[0], nil
	}
	words := make([]any, len(allowed))
	for i, word := range allowed {
		if word == text {
			return text, nil
		}
		words[i] = word
	}
	return "", validation.Enum(words, "query", name)
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
