package dataset

import "math"

const (
	// spectrumShift leaves of a float32 its sign, its exponent and four bits of
	// its fraction: neighboring bins differ by a sixteenth at most.
	spectrumShift = 19
	spectrumBins  = 1 << (32 - spectrumShift)
	// spectrumPixels is about how many pixels of a band of a sample are counted.
	spectrumPixels = 256
	// zeroBin has 0 and what is too small to tell from it.
	zeroBin = spectrumBins / 2
)

// spectrum is a histogram of a band over its whole range, from which quantiles
// come without keeping the values. Large samples are counted in part.
type spectrum struct {
	bins  [spectrumBins]uint64
	total uint64
}

// bin numbers the bins in the order of their values.
func bin(v float32) int {
	bits := math.Float32bits(v + 0) // -0 is 0.
	if bits>>31 == 1 {
		return int(^bits >> spectrumShift)
	}
	return int((bits | 1<<31) >> spectrumShift)
}

// binEdges are the least and the greatest value of a bin.
func binEdges(n int) (least, greatest float64) {
	first := uint32(n) << spectrumShift
	last := first | (1<<spectrumShift - 1)
	if first>>31 == 0 { // Of negative numbers the bits are turned around.
		return float64(math.Float32frombits(^first)), float64(math.Float32frombits(^last))
	}
	return float64(math.Float32frombits(first &^ (1 << 31))), float64(math.Float32frombits(last &^ (1 << 31)))
}

// add counts pixels of a band of a sample, evenly spread over it.
func (s *spectrum) add(band []float32) {
	step := max(1, len(band)/spectrumPixels) | 1 // An odd step does not keep to columns.
	for k := 0; k < len(band); k += step {
		s.bins[bin(band[k])]++
		s.total++
	}
}

// quantile returns the bin below which a share of the values lies, without those
// of one bin; without is -1 where none is left out. It returns -1 where there is
// nothing.
func (s *spectrum) quantile(share float64, without int) int {
	total := s.total
	if without >= 0 {
		total -= s.bins[without]
	}
	if total == 0 {
		return -1
	}
	rank := min(uint64(share*float64(total)), total-1)
	for n, count := range s.bins {
		if n == without {
			continue
		}
		if rank < count {
			return n
		}
		rank -= count
	}
	return -1
}

// The range within which values move a band's statistics: farReach times the
// width of the middle of the values, of which farShare are left out on each side.
const (
	farShare = 0.001
	farReach = 100
)

// bounds returns the range of values that are not far from all others. It is not
// ok where nearly all values are 0: there others are rare and may yet count.
func (s *spectrum) bounds() (least, greatest float64, ok bool) {
	share := max(farShare, 1.5/float64(max(1, s.total))) // At least one value.
	first, last := s.quantile(share, -1), s.quantile(1-share, -1)
	if first < 0 || first == zeroBin && last == zeroBin {
		return 0, 0, false
	}
	least, _ = binEdges(first)
	_, greatest = binEdges(last)
	reach := farReach * (greatest - least)
	return least - reach, greatest + reach, true
}

// rareShare is which part of the values may lie nearer to an isolated one than the
// others do.
const rareShare = 0.005

// nextWhole is next to 0 where values are whole numbers, as those of 8 bits are.
const nextWhole = 1

// mask reports whether a band has hardly more than one value beside the given one,
// so that nothing can be far from the others.
func (s *spectrum) mask(value float32) bool {
	own := bin(value)
	return s.quantile(0.1, own) == s.quantile(0.9, own)
}

// isolated reports whether nothing but rare values lie near a value, 0 or a
// large one, that makes up whole blocks.
func (s *spectrum) isolated(value float32) bool {
	if s.mask(value) {
		return false
	}
	own := bin(value)
	middle := s.quantile(0.5, own)
	if middle < own { // Seen from below, as decibels are.
		median, _ := binEdges(middle)
		_, near := binEdges(s.quantile(1-rareShare, own))
		if value != 0 {
			return near < 0.5*float64(value)
		}
		return near < 0.1*median && near != -nextWhole
	}
	_, median := binEdges(middle)
	near, _ := binEdges(s.quantile(rareShare, own))
	return near > float64(value)+0.1*(median-float64(value)) && near != float64(value)+nextWhole
}
