package dataset

import (
	"fmt"
	"slices"
)

// leaks counts the validation chips that a model has seen in training: by their
// points, and by their pixels.
type leaks struct {
	chips          int
	places, pixels leak
}

// leak are the chips, the first of which is told with the training chip that it
// is like.
type leak struct {
	tally
	like int
}

func (l *leak) add(chip, like int) {
	if l.samples == 0 {
		l.like = like
	}
	l.tally.add(chip)
}

// warnings says what was found, of: what the chips are called.
func (l leaks) warnings(of string) []string {
	var all []string
	if l.places.samples > 0 {
		all = append(all, fmt.Sprintf("%d of %d %s lie over places of training chips (first: sample %d over sample %d), so metrics will be too good; keep places apart",
			l.places.samples, l.chips, of, l.places.first, l.places.like))
	}
	if l.pixels.samples > 0 {
		all = append(all, fmt.Sprintf("%d of %d %s show pixels of training chips, shifted, turned or with noise (first: sample %d those of sample %d), so metrics will be too good; remove them from one side",
			l.pixels.samples, l.chips, of, l.pixels.first, l.pixels.like))
	}
	return all
}

// splitLeaks finds chips that were set aside though a model knows their places
// or pixels. It goes by the notes alone.
func (n *notes) splitLeaks(s Summary, training, validation *View) leaks {
	samples := make([]int32, training.Len())
	for i := range samples {
		samples[i] = int32(training.Sample(i))
	}
	places, pixels := newFootprints(s, n.points, samples), newSketches(n.sketches, samples)
	l := leaks{chips: validation.Len()}
	for i := range validation.Len() {
		sample := validation.Sample(i)
		if like, ok := places.find(n.points[sample]); ok {
			l.places.add(sample, int(like))
		}
		if like, ok := pixels.find(n.sketches[sample]); ok {
			l.pixels.add(sample, int(like))
		}
	}
	return l
}

// apartWarnings says where the parts of a split file have places or pixels in
// common.
func (n *notes) apartWarnings(s Summary, split *Split) []string {
	all := n.splitLeaks(s, split.Training, split.Validation).warnings("chips that are set aside for validation")
	if split.Places > 0 && slices.ContainsFunc(n.points, known) {
		return all
	}
	why := "no sample has a point with latitude and longitude"
	if slices.ContainsFunc(n.points, known) {
		why = "their points are too few different ones"
	}
	return append(all, fmt.Sprintf("places could not be kept apart between training and validation: %s; where chips are neighbors, metrics will be too good", why))
}

// leakFinder looks at the chips of a validation file one by one.
type leakFinder struct {
	places *footprints
	pixels sketches
	copies *copies
	found  leaks
}

func newLeakFinder(training *FileReport, f *File, chips int) *leakFinder {
	n := training.notes
	samples := make([]int32, n.len())
	for i := range samples {
		samples[i] = int32(i)
	}
	places := newFootprints(training.Summary, n.points, samples)
	return &leakFinder{
		places: places, pixels: newSketches(n.sketches, samples),
		copies: newCopies(training, f, chips, places), found: leaks{chips: chips},
	}
}

// add looks at sample i of the validation file.
func (l *leakFinder) add(i int, x *Sample, chip *chipFacts) error {
	if like, ok := l.places.find(x.Point); ok {
		l.found.places.add(i, int(like))
	}
	if like, ok := l.pixels.find(chip.sketch); ok {
		l.found.pixels.add(i, int(like))
		return nil
	}
	like, err := l.copies.of(x, chip.bands)
	if err == nil && like >= 0 {
		l.found.pixels.add(i, like)
	}
	return err
}
