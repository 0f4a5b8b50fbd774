package gateway

import (
	"io"
	"net/http"
	"time"
)

// paceBytes is what comes or goes at least in Limits.PaceTime.
const paceBytes = 1 << 20

// pace is how fast the other end of a connection has to be: each paceBytes within the time. Only the time counts in which it is
// waited for, and not that in which storage is.
type pace struct {
	time        time.Duration
	setDeadline func(time.Time) error
	// bytes and left are what is to come or go, and in which time.
	bytes int
	left  time.Duration
}

// step moves some bytes.
func (p *pace) step(move func() (int, error)) (int, error) {
	if p.bytes <= 0 {
		p.bytes, p.left = paceBytes, p.time
	}
	begin := time.Now()
	// A connection without deadlines (in a test) has nobody slow at the other end.
	_ = p.setDeadline(begin.Add(p.left))
	n, err := move()
	// With HTTP/2 a deadline that passes ends the stream also while nobody reads or writes.
	_ = p.setDeadline(time.Time{})
	p.bytes -= n
	p.left -= time.Since(begin)
	return n, err
}

// pacedReader reads a body of any length from a sender that has to keep up the pace.
type pacedReader struct {
	body io.Reader
	pace
}

func (s *Server) pacedBody(w http.ResponseWriter, body io.Reader) *pacedReader {
	return &pacedReader{body: body, pace: pace{time: s.limits.PaceTime, setDeadline: http.NewResponseController(w).SetReadDeadline}}
}

func (p *pacedReader) Read(buffer []byte) (int, error) {
	return p.step(func() (int, error) { return p.body.Read(buffer) })
}

// pacedWriter writes to a receiver that has to keep up the pace.
type pacedWriter struct {
	to io.Writer
	pace
}

func (s *Server) paced(w http.ResponseWriter) *pacedWriter {
	return &pacedWriter{to: w, pace: pace{time: s.limits.PaceTime, setDeadline: http.NewResponseController(w).SetWriteDeadline}}
}

func (p *pacedWriter) Write(data []byte) (written int, err error) {
	for len(data) > 0 && err == nil {
		var n int
		n, err = p.step(func() (int, error) { return p.to.Write(data[:min(len(data), paceBytes)]) })
		written, data = written+n, data[n:]
	}
	return written, err
}
