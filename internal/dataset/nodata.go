package dataset

import (
	"fmt"
	"math"
	"slices"
)

// greatestValue is beyond what any sensor measures: -3.4e38 and 1e37 mark pixels
// without data.
const greatestValue = 1e30

// What to do with pixels without data, in training and in prediction.
const (
	adviceFill   = "leave such chips out, or fill the pixels from their neighbors"
	adviceNodata = adviceFill + " (segmentation: and label them with ignoreLabel)"
)

// CheckPixels finds a pixel of sample i that is not a value: NaN, infinite or
// beyond all measures.
func (f *File) CheckPixels(i int, pixels []float32) error {
	for k, v := range pixels {
		if IsValue(v) {
			continue
		}
		area := f.Side() * f.Side()
		band, k := f.summary.Bands[k/area], k%area
		what := "stands for no data"
		if finite(v) {
			what = "is no measurement and stands for no data"
		}
		return f.invalid(i, RuleFinite, "the pixel of band %q at row %d, column %d is %v, which %s; a number such as -9999 in its place would be taken for a value: %s",
			band, k/f.Side(), k%f.Side(), v, what, adviceNodata)
	}
	return nil
}

// IsValue reports whether a pixel can be a value: it is neither NaN nor infinite
// nor beyond all measures.
func IsValue(v float32) bool { return math.Float32bits(v)&0x7fffffff <= greatestBits }

var greatestBits = math.Float32bits(greatestValue)

// marks are values that programs write where there are no data, other than those
// of emptyValues.
var marks = []float32{-9999, -99999, -32768, -32767, doubtfulMark, 1e20}

// doubtfulMark is also a plausible height, so it has to lie apart from the
// other values.
const doubtfulMark = -999

// emptyValues are written where there are no data, too, and are measured as
// well: they count in whole blocks only.
var emptyValues = [2]float32{0, 65535}

// blockSide is the side of the blocks that are looked for, which chips are
// divisible by.
const blockSide = 8

// jointBands is how many bands have to be empty together for nothing else to
// prove it: height and slope of the sea are 0, and so are both polarizations of
// calm water, nearly.
const jointBands = 3

// nodata finds values in chips that mean nothing.
type nodata struct {
	// names are those of the bands, unit what a chip is called, and advice what to
	// do.
	names        []string
	unit, advice string
	// flat are chips in which each band has one value, from which nothing can be
	// learned; to predict them is no mistake.
	flat  tally
	learn bool
	// masks is set where all bands are known to have two values, one of which is 0.
	masks bool
	marks map[float32]*markTally
	// joint are, for each of emptyValues, the samples with blocks in which all
	// bands have it; alone those where only the band has it.
	joint [len(emptyValues)]tally
	alone [len(emptyValues)][]tally
	// covered is, for each block of a sample, how many bands have nothing but the
	// value.
	covered []int
	// without is, for each band of a sample, what in it means nothing, and measured
	// are the moments of the rest, over all samples.
	without  [][]float32
	measured []moments
	kept     []float32
}

// markTally counts a mark; band is the one that had it first, and last the
// sample that had it last.
type markTally struct {
	tally
	values int64
	band   string
	last   int
}

func newNodata(names []string, unit, advice string, learn bool) *nodata {
	bands := len(names)
	n := &nodata{
		names: names, unit: unit, advice: advice, learn: learn, marks: map[float32]*markTally{},
		without: make([][]float32, bands), measured: make([]moments, bands),
	}
	for k := range n.alone {
		n.alone[k] = make([]tally, bands)
	}
	return n
}

// add looks at chip i of side × side pixels, whose bands have these moments.
func (n *nodata) add(i int, pixels []float32, side int, bands []moments) {
	for b := range n.without {
		n.without[b] = n.without[b][:0]
	}
	n.addMarks(i, pixels, bands)
	flat := true
	for _, m := range bands {
		flat = flat && m.least == m.greatest
	}
	if flat && n.learn {
		n.flat.add(i)
		return
	}
	for k, value := range emptyValues {
		n.addBlocks(i, k, value, pixels, side, bands)
	}
	n.measure(pixels, bands)
}

// measure adds to the moments what is measured in a sample.
func (n *nodata) measure(pixels []float32, bands []moments) {
	area := len(pixels) / len(bands)
	for b, m := range bands {
		if len(n.without[b]) > 0 {
			n.kept = n.kept[:0]
			for _, v := range pixels[b*area : (b+1)*area] {
				if !slices.Contains(n.without[b], v) {
					n.kept = append(n.kept, v)
				}
			}
			if len(n.kept) == 0 {
				continue
			}
			m = momentsOf(n.kept)
		}
		n.measured[b].merge(m)
	}
}

