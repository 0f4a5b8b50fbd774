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

// adler is the checksum of zlib streams (RFC 1950), eight bytes at a time: the
// sums of bytes in the same place of a word are kept in lanes of 16 bits, and so
// are the sums of those sums. The standard library's takes a fifth of the time
// that inflating takes.
func adler(p []byte) uint32 {
	const (
		modulus = 65521
		lanes   = 0x00ff00ff00ff00ff
		// words is the most after which no lane has overflowed: 255·22·23/2 < 2^16.
		words = 22
	)
	a, b := uint64(1), uint64(0)
	for len(p) >= 8*words {
		var even, odd, evens, odds uint64
		block := p[:8*words]
		for len(block) >= 8 {
			v := binary.LittleEndian.Uint64(block)
			even += v & lanes
			odd += v >> 8 & lanes
			evens += even
			odds += odd
			block = block[8:]
		}
		// Byte j of word w counts 8·(words-w)-j times in b.
		sum, places := uint64(0), uint64(0)
		for k := range uint64(4) {
			e, o := even>>(16*k)&0xffff, odd>>(16*k)&0xffff
			sum += e + o
			places += 2*k*e + (2*k+1)*o
		}
		b += 8*words*a + 8*(across(evens)+across(odds)) - places
		a += sum
		a, b = a%modulus, b%modulus
		p = p[8*words:]
	}
	for _, x := range p {
		a += uint64(x)
		b += a
	}
	return uint32(b%modulus)<<16 | uint32(a%modulus)
}

// across adds up the four lanes of a word.
func across(v uint64) uint64 {
	v = v&0x0000ffff0000ffff + v>>16&0x0000ffff0000ffff
	return v&0xffffffff + v>>32
}
