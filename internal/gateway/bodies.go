package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// readJSON reads a small body of at most limit bytes, which has to be there soon.
func (s *Server) readJSON(w http.ResponseWriter, r *request, limit int64) ([]byte, error) {
	controller := http.NewResponseController(w)
	_ = controller.SetReadDeadline(time.Now().Add(s.limits.BodyTime)) // Not in a test without a connection.
	data, err := io.ReadAll(sender{http.MaxBytesReader(w, r.Body, limit)})
	if err != nil {
		return nil, bodyError(err, fmt.Sprintf("The body did not come within %s", s.limits.BodyTime))
	}
	_ = controller.SetReadDeadline(time.Time{})
	return data, nil
}

// checkEncoding refuses bodies that are compressed: nothing here would unpack them.
func checkEncoding(header http.Header) error {
	for _, value := range header.Values("Content-Encoding") {
		for encoding := range strings.SplitSeq(value, ",") {
			if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
				return unsupported(fmt.Sprintf("The body has the Content-Encoding %.40q: send it as it is", encoding))
			}
		}
	}
	return nil
}

func unsupported(detail string) error {
	return &callError{status: http.StatusUnsupportedMediaType, detail: detail}
}

// firstBytes is how much memory is taken for a large body before anything has come.
const firstBytes = 64 << 10

// readLarge reads a body of at most limit bytes. It takes memory for what has come, not for what is announced.
func (s *Server) readLarge(w http.ResponseWriter, r *request, have *hold, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	from := sender{s.pacedBody(w, http.MaxBytesReader(w, r.Body, limit))}
	var body []byte
	for {
		if len(body) == cap(body) {
			size := nextSize(int64(len(body)), r.ContentLength, limit)
			if err := have.take(r.Context(), size); err != nil {
				return nil, err
			}
			had := int64(cap(body))
			body = append(make([]byte, 0, size), body...)
			have.give(had)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return nil, bodyError(err, s.tooSlow("body"))
		}
	}
}

// nextSize is how large the memory for a body should be once so many bytes of it have come.
func nextSize(come, announced, limit int64) int64 {
	const end = 1 // To see that nothing follows.
	if announced >= 0 && announced <= 4*come {
		return announced + end
	}
	return min(max(firstBytes, 2*come), limit+end)
}

func (s *Server) tooSlow(what string) string {
	return fmt.Sprintf("The %s was slower than %d bytes in %s", what, paceBytes, s.limits.PaceTime)
}

// bodyError tells what went wrong with a body that the caller sends; slow is what to say if it came too slowly.
func bodyError(err error, slow string) error {
	_, bySender := errors.AsType[*senderError](err)
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case !bySender || tooLarge:
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &callError{status: http.StatusRequestTimeout, detail: slow + ": nothing was stored", cause: err}
	}
	return &callError{status: http.StatusBadRequest, detail: "The body ended early, or its form is malformed: nothing was stored", cause: err}
}

// senderError is an error of the connection to whoever sends a body.
type senderError struct{ cause error }

func (e *senderError) Error() string { return "receiving the body: " + e.cause.Error() }
func (e *senderError) Unwrap() error { return e.cause }

// sender marks the errors of a reader as the sender's, so that they are not taken for those of storage.
type sender struct{ io.Reader }

func (s sender) Read(buffer []byte) (int, error) {
	n, err := s.Reader.Read(buffer)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &senderError{cause: err}
	}
	return n, err
}
