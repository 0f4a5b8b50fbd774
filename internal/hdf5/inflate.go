package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The zlib streams (RFC 1950, RFC 1951) of chunks are decompressed here and not
// by a library, since reading compressed files is what a training job on a CPU
// waits for, and a chunk is an easy case: all input is there and the size of the
// output is known. So there is no window to keep and no state to suspend; bits
// are loaded eight bytes at a time, and matches are copied by words.
// (klauspost/compress, the fastest general decompressor for Go, reads the
// guides' files at 0.7 of h5py's speed.) A fuzz test compares it with that one.

const (
	// inputPadding and outputPadding are the bytes behind input and output that
	// the decoder may load and overwrite, so that it need not look where they end
	// at each symbol.
	inputPadding  = 32
	outputPadding = 320

	litBits  = 11 // of a literal's or a length's code in the first table
	distBits = 8
	maxBits  = 15 // of any code
)

// Entries of tables. The low 6 bits are how many bits to consume, extra bits
// included; bits 8 to 12 how many of them are the code. The value is a literal,
// or the base of a length or a distance, or where a second table begins.
const (
	entryLiteral  = 1 << 31
	entrySpecial  = 1 << 30 // a second table, the end of a block, or no code
	entryEnd      = 1 << 29
	entrySubtable = 1 << 28
	valueShift    = 13
	valueMask     = 0x7fff
)

// inflater decompresses one stream after the other. It is its tables, which are
// large and so are kept.
type inflater struct {
	lit     [1<<litBits + 512]uint32
	dist    [1<<distBits + 256]uint32
	lengths [286 + 32]uint8
	fixed   bool // lit and dist are those of fixed codes
}

var (
	errInflateEnd  = errors.New("the gzip data end too early")
	errInflateCode = errors.New("the gzip data are damaged")
)

// bitReader gives bits from the least significant on. Beyond the input there are
// zeros; overrun says whether any of them were used.
type bitReader struct {
	in   []byte // with inputPadding behind end
	end  int
	pos  int
	bits uint64
	n    uint // how many of bits are loaded
}

// refill loads at least 56 bits. Bits above n may be loaded already; loading
// them again changes nothing.
func (b *bitReader) refill() {
	b.bits |= binary.LittleEndian.Uint64(b.in[b.pos:]) << (b.n & 63)
	b.pos += int((63 - b.n) >> 3)
	b.n |= 56
}

func (b *bitReader) take(n uint) uint32 {
	v := uint32(b.bits & (1<<n - 1))
	b.bits >>= n
	b.n -= n
	return v
}

// overrun says whether more was consumed than there is.
func (b *bitReader) overrun() bool { return b.pos-int(b.n/8) > b.end }

// padded returns a buffer of n bytes, b if it is large enough, with what the
// decoder needs behind them.
func padded(b []byte, n int) []byte {
	b = grow(b, n+outputPadding)
	clear(b[n : n+inputPadding])
	return b[:n]
}

// inflate decompresses a zlib stream into out, which it must fill exactly. Both
// must have been made by padded.
func (s *inflater) inflate(out, in []byte) error {
	if len(in) < 6 {
		return errInflateEnd
	}
	if in[0]&15 != 8 || in[0]>>4 > 7 || (int(in[0])<<8|int(in[1]))%31 != 0 || in[1]&0x20 != 0 {
		return errors.New("the gzip data are damaged: they do not begin as zlib streams do")
	}
	end := len(in) - 4
	r := bitReader{in: in[:len(in)+inputPadding], end: end, pos: 2}
	n, err := s.blocks(&r, out)
	if err != nil {
		return fmt.Errorf("%w (after %d of the chunk's %d bytes)", err, min(n, len(out)), len(out))
	}
	if n < len(out) {
		return fmt.Errorf("the gzip data end after %d of the chunk's %d bytes", n, len(out))
	}
	at := r.pos - int(r.n/8)
	if got := adler(out); got != binary.BigEndian.Uint32(in[at:]) {
		return errors.New("the gzip data are damaged: their checksum does not match")
	}
	return nil
}

// blocks decompresses blocks up to the last one and returns how many bytes came
// out.
func (s *inflater) blocks(r *bitReader, out []byte) (n int, err error) {
	for last := false; !last; {
		if r.pos > len(r.in)-8 {
			return n, errInflateEnd
		}
		r.refill()
		last = r.take(1) == 1
		switch r.take(2) {
		case 0:
			n, err = r.storedBlock(out, n)
		case 1:
			if !s.fixed {
				s.fixedCodes()
			}
			n, err = s.block(r, out, n)
		case 2:
			s.fixed = false
			if err = s.dynamicCodes(r); err == nil {
				n, err = s.block(r, out, n)
			}
		default:
			err = errInflateCode
		}
		if err != nil {
			return n, err
		}
	}
	switch {
	case r.overrun():
		return n, errInflateEnd
	case n > len(out):
		return n, tooMuch(len(out))
	}
	return n, nil
}

// storedBlock copies a block that is not compressed (RFC 1951, 3.2.4).
func (b *bitReader) storedBlock(out []byte, n int) (int, error) {
	at := b.pos - int(b.n/8)
	if at+4 > b.end {
		return n, errInflateEnd
	}
	size := int(binary.LittleEndian.Uint16(b.in[at:]))
	if size^0xffff != int(binary.LittleEndian.Uint16(b.in[at+2:])) {
		return n, errInflateCode
	}
	at += 4
	if at+size > b.end {
		return n, errInflateEnd
	}
	if n+size > len(out) {
		return n, tooMuch(len(out))
	}
	copy(out[n:], b.in[at:at+size])
	b.pos, b.bits, b.n = at+size, 0, 0
	return n + size, nil
}

func tooMuch(size int) error {
	return fmt.Errorf("the gzip data inflate to more than the %d bytes of a chunk", size)
}
