package hdf5

import "encoding/binary"

// leastBits is what must be loaded for a length: a code and its extra bits.
const leastBits = maxBits + 5

// block decompresses a block with the tables of s from place n of out on
// (RFC 1951, 3.2.3), and returns the place behind it. The bit reader lives in
// local variables here, which is what makes it fast.
func (s *inflater) block(r *bitReader, out []byte, n int) (int, error) {
	in, pos, bits, have := r.in, r.pos, r.bits, r.n
	limit, inLimit := len(out), len(r.in)-16
	dst := out[:limit+outputPadding]
next:
	for {
		if n > limit || pos > inLimit {
			return n, outOfRoom(n, limit)
		}
		bits |= binary.LittleEndian.Uint64(in[pos:]) << (have & 63)
		pos += int((63 - have) >> 3)
		have |= 56
		e := s.lit[bits&(1<<litBits-1)]
		if e&entrySubtable != 0 {
			e = second(s.lit[:], e, bits>>litBits)
		}
		for e&entryLiteral != 0 {
			bits >>= e & 63
			have -= uint(e & 63)
			dst[n] = byte(e >> valueShift)
			n++
			if have < leastBits {
				continue next
			}
			if e = s.lit[bits&(1<<litBits-1)]; e&entrySubtable != 0 {
				e = second(s.lit[:], e, bits>>litBits)
			}
		}
		if e&entrySpecial != 0 {
			if e&entryEnd == 0 {
				return n, errInflateCode
			}
			r.pos, r.bits, r.n = pos, bits>>(e&63), have-uint(e&63)
			return n, nil
		}
		length := value(e, bits)
		bits >>= e & 63
		have -= uint(e & 63)

		bits |= binary.LittleEndian.Uint64(in[pos:]) << (have & 63)
		pos += int((63 - have) >> 3)
		have |= 56
		if e = s.dist[bits&(1<<distBits-1)]; e&entrySubtable != 0 {
			e = second(s.dist[:], e, bits>>distBits)
		}
		distance := value(e, bits)
		bits >>= e & 63
		have -= uint(e & 63)
		if e&entrySpecial != 0 || distance > n {
			return n, errInflateCode
		}
		if length <= min(8, distance) {
			// Most matches are a word at most, and do not overlap themselves.
			binary.LittleEndian.PutUint64(dst[n:], binary.LittleEndian.Uint64(dst[n-distance:]))
		} else {
			copyMatch(dst, n, distance, length)
		}
		n += length
	}
}

// outOfRoom says which came to its end first, output or input.
func outOfRoom(n, limit int) error {
	if n > limit {
		return tooMuch(limit)
	}
	return errInflateEnd
}

// second follows an entry to its second table; bits are those behind the first.
func second(table []uint32, e uint32, bits uint64) uint32 {
	return table[int(e>>valueShift&valueMask)+int(bits&(1<<(e>>8&15)-1))]
}

// value is the base of a length or a distance and its extra bits, which come
// behind the code.
func value(e uint32, bits uint64) int {
	return int(e>>valueShift&valueMask) + int(bits&(1<<(e&63)-1)>>(e>>8&31))
}

// copyMatch repeats length bytes that begin distance before n, by words of 8
// bytes; up to 15 more are overwritten.
func copyMatch(dst []byte, n, distance, length int) {
	from, end := n-distance, n+length
	if distance >= 8 {
		binary.LittleEndian.PutUint64(dst[n:], binary.LittleEndian.Uint64(dst[from:]))
		for n += 8; n < end; n += 8 {
			from += 8
			binary.LittleEndian.PutUint64(dst[n:], binary.LittleEndian.Uint64(dst[from:]))
		}
		return
	}
	// A pattern shorter than a word: fill a word with it, and go on by as many
	// bytes as hold it a whole number of times.
	word := binary.LittleEndian.Uint64(dst[from:]) & (1<<(8*distance) - 1)
	for have := distance; have < 8; have *= 2 {
		word |= word << (8 * have)
	}
	for step := 8 - 8%distance; n < end; n += step {
		binary.LittleEndian.PutUint64(dst[n:], word)
	}
}
