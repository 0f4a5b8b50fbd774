// Package plaintext keeps text of others from steering a terminal: names, messages and answers may have escape sequences in
// them, which could write over what was shown, or make a terminal do what nobody asked for.
package plaintext

import (
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Clean has a blank in place of every character that does more than show itself, line ends and tabulators aside, and of every
// byte that is no UTF-8.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return clean(r)
	}, strings.ToValidUTF8(text, " "))
}

// Line is like Clean, and has blanks in place of line ends and tabulators as well.
func Line(text string) string {
	return strings.Map(clean, strings.ToValidUTF8(text, " "))
}

func clean(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return ' '
	}
	return r
}

// Writer cleans all text that is written to it.
type Writer struct {
	mutex sync.Mutex
	out   io.Writer
	// begun is the beginning of a character, or of a line end of two, whose rest is not written yet.
	begun []byte
}

// NewWriter cleans what is written to out. A *Writer is returned as it is.
func NewWriter(out io.Writer) *Writer {
	if w, ok := out.(*Writer); ok {
		return w
	}
	return &Writer{out: out}
}

// Write implements io.Writer.
func (w *Writer) Write(data []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	text := slices.Concat(w.begun, data)
	end := whole(text)
	w.begun = slices.Clone(text[end:])
	// A line end of two characters is one of one: the other could take the cursor back on its own.
	if _, err := io.WriteString(w.out, Clean(strings.ReplaceAll(string(text[:end]), "\r\n", "\n"))); err != nil {
		return 0, err
	}
	return len(data), nil
}

// whole is how much of a text is whole characters, without a carriage return at its end.
func whole(text []byte) int {
	end := len(text)
	if end > 0 && text[end-1] == '\r' {
		return end - 1
	}
	for back := 1; back <= min(utf8.UTFMax, end); back++ {
		if utf8.RuneStart(text[end-back]) {
			if !utf8.FullRune(text[end-back:]) {
				return end - back
			}
			break
		}
	}
	return end
}

// Control writes a sequence of the program's own as it is.
func (w *Writer) Control(sequence string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	_, _ = io.WriteString(w.out, sequence) // What follows it meets the same error.
}

// Fd is the descriptor of the file that is written to, or one that no file has: by it programs find out whether it is a
// terminal.
func (w *Writer) Fd() uintptr {
	if file, ok := w.out.(interface{ Fd() uintptr }); ok {
		return file.Fd()
	}
	return ^uintptr(0)
}
