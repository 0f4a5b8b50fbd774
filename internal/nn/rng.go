package nn

import "math"

// RNG is a counter-based generator of random numbers: value i of a stream depends on the seed, the stream and i only, so that any
// sample of any epoch can be drawn again after an interruption. It mixes with SplitMix64's finaliser (Steele, Lea and Flood 2014,
// "Fast splittable pseudorandom number generators").
type RNG struct {
	key     uint64
	counter uint64
}

const golden = 0x9e3779b97f4a7c15

// NewRNG starts the stream that seed and the numbers in stream name (say: what it is for, epoch, sample), at its first value.
func NewRNG(seed uint64, stream ...uint64) *RNG {
	key := mix64(seed + golden)
	for _, s := range stream {
		key = mix64(key ^ mix64(s+golden))
	}
	return &RNG{key: key}
}

func mix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Uint64 is the next value.
func (r *RNG) Uint64() uint64 {
	r.counter++
	return mix64(r.key + r.counter*golden)
}

// Float64 is uniform in [0, 1), with 53 random bits.
func (r *RNG) Float64() float64 { return float64(r.Uint64()>>11) * 0x1p-53 }

// IntN is uniform in [0, n); n must be positive. Its bias is below n/2^64.
func (r *RNG) IntN(n int) int {
	x, y := r.Uint64(), uint64(n)
	hi := (x >> 32) * y
	lo := (x & 0xffffffff) * y
	return int((hi + lo>>32) >> 32)
}

// Normal has mean 0 and deviation 1 (Marsaglia's polar method, which needs no sine).
func (r *RNG) Normal() float64 {
	for {
		x := 2*r.Float64() - 1
		y := 2*r.Float64() - 1
		s := float64(x*x) + float64(y*y)
		if s > 0 && s < 1 {
			return x * math.Sqrt(-2*Log(s)/s)
		}
	}
}

// Shuffle puts n things in a random order by calling swap (Fisher and Yates).
func (r *RNG) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.IntN(i+1))
	}
}
