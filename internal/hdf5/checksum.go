package hdf5

import (
	"encoding/binary"
	"math/bits"
)

// lookup3 is the checksum of metadata: Bob Jenkins's hash of that name
// (lookup3.c, public domain, hashlittle with an initial value of 0).
func lookup3(k []byte) uint32 {
	a := 0xdeadbeef + uint32(len(k))
	b, c := a, a
	for len(k) > 12 {
		a += binary.LittleEndian.Uint32(k)
		b += binary.LittleEndian.Uint32(k[4:])
		c += binary.LittleEndian.Uint32(k[8:])
		a = (a - c) ^ bits.RotateLeft32(c, 4)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 6)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 8)
		b += a
		a = (a - c) ^ bits.RotateLeft32(c, 16)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 19)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 4)
		b += a
		k = k[12:]
	}
	if len(k) == 0 {
		return c
	}
	var tail [12]byte
	copy(tail[:], k)
	a += binary.LittleEndian.Uint32(tail[0:])
	b += binary.LittleEndian.Uint32(tail[4:])
	c += binary.LittleEndian.Uint32(tail[8:])
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	c = (c ^ b) - bits.RotateLeft32(b, 24)
	return c
}

// fletcher32 is the checksum of filter 3 over big-endian words of 16 bits, as
// H5_checksum_fletcher32 computes it; an odd last byte is a word's high one.
func fletcher32(b []byte) uint32 {
	var lo, hi uint32
	for words := len(b) / 2; words > 0; {
		// 360 words are the most whose sums cannot overflow.
		n := min(words, 360)
		words -= n
		for ; n > 0; n-- {
			lo += uint32(b[0])<<8 | uint32(b[1])
			hi += lo
			b = b[2:]
		}
		lo = lo&0xffff + lo>>16
		hi = hi&0xffff + hi>>16
	}
	if len(b) == 1 {
		lo += uint32(b[0]) << 8
		hi += lo
		lo = lo&0xffff + lo>>16
		hi = hi&0xffff + hi>>16
	}
	lo = lo&0xffff + lo>>16
	hi = hi&0xffff + hi>>16
	return hi<<16 | lo
}
