package dataset

import (
	"fmt"
	"math"
	"slices"
)

const (
	// leastMarked is the share of a band's values, and leastMarks the number of
	// them, from which on one value far from all others marks pixels.
	leastMarked = 0.001
	leastMarks  = 8
)

// extreme is the least value of a band, with the next one; of the greatest, all
// have the other sign.
type extreme struct {
	value, next float64
	values      int64
	samples     tally
}

// extremes are the least and the greatest value of a band.
type extremes [2]extreme

func newExtremes() extremes {
	none := extreme{value: math.Inf(1), next: math.Inf(1)}
	return extremes{none, none}
}

func (e *extremes) add(i int, band []float32, m moments) {
	e[0].add(i, band, 1, m.least)
	e[1].add(i, band, -1, -m.greatest)
}

// add looks for the least value in a band of sample i, times a sign.
func (e *extreme) add(i int, band []float32, sign, least float64) {
	if least >= e.next {
		return
	}
	if least < e.value {
		*e = extreme{value: least, next: e.value}
	}
	for _, v := range band {
		switch f := sign * float64(v); {
		case f == e.value:
			e.values++
		case f < e.next:
			e.next = f
		}
	}
	if least == e.value {
		e.samples.add(i)
	}
}

// mark returns the extreme that stands for something else than a measurement: it
// is frequent, and farther from the next value than all others are from each
// other. Whole numbers of 8 bits may be classes or saturated.
func (e *extremes) mark(total float64) (value float32, found *extreme) {
	for k, sign := range [2]float64{1, -1} {
		x, other := &e[k], &e[1-k]
		value, width := float32(sign*x.value), -other.value-x.next
		few := x.values < leastMarks || float64(x.values) < leastMarked*total
		if few || !(width > 0) || x.next-x.value <= width || value >= 0 && value <= math.MaxUint8 && x.value == math.Trunc(x.value) {
			continue
		}
		if !slices.Contains(marks, value) && !slices.Contains(emptyValues[:], value) {
			return value, x
		}
	}
	return 0, nil
}

// extremeWarnings tell values that mark pixels without data, each once.
func (s *scan) extremeWarnings() []string {
	var all []string
	told := map[float32]bool{}
	for b, name := range s.f.summary.Bands {
		value, found := s.extremes[b].mark(s.bands[b].n)
		if found == nil || told[value] {
			continue
		}
		told[value] = true
		all = append(all, fmt.Sprintf("%v stands in %s, %d times in band %q, far from all other values: does it mark pixels without data? A model takes it for a value; %s",
			value, found.samples.of(s.f.Len()), found.values, name, adviceNodata))
	}
	return all
}
