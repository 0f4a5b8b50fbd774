package dataset

import (
	"math"
	"slices"
)

// textureMargin is how many pixels at the edge of a chip have no texture.
const textureMargin = 2

// texture is what is left of a chip without the means of 3 × 3 pixels, taken out
// twice: slopes and hills are alike in many places. It is cut off at its median,
// so that a straight edge counts no more than other pixels. A band that is smooth
// has a texture of zeros.
func (c *copies) texture(pixels []float32, side int) []float64 {
	area, inner := side*side, side-2*textureMargin
	all := make([]float64, len(pixels)/area*inner*inner)
	for b := range len(pixels) / area {
		band := make([]float64, area)
		for k, v := range pixels[b*area : (b+1)*area] {
			band[k] = float64(v)
		}
		rest := withoutMeans(withoutMeans(band, side), side-2)
		unit := medianSize(rest)
		if unit == 0 || unit < leastTexture*c.stats[b].Std {
			continue
		}
		for k, v := range rest {
			all[b*inner*inner+k] = max(-1, min(v/unit, 1))
		}
	}
	return all
}

// withoutMeans takes the mean of the 3 × 3 pixels around it out of each pixel that
// has them.
func withoutMeans(band []float64, side int) []float64 {
	rest := make([]float64, 0, (side-2)*(side-2))
	for y := 1; y < side-1; y++ {
		for x := 1; x < side-1; x++ {
			sum := 0.0
			for row := y - 1; row <= y+1; row++ {
				sum += band[row*side+x-1] + band[row*side+x] + band[row*side+x+1]
			}
			rest = append(rest, band[y*side+x]-sum/9)
		}
	}
	return rest
}

// medianSize is the median of absolute values, or about that where there are
// many.
func medianSize(values []float64) float64 {
	const enough = 1024
	step := max(1, len(values)/enough) | 1 // An odd step does not keep to columns.
	var sizes []float64
	for k := 0; k < len(values); k += step {
		sizes = append(sizes, math.Abs(values[k]))
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2]
}

// sameTexture reports whether textures are the same by one of some turns. Bands
// show the same things, so that more of them make nothing more certain.
func sameTexture(a, b []float64, side int, turns []int) bool {
	least := max(copyCorrelation, math.Tanh(copyCertainty/float64(side)))
	return slices.ContainsFunc(turns, func(turn int) bool { return correlation(a, b, side, turn) >= least })
}
