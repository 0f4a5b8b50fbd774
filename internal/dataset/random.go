package dataset

import "math/bits"

// random is a counter-based source: the n-th number of a stream is a function of
// the key and n alone, so nothing has to be kept to go on from anywhere.
type random struct{ key uint64 }

// Streams keep numbers for different purposes apart.
const (
	streamChunks = iota + 1
	streamSamples
	streamSplit
)

// newRandom makes the source for a purpose.
func newRandom(seed uint64, stream, epoch int) random {
	return random{mix(mix(seed+golden*uint64(stream)) + golden*uint64(epoch+1))}
}

const golden = 0x9e3779b97f4a7c15 // 2^64 / golden ratio

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood: Fast splittable
// pseudorandom number generators, 2014), a bijection in which every bit of the
// input changes half the bits of the output.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// below is a number from 0 to n-1, the i-th of the stream. Its bias is below
// n/2^64.
func (r random) below(i uint64, n int) int {
	hi, _ := bits.Mul64(mix(r.key+golden*(i+1)), uint64(n))
	return int(hi)
}

// shuffle permutes s by Fisher and Yates, with the numbers of the stream from
// first on, and returns how many it took.
func shuffle[T any](r random, first uint64, s []T) uint64 {
	for i := len(s) - 1; i > 0; i-- {
		j := r.below(first, i+1)
		first++
		s[i], s[j] = s[j], s[i]
	}
	return first
}
