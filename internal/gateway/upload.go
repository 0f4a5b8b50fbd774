package gateway

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/swath-dev/swath/internal/gateway/validation"
)

const (
	fileField = "file"
	// maxFilename is the largest length of a file's name in bytes.
	maxFilename = 255
	// maxOtherParts and maxOtherBytes bound what a form has before the file.
	maxOtherParts = 16
	maxOtherBytes = 64 << 10
	// paceBytes is what comes or goes at least in Limits.PaceTime.
	paceBytes = 1 << 20
)

// uploadFile stores the file of a multipart form as it comes, without keeping more of it than a few parts in memory.
func (s *Server) uploadFile(w http.ResponseWriter, r *request) error {
	release, err := s.uploads.take(r.caller.Name)
	if err != nil {
		return err
	}
	defer release()
	store, err := s.stores.Store(r.Context(), r.caller.Namespace)
	if err != nil {
		return err
	}
	body := http.MaxBytesReader(w, r.Body, s.limits.FileBytes+maxOtherBytes)
	paced := &pacedReader{body: body, setDeadline: http.NewResponseController(w).SetReadDeadline, pace: s.limits.PaceTime}
	part, filename, err := filePart(r.Request, paced)
	if err != nil {
		return s.uploadError(err)
	}
	file := sender{http.MaxBytesReader(w, part, s.limits.FileBytes)}
	info, err := store.PutFile(r.Context(), newFileID(), filename, file, s.now())
	if err != nil {
		return s.uploadError(err)
	}
	s.metrics.uploaded.Add(float64(info.Bytes))
	writeJSON(w, http.StatusOK, newFile(info))
	return nil
}

// newFileID is an ID of 60 bits by chance, in the alphabet of the other IDs.
func newFileID() string {
	const length = 12
	return "file-" + strings.ToLower(rand.Text())[:length]
}

// filePart is the part of the form that has the file, and the file's name.
func filePart(r *http.Request, body io.Reader) (*multipart.Part, string, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, "", validation.Missing("body", fileField)
	}
	form := multipart.NewReader(body, params["boundary"])
	for range maxOtherParts {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, "", validation.Missing("body", fileField)
		}
		if err != nil {
			return nil, "", &senderError{cause: err}
		}
		if part.FormName() == fileField {
			filename, err := filenameOf(part)
			return part, filename, err
		}
		n, err := io.Copy(io.Discard, io.LimitReader(part, maxOtherBytes+1))
		if err != nil {
			return nil, "", &senderError{cause: err}
		}
		if n > maxOtherBytes {
			break
		}
	}
	return nil, "", validation.New("value_error", "Value error, the form has too much before the field file", "body", fileField)
}

// filenameOf is the name that the file has where it comes from, as it is: it is kept for people and never used as a path.
func filenameOf(part *multipart.Part) (string, error) {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	filename := params["filename"]
	switch {
	case err != nil || filename == "":
		return "", validation.New("value_error", "Value error, Expected UploadFile: the field file has no filename", "body", fileField)
	case len(filename) > maxFilename:
		return "", validation.New("value_error", fmt.Sprintf("Value error, the filename is longer than %d bytes", maxFilename), "body", fileField)
	case !utf8.ValidString(filename) || strings.ContainsFunc(filename, unicode.IsControl):
		return "", validation.New("value_error", "Value error, the filename has characters that are not printable UTF-8", "body", fileField)
	}
	return filename, nil
}

// uploadError tells apart what went wrong with what the caller sends and what with storage.
func (s *Server) uploadError(err error) error {
	_, bySender := errors.AsType[*senderError](err)
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case !bySender || tooLarge:
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &callError{status: http.StatusRequestTimeout, detail: fmt.Sprintf("The upload was slower than %d bytes in %s: nothing was stored", paceBytes, s.limits.PaceTime), cause: err}
	}
	return &callError{status: http.StatusBadRequest, detail: "The upload ended early, or its form is malformed: nothing was stored", cause: err}
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

// pacedReader reads a body of any length from a sender that has to keep up the pace.
type pacedReader struct {
	body        io.Reader
	setDeadline func(time.Time) error
	pace        time.Duration
	// left is how many bytes are to come until the deadline moves on.
	left int
}

func (p *pacedReader) Read(buffer []byte) (int, error) {
	if p.left <= 0 {
		// A connection without deadlines (in a test) has no slow senders.
		_ = p.setDeadline(time.Now().Add(p.pace))
		p.left = paceBytes
	}
	n, err := p.body.Read(buffer)
	p.left -= n
	return n, err
}
