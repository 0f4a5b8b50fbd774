package gateway

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type readCloser = io.ReadCloser

// content is something of a known size that can be read from any place on.
type content struct {
	name        string
	contentType string
	bytes       int64
	// sha256 is the digest in hexadecimal; empty where it is not known.
	sha256  string
	created time.Time
	open    func(offset, length int64) (readCloser, error)
}

// send answers with the content, or with the range of it that is asked for.
func (s *Server) send(w http.ResponseWriter, r *request, c content) error {
	release, err := s.uploads.take(r.caller.Namespace)
	if err != nil {
		return err
	}
	defer release()
	offset, length, partial, err := rangeOf(r.Header.Get("Range"), c.bytes)
	if err != nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", c.bytes))
		return err
	}
	reader, err := c.open(offset, length)
	if err != nil {
		return err
	}
	defer reader.Close()
	header := w.Header()
	header.Set("Content-Type", c.contentType)
	header.Set("Content-Length", strconv.FormatInt(length, 10))
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": c.name}))
	header.Set("Accept-Ranges", "bytes")
	header.Set("Last-Modified", c.created.UTC().Format(http.TimeFormat))
	if sum, err := hex.DecodeString(c.sha256); err == nil && len(sum) > 0 {
		// RFC 9530, section 3: the digest of the whole, also of a part.
		header.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
		header.Set("ETag", strconv.Quote(c.sha256))
	}
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, c.bytes))
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	s.copyOut(w, r, reader, length)
	return nil
}

// copyOut copies to a receiver that has to keep up the pace. When it fails the connection is cut, so that nobody takes what
// came for the whole.
func (s *Server) copyOut(w http.ResponseWriter, r *request, reader io.Reader, length int64) {
	if n, err := io.CopyN(s.paced(w), reader, length); err != nil {
		r.log.Warn("sending was cut off", "error", err, "left", length-n)
		panic(http.ErrAbortHandler)
	}
}

// rangeOf reads a Range header with one range of bytes (RFC 9110, section 14). Others are passed over, as it allows.
func rangeOf(header string, size int64) (offset, length int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	from, hasFrom := position(first)
	to, hasTo := position(last)
	switch {
	case first == "" && hasTo && to > 0: // The last bytes.
		from, to = max(0, size-to), size-1
	case hasFrom && last == "":
		to = size - 1
	case !hasFrom || !hasTo || to < from:
		return 0, size, false, nil
	}
	if from >= size {
		return 0, 0, false, &callError{status: http.StatusRequestedRangeNotSatisfiable, detail: fmt.Sprintf("The file has %d bytes", size)}
	}
	to = min(to, size-1)
	return from, to - from + 1, true, nil
}

// position reads a number of bytes.
func position(text string) (n int64, ok bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}
