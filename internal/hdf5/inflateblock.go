package hdf5

import "encoding/binary"

// block decompresses a block with the tables of s from place n of out on
// (RFC 1951, 3.2.3), and returns the place behind it. The bit reader lives in
// local variables here, which is what makes it fast.
func (s *inflater) block(r *bitReader, out []byte, n int) (int, error) {
	in, pos, bits, have := r.in, r.pos, r.bits, r.n
	limit, inLimit := len(out), len(r.in)-16
	dst := out[:limit+outputPadding]
	for {
		if n > limit {
			return n, tooMuch(limit)
		}
		if pos > inLimit {
			return n, errInflateEnd
		}
		bits |= binary.LittleEndian.Uint64(in[pos:]) << (have & 63)
		pos += int((63 - have) >> 3)
		have |= 56

		// At most three literals fit what is loaded, or two and a length.
		e := s.lit[bits&(1<<litBits-1)]
		if e&entryLiteral != 0 {
			bits >>= e & 63
			have -= uint(e & 63)
			dst[n] = byte(e >> valueShift)
			n++
			e = s.lit[bits&(1<<litBits-1)]
			if e&entryLiteral != 0 {
				bits >>= e & 63
				have -= uint(e & 63)
				dst[n] = byte(e >> valueShift)
				n++
				e = s.lit[bits&(1<<litBits-1)]
				if e&entryLiteral != 0 {
					bits >>= e & 63
					have -= uint(e & 63)
					dst[n] = byte(e >> valueShift)
					n++
					continue
				}
			}
		}
		if e&entrySpecial != 0 {
			if e&entrySubtable != 0 {
				e = s.lit[(e>>valueShift&valueMask+uint32(bits>>litBits)&(1<<(e>>8&15)-1))%uint32(len(s.lit))]
			}
			if e&entrySpecial != 0 {
				if e&entryEnd == 0 {
					return n, errInflateCode
				}
				r.pos, r.bits, r.n = pos, bits>>(e&63), have-uint(e&63)
				return n, nil
			}
			if e&entryLiteral != 0 {
				bits >>= e & 63
				have -= uint(e & 63)
				dst[n] = byte(e >> valueShift)
				n++
				continue
			}
		}
		length := int(e>>valueShift&valueMask) + int(bits&(1<<(e&63)-1)>>(e>>8&31))
		bits >>= e & 63
		have -= uint(e & 63)

		bits |= binary.LittleEndian.Uint64(in[pos:]) << (have & 63)
		pos += int((63 - have) >> 3)
		have |= 56
		e = s.dist[bits&(1<<distBits-1)]
		if e&entrySpecial != 0 {
			if e&entrySubtable == 0 {
				return n, errInflateCode
			}
			e = s.dist[(e>>valueShift&valueMask+uint32(bits>>distBits)&(1<<(e>>8&15)-1))%uint32(len(s.dist))]
			if e&entrySpecial != 0 {
				return n, errInflateCode
			}
		}
		distance := int(e>>valueShift&valueMask) + int(bits&(1<<(e&63)-1)>>(e>>8&31))
		bits >>= e & 63
		have -= uint(e & 63)
		if distance > n {
			return n, errInflateCode
		}
		if distance >= 8 && length <= 16 {
			// Most matches are two words at most.
			binary.LittleEndian.PutUint64(dst[n:], binary.LittleEndian.Uint64(dst[n-distance:]))
			binary.LittleEndian.PutUint64(dst[n+8:], binary.LittleEndian.Uint64(dst[n-distance+8:]))
		} else {
			copyMatch(dst, n, distance, length)
		}
		n += length
	}
}

// copyMatch repeats length bytes that begin distance before n, by words of 8
// bytes; up to 15 more are overwritten.
func copyMatch(dst []byte, n, distance, length int) {
	from, end := n-distance, n+length
	if distance >= 8 {
		for n < end {
			binary.LittleEndian.PutUint64(dst[n:], binary.LittleEndian.Uint64(dst[from:]))
			n += 8
			from += 8
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
