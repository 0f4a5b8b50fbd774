package gateway

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/swath-dev/swath/internal/gateway/validation"
)

const (
	fileField = "file"
	// maxFilename is the largest length of a file's name in bytes.
	maxFilename = 255
)

// uploadFile stores the file of a multipart form as it comes, without keeping more of it than a few parts in memory.
func (s *Server) uploadFile(w http.ResponseWriter, r *request) error {
	if r.ContentLength > s.limits.FileBytes+maxOtherBytes {
		return &http.MaxBytesError{Limit: s.limits.FileBytes}
	}
	release, err := s.uploads.take(r.caller.Namespace)
	if err != nil {
		return err
	}
	defer release()
	store, err := s.stores.Store(r.Context(), r.caller.Namespace)
	if err != nil {
		return err
	}
	paced := s.pacedBody(w, http.MaxBytesReader(w, r.Body, s.limits.FileBytes+maxOtherBytes))
	form, err := newUploadForm(r.Request, paced)
	if err != nil {
		return err
	}
	part, filename, err := form.file()
	if err != nil {
		return bodyError(err, s.tooSlow("upload"))
	}
	file := &filePartReader{Reader: sender{http.MaxBytesReader(w, part, s.limits.FileBytes)}, form: form}
	info, err := store.PutFile(r.Context(), newFileID(), filename, file, s.now())
	if err != nil {
		return bodyError(err, s.tooSlow("upload"))
	}
	s.metrics.uploaded.Add(float64(info.Bytes))
	writeJSON(w, http.StatusOK, newFile(info))
	return nil
}

// filePartReader reads the file and, before it says that the file has ended, the rest of the form: a file is stored only where
// it is the only one.
type filePartReader struct {
	io.Reader
	form *uploadForm
}

func (f *filePartReader) Read(buffer []byte) (int, error) {
	n, err := f.Reader.Read(buffer)
	if errors.Is(err, io.EOF) {
		if formErr := f.form.end(); formErr != nil {
			return n, formErr
		}
	}
	return n, err
}

// newFileID is an ID of 60 bits by chance, in the alphabet of the other IDs.
func newFileID() string {
	const length = 12
	return "file-" + strings.ToLower(rand.Text())[:length]
}

// filenameOf is the name that the file has where it comes from, as it is: it is kept for people and never used as a path.
func filenameOf(part *multipart.Part) (string, error) {
	disposition := part.Header.Get("Content-Disposition")
	quote := "quote" + rand.Text()
	if !strings.Contains(disposition, `\"`) {
		// Browsers, curl and Python write a quote as %22 (https://html.spec.whatwg.org/#multipart/form-data-encoding-algorithm).
		// It is looked for before the parameters are read: in filename* %2522 becomes %22, which is no quote.
		disposition = strings.ReplaceAll(disposition, "%22", quote)
	}
	_, params, err := mime.ParseMediaType(disposition)
	filename := strings.ReplaceAll(params["filename"], quote, `"`)
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
