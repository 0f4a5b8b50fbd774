package dataset

import (
	"context"
	"fmt"
	"math"
)

// SplitOptions say how to set samples aside for validation.
type SplitOptions struct {
	// Fraction of the samples to set aside, above 0 and below 1.
	Fraction float64
	// Seed makes the choice repeatable.
	Seed uint64
	// IgnoreLabel is the label that does not count; nil if there is none.
	IgnoreLabel *int64
}

// Split is a file in two parts that have no sample in common.
type Split struct {
	Training, Validation *View
	// Places is the number of places that the samples were grouped by, each of
	// which is in one of the parts as a whole; 0 if they were not.
	Places int
}

// Split sets samples aside for validation: of each class about the same fraction
// (for segmentation by the class that most pixels of a chip have), and all
// samples of a place together, since a model would know a place again. It reads
// the whole file once. The parts depend only on the options and the file.
//
// Places are cells of latitude and longitude, 0.01 degrees (about 1 km) wide or,
// where that leaves too few to choose from, 0.001 or 0.0001. Samples without a
// point are places of their own, and so is every sample if all cells are too few.
func (f *File) Split(ctx context.Context, o SplitOptions) (*Split, error) {
	if !(o.Fraction > 0 && o.Fraction < 1) {
		return nil, fmt.Errorf("splitting %s: the validation fraction is %v, not between 0 and 1", f.name, o.Fraction)
	}
	traits, err := f.traits(ctx, o.IgnoreLabel)
	if err != nil {
		return nil, err
	}
	for _, cell := range []float64{0.01, 0.001, 0.0001} {
		groups, places := group(traits, cell)
		if float64(places) < math.Ceil(1/o.Fraction) {
			continue
		}
		if s := f.split(traits, groups, o); s != nil {
			s.Places = places
			return s, nil
		}
	}
	if s := f.split(traits, alone(len(traits)), o); s != nil {
		return s, nil
	}
	return nil, f.invalid(-1, RuleSamples, "its %d samples are too few to set %.3g of each class aside for validation; "+
		"give a validation file, or a validation fraction of 0", f.Len(), o.Fraction)
}

// trait is what matters of a sample for the split.
type trait struct {
	class int16
	point [2]float32
}

// traits reads the class and the place of each sample.
func (f *File) traits(ctx context.Context, ignore *int64) ([]trait, error) {
	r := f.NewReader()
	rule := labelRule{ignore: ignore}
	all := make([]trait, f.Len())
	counts := make([]int, MaxClasses)
	for i := range all {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("splitting %s: %w", f.name, err)
		}
		point, err := r.readTraits(i)
		if err != nil {
			return nil, err
		}
		clear(counts)
		best := int16(Ignored)
		for k, label := range r.labels {
			c, ok := rule.class(label)
			if !ok {
				return nil, f.invalid(i, RuleLabel, "%s", rule.complaint(label, f.place(k)))
			}
			if c == Ignored {
				continue
			}
			if counts[c]++; best == Ignored || counts[c] > counts[best] {
				best = c
			}
		}
		all[i] = trait{class: best, point: point}
	}
	return all, nil
}

// group puts samples of one cell together and counts the cells. Groups are in
// the order of their first samples.
func group(traits []trait, cell float64) (groups [][]int32, places int) {
	type key [2]int64
	index := map[key]int{}
	for i, t := range traits {
		if t.point == [2]float32{} {
			groups = append(groups, []int32{int32(i)})
			continue
		}
		k := key{int64(math.Floor(float64(t.point[0]) / cell)), int64(math.Floor(float64(t.point[1]) / cell))}
		g, ok := index[k]
		if !ok {
			g = len(groups)
			index[k] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], int32(i))
	}
	return groups, len(index)
}

// alone makes every sample a group.
func alone(n int) [][]int32 {
	groups := make([][]int32, n)
	for i := range groups {
		groups[i] = []int32{int32(i)}
	}
	return groups
}

// split takes groups in a seeded order into the validation part as long as that
// brings the classes there nearer to their share. It returns nil if one of the
// parts would be empty.
func (f *File) split(traits []trait, groups [][]int32, o SplitOptions) *Split {
	// Missing is how many samples of each class validation still lacks; samples
	// with nothing but ignored labels are a class too, the last.
	var missing [MaxClasses + 1]float64
	slot := func(i int32) int {
		if c := traits[i].class; c != Ignored {
			return int(c)
		}
		return MaxClasses
	}
	for i := range traits {
		missing[slot(int32(i))] += o.Fraction
	}
	shuffle(newRandom(o.Seed, streamSplit, 0), 0, groups)
	chosen := make([]bool, len(traits))
	for _, g := range groups {
		counts := map[int]float64{}
		for _, i := range g {
			counts[slot(i)]++
		}
		gain := 0.0
		for c := range missing {
			if n := counts[c]; n > 0 {
				gain += math.Abs(missing[c]) - math.Abs(missing[c]-n)
			}
		}
		if gain <= 0 {
			continue
		}
		for _, i := range g {
			chosen[i] = true
			missing[slot(i)]--
		}
	}
	s := &Split{Training: &View{f: f, samples: []int32{}}, Validation: &View{f: f, samples: []int32{}}}
	for i, in := range chosen {
		part := s.Training
		if in {
			part = s.Validation
		}
		part.samples = append(part.samples, int32(i))
	}
	if s.Training.Len() == 0 || s.Validation.Len() == 0 {
		return nil
	}
	return s
}
