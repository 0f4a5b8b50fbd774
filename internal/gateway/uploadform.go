package gateway

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/swath-dev/swath/internal/gateway/validation"
)

// maxOtherParts and maxOtherBytes bound what a form has beside the file.
const (
	maxOtherParts = 16
	maxOtherBytes = 64 << 10
)

// fieldPattern is what the name of a field beside the file may be: others are not read alike by all who read forms.
const fieldPattern = `^[A-Za-z0-9_.-]{1,64}$`

var fieldName = regexp.MustCompile(fieldPattern)

// uploadForm reads a multipart form that has one file, as it comes.
type uploadForm struct {
	parts *multipart.Reader
	// others is how many parts came beside the file.
	others int
	// strayFile is the field of another file that came before.
	strayFile string
}

// newUploadForm reads the form in the body of a request.
func newUploadForm(r *http.Request, body io.Reader) (*uploadForm, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, validation.Missing("body", fileField)
	}
	return &uploadForm{parts: multipart.NewReader(body, params["boundary"])}, nil
}

// file goes to the part with the file, and returns the part and the name of the file.
func (f *uploadForm) file() (*multipart.Part, string, error) {
	for {
		part, err := f.next()
		if errors.Is(err, io.EOF) {
			return nil, "", validation.Missing("body", fileField)
		}
		if err != nil {
			return nil, "", err
		}
		if part.FormName() == fileField {
			return f.begin(part)
		}
		if part.FileName() != "" {
			f.strayFile = part.FormName()
		}
		if err := f.skip(part); err != nil {
			return nil, "", err
		}
	}
}

// begin checks the part that has the file.
func (f *uploadForm) begin(part *multipart.Part) (*multipart.Part, string, error) {
	if f.strayFile != "" {
		return nil, "", twoFiles(f.strayFile)
	}
	if encoding := part.Header.Get("Content-Transfer-Encoding"); !slices.Contains([]string{"", "binary", "8bit", "7bit"}, strings.ToLower(encoding)) {
		return nil, "", unsupported(fmt.Sprintf("The file has the Content-Transfer-Encoding %.40q: send it as it is", encoding))
	}
	if err := checkEncoding(http.Header(part.Header)); err != nil {
		return nil, "", err
	}
	filename, err := filenameOf(part)
	return part, filename, err
}

// end reads what follows the file, among which no other file may be.
func (f *uploadForm) end() error {
	for {
		part, err := f.next()
		if err == io.EOF { //nolint:errorlint // See next.
			return nil
		}
		if err != nil {
			return err
		}
		if part.FormName() == fileField || part.FileName() != "" {
			return twoFiles(part.FormName())
		}
		if err := f.skip(part); err != nil {
			return err
		}
	}
}

// next is the next part; io.EOF is the end of the form.
func (f *uploadForm) next() (*multipart.Part, error) {
	part, err := f.parts.NextRawPart()
	if err != nil && err != io.EOF { // Only the plain EOF is the end: a form that is cut off is an error with an EOF in it.
		return nil, &senderError{cause: err}
	}
	return part, err
}

// skip reads a part beside the file, within bounds.
func (f *uploadForm) skip(part *multipart.Part) error {
	if !fieldName.MatchString(part.FormName()) {
		return validation.Value(fmt.Sprintf("the form has a field with the name %.80q: use letters, digits, '_', '.' and '-'", part.FormName()), "body")
	}
	n, err := io.Copy(io.Discard, io.LimitReader(part, maxOtherBytes+1))
	if err != nil {
		return &senderError{cause: err}
	}
	if f.others++; n > maxOtherBytes || f.others >= maxOtherParts {
		return validation.Value("the form has too much before the field file, or after it", "body", fileField)
	}
	return nil
}

func twoFiles(field string) error {
	return validation.Value("the form has a second file: upload each file with a request of its own", "body", field)
}
