package plaintext

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTextOfOthersSteersNoTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain, ünïcödé, 船\tand\nlines": "plain, ünïcödé, 船\tand\nlines",
		"\x1b[2Jx\a\b\x7f":              " [2Jx   ",
		"8 bits: \x9b31m":               "8 bits:  31m",
		"\u009b31m and \u202eturned":    " 31m and  turned",
		"back\rover":                    "back over",
		"a\r\nb":                        "a\nb",
	} {
		var out bytes.Buffer
		w := NewWriter(&out)
		for i := range len(text) {
			if n, err := w.Write([]byte{text[i]}); n != 1 || err != nil {
				t.Fatalf("%d bytes written (%v)", n, err)
			}
		}
		if got := out.String(); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
		if line := Line(text); strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("as a line it is %q", line)
		}
	}
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte("船\x1b[2J\r\n\x9b"), 3)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		var out bytes.Buffer
		w := NewWriter(&out)
		at = min(max(at, 0), len(data))
		for _, part := range [][]byte{data[:at], data[at:], []byte("\n")} {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		text := out.String()
		if !utf8.ValidString(text) || Clean(text) != text {
			t.Errorf("%q is written as %q", data, text)
		}
	})
}
