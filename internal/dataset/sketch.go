package dataset

import (
	"math"
	"slices"
)

// sketch are the least of the hashes of a chip's pixels with their neighborhoods,
// in the first and the last band.
// Chips that have part of their pixels in common, shifted or turned as they may
// be, have some of these in common (Broder, On the resemblance and containment of
// documents, 1997). noHash fills up where there are too few.
type sketch [4]uint32

const noHash = math.MaxUint32

// sharedHashes is how many hashes prove that chips have pixels in common, and
// commonHash from how many samples on a hash proves nothing.
const (
	sharedHashes = 2
	commonHash   = 16
)

// hashedPixels is about how many pixels of a chip are hashed: those whose own
// values say so, so that the same ones are in all chips that have them.
const hashedPixels = 16

// rings are the places around a pixel, two pixels far, by how turning and
// mirroring mixes them.
var rings = [5][][2]int{
	{{0, 1}, {1, 0}, {0, -1}, {-1, 0}},
	{{1, 1}, {1, -1}, {-1, -1}, {-1, 1}},
	{{0, 2}, {2, 0}, {0, -2}, {-2, 0}},
	{{1, 2}, {2, 1}, {2, -1}, {1, -2}, {-1, -2}, {-2, -1}, {-2, 1}, {-1, 2}},
	{{2, 2}, {2, -2}, {-2, -2}, {-2, 2}},
}

// ringReach is how far rings reach.
const ringReach = 2

// newSketch hashes the pixels of a chip of bands × side × side.
func newSketch(pixels []float32, side int) sketch {
	least := sketch{noHash, noHash, noHash, noHash}
	inner, area := side-2*ringReach, side*side
	if inner <= 0 {
		return least
	}
	mask := uint32(1)
	for ; inner*inner/int(mask*2) >= hashedPixels; mask *= 2 {
	}
	first, last := pixels[:area], pixels[len(pixels)-area:]
	around := offsets(side)
	for y := ringReach; y < side-ringReach; y++ {
		for x := ringReach; x < side-ringReach; x++ {
			k := y*side + x
			own := (math.Float32bits(first[k])*0x9E3779B1 ^ math.Float32bits(last[k])*0x85EBCA77) * 0xC2B2AE3D
			if own>>10&(mask-1) != 0 {
				continue
			}
			h, one := neighborhood(0, first, k, around)
			h, other := neighborhood(h, last, k, around)
			if one || other {
				least.add(uint32(h >> 32))
			}
		}
	}
	return least
}

// offsets are the places of the rings in a band with rows of side pixels.
func offsets(side int) [len(rings)][]int {
	var all [len(rings)][]int
	for r, ring := range rings {
		for _, at := range ring {
			all[r] = append(all[r], at[0]*side+at[1])
		}
	}
	return all
}

// neighborhood adds the pixel k of a band and what is around it to a hash. It is
// not varied where all of it is alike, as it may be anywhere.
func neighborhood(h uint64, band []float32, k int, around [len(rings)][]int) (hash uint64, varied bool) {
	own := float64(band[k])
	h = mixFloat(h, own)
	for _, ring := range around {
		// In double precision the sum does not depend on the order.
		sum := 0.0
		for _, at := range ring {
			sum += float64(band[k+at])
		}
		varied = varied || sum != own*float64(len(ring))
		h = mixFloat(h, sum)
	}
	return h, varied
}

func mixFloat(h uint64, v float64) uint64 {
	h = (h ^ math.Float64bits(v+0)) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// add keeps a hash if it is one of the least.
func (s *sketch) add(hash uint32) {
	if hash >= s[len(s)-1] || slices.Contains(s[:], hash) {
		return
	}
	k := len(s) - 1
	for ; k > 0 && s[k-1] > hash; k-- {
		s[k] = s[k-1]
	}
	s[k] = hash
}

// sketches finds chips with pixels in common by their sketches.
type sketches []sketched

type sketched struct {
	hash   uint32
	sample int32
}

// newSketches takes note of some samples of a file.
func newSketches(all []sketch, samples []int32) sketches {
	s := make(sketches, 0, len(samples)*len(sketch{}))
	for _, i := range samples {
		for _, hash := range all[i] {
			if hash != noHash {
				s = append(s, sketched{hash, i})
			}
		}
	}
	slices.SortFunc(s, func(a, b sketched) int {
		if a.hash != b.hash {
			return int(int64(a.hash) - int64(b.hash))
		}
		return int(a.sample) - int(b.sample)
	})
	return s
}

// find returns a sample that has pixels in common with a sketched chip.
func (s sketches) find(chip sketch) (sample int32, ok bool) {
	shared := map[int32]int{}
	for _, hash := range chip {
		if hash == noHash {
			break
		}
		first, _ := slices.BinarySearchFunc(s, hash, func(a sketched, h uint32) int { return int(int64(a.hash) - int64(h)) })
		end := first
		for end < len(s) && s[end].hash == hash {
			end++
		}
		if end-first >= commonHash {
			continue
		}
		for _, at := range s[first:end] {
			if shared[at.sample]++; shared[at.sample] == sharedHashes {
				return at.sample, true
			}
		}
	}
	return 0, false
}
