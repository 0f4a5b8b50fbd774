package controllers

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// A note is cut to what the API server takes, and never inside a character.
func TestNotesAreCutBetweenCharacters(t *testing.T) {
	for _, text := range []string{"a", "ä", "日", "🛰"} {
		for pad := range 4 {
			note := shortNote(strings.Repeat("x", pad) + strings.Repeat(text, maxNote+1))
			if len(note) > maxNote || len(note) < maxNote-6 || !utf8.ValidString(note) || !strings.HasSuffix(note, "...") {
				t.Errorf("%d bytes and many of %q make a note of %d bytes, valid: %t", pad, text, len(note), utf8.ValidString(note))
			}
		}
	}
	if whole := strings.Repeat("ä", maxNote/2); shortNote(whole) != whole {
		t.Error("a note that fits is cut")
	}
}

func TestAJobThatIsRefusedHasHadNoAttempt(t *testing.T) {
	for number, want := range map[int32]string{0: "half a byte", 2: "attempt 2 of train: half a byte"} {
		if note := attemptNote(&v1alpha1.Attempt{Stage: "train", Number: number, Message: "half a byte"}); note != want {
			t.Errorf("the note of attempt %d is %q, want %q", number, note, want)
		}
	}
}

// A note has whole warnings, as many as fit, and says how many there are besides.
func TestANoteOfWarningsHasWholeOnes(t *testing.T) {
	short, long := "class 2 has 3 samples only", strings.Repeat("w", 500)
	cases := map[string]struct {
		warnings []string
		note     string
	}{
		"one":                      {[]string{short}, short},
		"all that there are":       {[]string{short, short}, short + "; " + short},
		"more than fit":            {[]string{long, long, long, short}, long + "; 3 more in status.warnings"},
		"two and a rest":           {[]string{long, long[:400], short, long}, long + "; " + long[:400] + "; " + short + "; 1 more in status.warnings"},
		"one that is longer alone": {[]string{strings.Repeat("w", 2000), short}, strings.Repeat("w", 2000) + "; 1 more in status.warnings"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if note := warningsNote(c.warnings); note != c.note {
				t.Errorf("the note is %q, want %q", note, c.note)
			}
		})
	}
}
