package dataset

import "fmt"

// tally counts the samples of a kind and remembers the first.
type tally struct{ samples, first int }

func (t *tally) add(sample int) {
	if t.samples == 0 {
		t.first = sample
	}
	t.samples++
}

// of writes the tally for a warning: "3 of 200 samples (first: sample 7)".
func (t tally) of(all int) string { return t.ofUnits(all, unitSample) }

// unitSample is what a chip of a file is called.
const unitSample = "sample"

// ofUnits does the same for chips that are called otherwise.
func (t tally) ofUnits(all int, unit string) string {
	return fmt.Sprintf("%d of %d %ss (first: %s %d)", t.samples, all, unit, unit, t.first)
}
