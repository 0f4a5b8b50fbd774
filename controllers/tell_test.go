package controllers

import (
	"strings"
	"testing"
	"unicode/utf8"
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