func (n *nodata) addMarks(i int, pixels []float32, bands []moments) {
	area := len(pixels) / len(bands)
	for _, mark := range marks {
		found := n.marks[mark]
		for b, m := range bands {
			if mark < 0 && float64(mark) != m.least || mark > 0 && float64(mark) != m.greatest {
				continue
			}
			band := pixels[b*area : (b+1)*area]
			if mark == doubtfulMark && !apart(band, m) {
				continue
			}
			if found == nil {
				found = &markTally{band: n.names[b], last: -1}
				n.marks[mark] = found
			}
			n.without[b] = append(n.without[b], mark)
			found.values += count(band, mark)
			if found.last != i {
				found.add(i)
				found.last = i
			}
		}
	}
}

// apart reports whether the least value of a band is farther from the next one
// than all others are from each other.
func apart(band []float32, m moments) bool {
	next := m.greatest
	for _, v := range band {
		if f := float64(v); f > m.least && f < next {
			next = f
		}
	}
	return next-m.least > m.greatest-next
}

func count(band []float32, value float32) int64 {
	n := int64(0)
	for _, v := range band {
		if v == value {
			n++
		}
	}
	return n
}

// addBlocks looks for blocks that have nothing but the k-th of emptyValues.
func (n *nodata) addBlocks(i, k int, value float32, pixels []float32, side int, bands []moments) {
	area := side * side
	n.covered = resize(n.covered, side/blockSide*(side/blockSide))
	clear(n.covered)
	var found []int
	for b, m := range bands {
		if m.least <= float64(value) && float64(value) <= m.greatest && n.cover(pixels[b*area:(b+1)*area], side, value) {
			n.without[b] = append(n.without[b], value)
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		return
	}
	for _, c := range n.covered {
		if c == len(bands) && c >= jointBands {
			n.joint[k].add(i)
			return
		}
	}
	for _, b := range found {
		n.alone[k][b].add(i)
	}
}

// cover counts the blocks of a band that have nothing but the value, and reports
// whether there are any.
func (n *nodata) cover(band []float32, side int, value float32) bool {
	found := false
	for block := range n.covered {
		row, column := block/(side/blockSide)*blockSide, block%(side/blockSide)*blockSide
		if onlyHas(band[row*side+column:], side, value) {
			n.covered[block]++
			found = true
		}
	}
	return found
}

// onlyHas reports whether the block at the beginning of band has nothing but the
// value.
func onlyHas(band []float32, side int, value float32) bool {
	for y := range blockSide {
		for _, v := range band[y*side : y*side+blockSide] {
			if v != value {
				return false
			}
		}
	}
	return true
}

// warnings says what was found in so many chips; spectra are those of the bands,
// without which a single band that is empty is not told.
func (n *nodata) warnings(chips int, spectra []*spectrum) []string {
	all := []string{}
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	of := func(t tally) string { return t.ofUnits(chips, n.unit) }
	for _, mark := range marks {
		if m := n.marks[mark]; m != nil {
			warn("%v stands in %s, %d times, first in band %q: it marks pixels without data, which a model takes for values; %s",
				mark, of(m.tally), m.values, m.band, n.advice)
		}
	}
	for k, value := range emptyValues {
		if n.joint[k].samples > 0 && n.proves(k, chips, spectra) {
			warn("all bands are %v in whole blocks of %s: pixels without data? A model takes them for values; %s", value, of(n.joint[k]), n.advice)
		}
		for b, t := range n.alone[k] {
			if t.samples > 0 && 2*t.samples < chips && spectra != nil && spectra[b].isolated(value) {
				warn("band %q is %v in whole blocks of %s, far from its other values: pixels without data? A model takes them for values; %s",
					n.names[b], value, of(t), n.advice)
			}
		}
	}
	if n.flat.samples > 0 {
		warn("each band has a single value in %s: such constant chips teach nothing; leave them out", of(n.flat))
	}
	return all
}

// proves reports whether whole blocks in which all bands have the k-th of
// emptyValues are no measurement. 0 is one in masks, and at night in most chips.
func (n *nodata) proves(k, chips int, spectra []*spectrum) bool {
	value := emptyValues[k]
	switch {
	case value != 0:
		return true
	case spectra == nil:
		return !n.masks
	case slices.ContainsFunc(spectra, func(s *spectrum) bool { return s.isolated(value) }):
		return true
	}
	few := 2*n.joint[k].samples < chips
	return few && slices.ContainsFunc(spectra, func(s *spectrum) bool { return !s.mask(value) })
}
