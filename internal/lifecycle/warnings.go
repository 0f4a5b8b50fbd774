package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/swath-dev/swath/internal/contract"
)

const (
	// maxWarning and maxWarnings are the schema's bounds. One more is kept for the
	// sentence that counts those left out.
	maxWarning  = 512
	maxWarnings = 32
	// leftOutPrefix begins the sentence that counts the warnings left out.
	leftOutPrefix = "not shown here: "
)

// mergeWarnings are the recorded warnings with those of the message that are new,
// and a sentence that counts what is left out and says where it is.
func mergeWarnings(recorded []string, m *contract.Message, where string) []string {
	merged := slices.DeleteFunc(slices.Clone(recorded), func(text string) bool { return strings.HasPrefix(text, leftOutPrefix) })
	before := len(merged)
	known := 0
	for _, warning := range m.Warnings {
		if slices.ContainsFunc(merged[:before], func(text string) bool { return sameWarning(text, warning) }) {
			known++
			continue
		}
		merged = append(merged, shorten(warning, maxWarning))
	}
	// Those that the message left out may be among the recorded ones.
	leftOut := max(0, m.WarningsLeftOut()-(before-known))
	if extra := len(merged) - (maxWarnings - 1); extra > 0 {
		merged, leftOut = merged[:maxWarnings-1], leftOut+extra
	}
	switch {
	case leftOut == 1:
		merged = append(merged, leftOutPrefix+"1 more warning; "+where)
	case leftOut > 1:
		merged = append(merged, fmt.Sprintf("%s%d more warnings; %s", leftOutPrefix, leftOut, where))
	}
	return merged
}

// sameWarning reports whether two texts are the same warning, of which a message may
// have cut one.
func sameWarning(a, b string) bool {
	const ellipsis = "…"
	short, cut := strings.CutSuffix(a, ellipsis)
	if cut && strings.HasPrefix(b, short) {
		return true
	}
	short, cut = strings.CutSuffix(b, ellipsis)
	return a == b || cut && strings.HasPrefix(a, short)
}
