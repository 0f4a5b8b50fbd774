package dataset

import (
	"fmt"
	"math"
	"slices"
)

// SplitOptions say how to set samples aside for validation.
type SplitOptions struct {
	// Fraction of the samples to set aside, above 0 and below 1.
	Fraction float64
	// Seed makes the choice repeatable.
	Seed uint64
}

// Split is a file in two parts that have no sample in common.
type Split struct {
	Training, Validation *View
	// TrainingClasses and ValidationClasses are the samples (classification) or
	// pixels (segmentation) of each class in the parts, as in FileReport.
	TrainingClasses, ValidationClasses []int64
	// Places is the number of places that the samples were grouped by, each of
	// which is in one of the parts as a whole; 0 if they were not.
	Places int
	// Warnings are sentences for the user about what the split leaves too little of.
	Warnings []string
}

// Split sets samples of the training file aside for validation: of each class
// about the same fraction (for segmentation by the class that most pixels of a
// chip have), and all samples of a place together, since a model would know a
// place again, as it would equal pixels. No class is taken out of training as a
// whole. The file is not read; f must be the one that the report is of. The
// parts depend only on the options and the file. An *InvalidError of RuleSplit
// says that there are too few samples.
//
// Places are cells of latitude and longitude, 0.01 degrees (about 1 km) wide or,
// where that leaves too few to choose from, 0.001 or 0.0001. Samples without a
// point are places of their own, and so is every sample if all cells are too few.
func (r *Report) Split(f *File, o SplitOptions) (*Split, error) {
	if !(o.Fraction > 0 && o.Fraction < 1) {
		return nil, fmt.Errorf("splitting %s: the validation fraction is %v, not between 0 and 1", f.name, o.Fraction)
	}
	notes := r.Training.notes
	if notes == nil || notes.len() != f.Len() {
		return nil, fmt.Errorf("splitting %s: the report is not of its validation", f.name)
	}
	for _, cell := range append(slices.Clone(placeCells), 0) {
		groups, places := notes.groups(cell)
		if cell > 0 && float64(places) < math.Ceil(1/o.Fraction) {
			continue
		}
		if s := r.split(f, groups, o); s != nil {
			s.Places = places
			s.Warnings = append(splitWarnings(r, s), notes.apartWarnings(r.Training.Summary, s)...)
			return s, nil
		}
	}
	return nil, f.invalid(-1, RuleSplit, "its %d samples are too few, or too few different ones, to set %.3g of each class aside for validation; "+
		"give a validation file, or a validation fraction of 0", f.Len(), o.Fraction)
}

// split takes groups in a seeded order into the validation part as long as that
// brings the classes there nearer to their share and leaves some of each class to
// train on. It returns nil if there would be nothing to validate by.
func (r *Report) split(f *File, groups [][]int32, o SplitOptions) *Split {
	n := r.Training.notes
	// Missing is how many samples of each class validation still lacks; samples
	// with nothing but ignored labels are a class too, the last.
	var missing [MaxClasses + 1]float64
	slot := func(i int32) int {
		if c := n.classes[i]; c != Ignored {
			return int(c)
		}
		return MaxClasses
	}
	for i := range n.len() {
		missing[slot(int32(i))] += o.Fraction
	}
	s := &Split{
		Training: &View{f: f, samples: []int32{}}, Validation: &View{f: f, samples: []int32{}},
		TrainingClasses: append([]int64{}, r.Training.Classes...), ValidationClasses: make([]int64, len(r.Training.Classes)),
	}
	shuffle(newRandom(o.Seed, streamSplit, 0), 0, groups)
	chosen := make([]bool, n.len())
	for _, g := range groups {
		var counts [MaxClasses + 1]float64
		for _, i := range g {
			counts[slot(i)]++
		}
		gain := 0.0
		for c, k := range counts {
			if k > 0 {
				gain += math.Abs(missing[c]) - math.Abs(missing[c]-k)
			}
		}
		if gain <= 0 || !s.take(n, g) {
			continue
		}
		for _, i := range g {
			chosen[i] = true
			missing[slot(i)]--
		}
	}
	for i, in := range chosen {
		part := s.Training
		if in {
			part = s.Validation
		}
		part.samples = append(part.samples, int32(i))
	}
	for _, k := range s.ValidationClasses {
		if k > 0 {
			return s
		}
	}
	return nil
}

// take moves the labels of a group to the validation part, unless they are the
// rest of a class in the training part.
func (s *Split) take(n *notes, group []int32) bool {
	labels := make([]int64, len(s.TrainingClasses))
	for _, i := range group {
		n.addLabels(i, labels)
	}
	for c, k := range labels {
		if k > 0 && k == s.TrainingClasses[c] {
			return false
		}
	}
	for c, k := range labels {
		s.TrainingClasses[c] -= k
		s.ValidationClasses[c] += k
	}
	return true
}
