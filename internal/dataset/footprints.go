package dataset

import "math"

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
	cells  map[[2]int][]int32
}

// newFootprints takes note of some samples of a file.
func newFootprints(s Summary, points [][2]float32, samples []int32) *footprints {
	f := &footprints{width: max(1, float64(s.GSD)*float64(s.Shape[1])), points: points, cells: map[[2]int][]int32{}}
	for _, i := range samples {
		if p := points[i]; known(p) {
			cell := f.cell(f.row(p), p)
			f.cells[cell] = append(f.cells[cell], i)
		}
	}
	return f
}

func (f *footprints) row(p [2]float32) int {
	return int(math.Floor(float64(p[0]) * metersPerDegree / f.width))
}

// cell is that of a point in a row, whose degrees of longitude have one length.
func (f *footprints) cell(row int, p [2]float32) [2]int {
	scale := metersPerDegree * cosine(float64(row)*f.width/metersPerDegree)
	return [2]int{row, int(math.Floor(float64(p[1]) * scale / f.width))}
}

func cosine(latitude float64) float64 { return max(leastCosine, math.Cos(latitude*math.Pi/180)) }

// find returns a sample that shows the place of a point.
func (f *footprints) find(p [2]float32) (sample int32, ok bool) {
	if !known(p) {
		return 0, false
	}
	for row := f.row(p) - 1; row <= f.row(p)+1; row++ {
		middle := f.cell(row, p)
		for column := middle[1] - 1; column <= middle[1]+1; column++ {
			for _, i := range f.cells[[2]int{row, column}] {
				if f.overlap(f.points[i], p) >= leastOverlap {
					return i, true
				}
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
