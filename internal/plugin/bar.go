package plugin

import (
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/swath-dev/swath/internal/plaintext"
)

// barWidth is the width of a progress bar in characters.
const barWidth = 24

// isTerminal tells whether w is a terminal, where a line can be written over.
func isTerminal(w io.Writer) bool {
	file, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}

// bar draws how much is done.
func bar(done, all int64) string {
	if all <= 0 {
		return ""
	}
	filled := int(min(done, all) * barWidth / all)
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", barWidth-filled) + "]"
}

// transfer shows on a terminal how much of a file has gone through it.
type transfer struct {
	io.Reader
	out   io.Writer
	name  string
	total int64
	done  int64
	shown time.Time
}

// newTransfer reads from r and shows the progress on out, where that is a terminal.
func newTransfer(r io.Reader, out io.Writer, name string, total int64) io.Reader {
	if !isTerminal(out) {
		return r
	}
	return &transfer{Reader: r, out: out, name: name, total: total}
}

func (t *transfer) Read(buffer []byte) (int, error) {
	n, err := t.Reader.Read(buffer)
	t.done += int64(n)
	if now := time.Now(); err != nil || now.Sub(t.shown) > 100*time.Millisecond {
		t.shown = now
		erase(t.out)
		fmt.Fprint(t.out, fit(plaintext.Line(fmt.Sprint(t.name, " ", bar(t.done, t.total), " ", byteCount(t.done))), t.out))
		if err != nil {
			erase(t.out)
		}
	}
	return n, err
}

// byteCount writes a number of bytes for people.
func byteCount(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < len("KMGT")-1 {
		value, prefix = value/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGT"[prefix])
}
