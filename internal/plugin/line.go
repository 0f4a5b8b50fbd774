package plugin

import (
	"fmt"
	"io"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/swath-dev/swath/internal/plaintext"
)

// usualWidth is the width of a terminal that does not tell its own.
const usualWidth = 80

// eraseLine takes the cursor to the beginning of the line and clears it.
const eraseLine = "\r\x1b[K"

// liveLine shows a line that changes: over and over again on a terminal, else one after the other.
type liveLine struct {
	out   io.Writer
	live  bool
	shown string
}

func newLiveLine(out io.Writer) *liveLine { return &liveLine{out: out, live: isTerminal(out)} }

// show shows a text instead of the one before. On a terminal it is cut to the width that the terminal has now, since what
// goes over several lines cannot be written over.
func (l *liveLine) show(text string) {
	text = plaintext.Line(text)
	if text == l.shown {
		return
	}
	l.shown = text
	if l.live {
		erase(l.out)
		fmt.Fprint(l.out, fit(text, l.out))
		return
	}
	fmt.Fprintln(l.out, text)
}

// note says something beside the line, on a line of its own.
func (l *liveLine) note(out io.Writer, text string) {
	if l.live && l.shown != "" {
		erase(l.out)
		defer fmt.Fprint(l.out, fit(l.shown, l.out))
	}
	fmt.Fprintln(out, plaintext.Line(text))
}

func (l *liveLine) end() {
	if l.live && l.shown != "" {
		fmt.Fprintln(l.out)
	}
}

// erase clears the line on a terminal.
func erase(terminal io.Writer) { plaintext.NewWriter(terminal).Control(eraseLine) }

// fit cuts a text to the width of a terminal. The last column stays free: some terminals go on to the next line after it.
func fit(text string, terminal io.Writer) string {
	width := usualWidth
	if file, ok := terminal.(interface{ Fd() uintptr }); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 1 {
			width = columns
		}
	}
	return runewidth.Truncate(text, width-1, "…")
}
