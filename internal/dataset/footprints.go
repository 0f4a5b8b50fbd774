package dataset

import (
	"cmp"
	"math"
	"slices"
)

const (
	// metersPerDegree is the length of a degree of latitude.
	metersPerDegree = 111_320.0
	// leastOverlap is the part of a chip from which on another one shows the same
	// place.
	leastOverlap = 0.25
	// leastCosine keeps a degree of longitude from vanishing at the poles.
	leastCosine = 0.01
)

// footprints finds chips that lie over one another by their points. Points are
// taken for the same corner of each chip, or for its center.
type footprints struct {
	// width is that of a chip in meters.
	width  float64
	points [][2]float32
	// places are sorted by their cells; there is one for all samples with a point.
	places []footprint
}

// footprint is a sample in its cell, which is about as wide as a chip.
type footprint struct {
	row, column int32
	sample      int32
}

func (f footprint) compare(other footprint) int {
	return cmp.Or(cmp.Compare(f.row, other.row), cmp.Compare(f.column, other.column))
}

// newFootprints takes note of some samples of a file.
func newFootprints(s Summary, points [][2]float32, samples []int32) *footprints {
	f := &footprints{width: max(1, float64(s.GSD)*float64(s.Shape[1])), points: points, places: make([]footprint, 0, len(samples))}
	for _, i := range samples {
		if p := points[i]; known(p) {
			row := f.row(p)
			f.places = append(f.places, footprint{row, f.column(row, p), i})
		}
	}
	slices.SortFunc(f.places, func(a, b footprint) int {
		p, q := points[a.sample], points[b.sample]
		return cmp.Or(a.compare(b), cmp.Compare(p[0], q[0]), cmp.Compare(p[1], q[1]), cmp.Compare(a.sample, b.sample))
	})
	f.places = slices.CompactFunc(f.places, func(a, b footprint) bool { return points[a.sample] == points[b.sample] })
	return f
}

func (f *footprints) row(p [2]float32) int32 {
	return int32(math.Floor(float64(p[0]) * metersPerDegree / f.width))
}

// column is that of a point in a row, whose degrees of longitude have one length.
func (f *footprints) column(row int32, p [2]float32) int32 {
	scale := metersPerDegree * cosine(float64(row)*f.width/metersPerDegree)
	return int32(math.Floor(float64(p[1]) * scale / f.width))
}

func cosine(latitude float64) float64 { return max(leastCosine, math.Cos(latitude*math.Pi/180)) }

// find returns a sample that shows the place of a point.
func (f *footprints) find(p [2]float32) (sample int32, ok bool) {
	if !known(p) {
		return 0, false
	}
	for row := f.row(p) - 1; row <= f.row(p)+1; row++ {
		middle := f.column(row, p)
		first, _ := slices.BinarySearchFunc(f.places, footprint{row: row, column: middle - 1}, footprint.compare)
		for _, place := range f.places[first:] {
			if place.row != row || place.column > middle+1 {
				break
			}
			if f.overlap(f.points[place.sample], p) >= leastOverlap {
				return place.sample, true
			}
		}
	}
	return 0, false
}

// overlap is which part of its area a chip has in common with another one.
func (f *footprints) overlap(a, b [2]float32) float64 {
	north := math.Abs(float64(a[0])-float64(b[0])) * metersPerDegree
	east := math.Abs(float64(a[1])-float64(b[1])) * metersPerDegree * cosine(float64(a[0]))
	return max(0, 1-north/f.width) * max(0, 1-east/f.width)
}

// apart reports whether the points of two chips are known and so far from each
// other that the chips have nothing in common.
func (f *footprints) apart(a, b [2]float32) bool {
	return known(a) && known(b) && f.overlap(a, b) == 0
}
