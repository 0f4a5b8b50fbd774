package dataset

import (
	"fmt"
	"math"
	"slices"
)

const (
	// copyMean is by which part of a band's deviation the mean of a copy may be
	// off.
	copyMean = 0.02
	// thumbCorrelation is the correlation of thumbs from which on chips are compared
	// pixel by pixel.
	thumbCorrelation = 0.9
	// copyCorrelation is the least correlation of the textures of copies, and
	// copyCertainty how many deviations of chance it has to be at least.
	copyCorrelation = 0.5
	copyCertainty   = 7
	// leastTexture is the part of a band's deviation from which on texture says
	// more than how values were rounded.
	leastTexture = 0.01
	// copyCandidates is how many chips are compared with one at most, and copyBytes
	// how much of a training file is read again for that, if not a quarter of what
	// the validation file has.
	copyCandidates = 4
	copyBytes      = 64 << 20
	// thumbSide is the side of what chips are compared by.
	thumbSide = 8
)

// copies finds training chips that are copies of a chip, turned or mirrored as
// they may be, and with noise.
type copies struct {
	notes  *notes
	stats  []BandStats
	order  []int32 // The samples by their mean of the first band.
	reader *Reader
	sample Sample
	// reads is how many training chips may still be read.
	reads int
	// places are those of the training chips.
	places *footprints
}

// newCopies looks for copies in a training file of a number of chips.
func newCopies(r *FileReport, f *File, chips int, places *footprints) *copies {
	bytes := f.data.SampleBytes()
	c := &copies{notes: r.notes, stats: r.BandStats, reader: f.NewReader(), places: places, reads: max(copyBytes, chips/4*bytes) / (bytes * f.data.SamplesPerRead())}
	for i := range r.notes.len() {
		c.order = append(c.order, int32(i))
	}
	slices.SortStableFunc(c.order, func(a, b int32) int { return compareFloats(r.notes.means[a][0], r.notes.means[b][0]) })
	return c
}

// of returns the training chip that a chip, whose bands have these moments, is a
// copy of, or -1.
func (c *copies) of(chip *Sample, bands []moments) (int, error) {
	side := c.reader.f.Side()
	var mine, texture []float64
	for _, near := range c.candidates(chip.Point, bandMeans(bands)) {
		if c.reads == 0 {
			return -1, nil
		}
		c.reads--
		if err := c.reader.ReadSample(int(near.sample), &c.sample); err != nil {
			return -1, fmt.Errorf("comparing samples: %w", err)
		}
		if mine == nil {
			mine = c.thumb(chip.Pixels, side)
		}
		turns := alike(mine, c.thumb(c.sample.Pixels, side))
		if len(turns) == 0 {
			continue
		}
		if texture == nil {
			texture = c.texture(chip.Pixels, side)
		}
		if sameTexture(texture, c.texture(c.sample.Pixels, side), side-2*textureMargin, turns) {
			return int(near.sample), nil
		}
	}
	return -1, nil
}

// candidate is a training chip whose means are within a distance, in deviations.
type candidate struct {
	sample   int32
	distance float64
}

// candidates are the training chips with the nearest means, without those that
// show other places by their points.
func (c *copies) candidates(point [2]float32, means [lowBands]float32) []candidate {
	tolerance := func(band int) float64 { return copyMean * c.stats[band].Std }
	first, _ := slices.BinarySearchFunc(c.order, float64(means[0])-tolerance(0), func(i int32, least float64) int {
		if float64(c.notes.means[i][0]) < least {
			return -1
		}
		return 1
	})
	var found []candidate
	for _, i := range c.order[first:] {
		if float64(c.notes.means[i][0]) > float64(means[0])+tolerance(0) {
			break
		}
		distance := 0.0
		for b := range c.notes.bands {
			if c.stats[b].Std == 0 {
				continue
			}
			distance = max(distance, math.Abs(float64(c.notes.means[i][b]-means[b]))/c.stats[b].Std)
		}
		if distance > copyMean || c.places.apart(c.notes.points[i], point) {
			continue
		}
		at := len(found)
		for ; at > 0 && found[at-1].distance > distance; at-- {
		}
		found = slices.Insert(found, at, candidate{i, distance})
		found = found[:min(copyCandidates, len(found))]
	}
	return found
}

// thumb makes a small picture of a chip, in deviations, without the slope that
// the chip has in each band: slopes are alike everywhere.
func (c *copies) thumb(pixels []float32, side int) []float64 {
	area, cell := side*side, side/thumbSide
	thumb := make([]float64, len(pixels)/area*thumbSide*thumbSide)
	for b := range len(pixels) / area {
		to := thumb[b*thumbSide*thumbSide : (b+1)*thumbSide*thumbSide]
		for k, v := range pixels[b*area : (b+1)*area] {
			to[k/side/cell*thumbSide+k%side/cell] += float64(v)
		}
		level(to, float64(cell*cell)*c.stats[b].Std)
	}
	return thumb
}

// level takes mean and slope out of a thumb and divides by a unit.
func level(thumb []float64, unit float64) {
	const middle = (thumbSide - 1) / 2.0
	mean, down, right, squares := 0.0, 0.0, 0.0, 0.0
	for k, v := range thumb {
		y, x := float64(k/thumbSide)-middle, float64(k%thumbSide)-middle
		mean += v / float64(len(thumb))
		down += y * v
		right += x * v
		squares += y * y
	}
	for k := range thumb {
		y, x := float64(k/thumbSide)-middle, float64(k%thumbSide)-middle
		thumb[k] -= mean + (y*down+x*right)/squares
		if unit > 0 {
			thumb[k] /= unit
		}
	}
}

// alike returns the turns, of eight, by which one of two thumbs becomes the other.
func alike(a, b []float64) []int {
	var turns []int
	for turn := range 8 {
		if correlation(a, b, thumbSide, turn) >= thumbCorrelation {
			turns = append(turns, turn)
		}
	}
	return turns
}

// correlation is that of pictures of bands × side × side when one of them is
// turned or mirrored; it is 0 where one of them is empty.
func correlation(a, b []float64, side, turn int) float64 {
	ab, aa, bb := 0.0, 0.0, 0.0
	for k, v := range a {
		w := b[turned(k, side, turn)]
		ab, aa, bb = ab+v*w, aa+v*v, bb+w*w
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// turned is the place of a picture of some side that comes to place k by one of
// eight turns.
func turned(k, side, turn int) int {
	area := side * side
	band, y, x := k/area*area, k%area/side, k%side
	if turn&1 != 0 {
		x = side - 1 - x
	}
	if turn&2 != 0 {
		y = side - 1 - y
	}
	if turn&4 != 0 {
		x, y = y, x
	}
	return band + y*side + x
}
