package hdf5

import "math/bits"

// lengthBase, lengthExtra, distBase and distExtra are the tables of RFC 1951,
// 3.2.5.
var (
	lengthBase  = [29]uint32{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint32{8: 1, 9: 1, 10: 1, 11: 1, 12: 2, 13: 2, 14: 2, 15: 2, 16: 3, 17: 3, 18: 3, 19: 3, 20: 4, 21: 4, 22: 4, 23: 4, 24: 5, 25: 5, 26: 5, 27: 5}
	distBase    = [30]uint32{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra   = [30]uint32{4: 1, 5: 1, 6: 2, 7: 2, 8: 3, 9: 3, 10: 4, 11: 4, 12: 5, 13: 5, 14: 6, 15: 6, 16: 7, 17: 7, 18: 8, 19: 8, 20: 9, 21: 9, 22: 10, 23: 10, 24: 11, 25: 11, 26: 12, 27: 12, 28: 13, 29: 13}
	// codeOrder is the order of the lengths of code length codes (3.2.7).
	codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// litEntries, distEntries and codeEntries are the entries of all symbols, with
// their extra bits counted but not yet the bits of their codes.
var (
	litEntries  = makeLitEntries()
	distEntries = makeDistEntries()
	codeEntries = makeCodeEntries()
)

func makeLitEntries() (all [288]uint32) {
	for symbol := range all {
		switch {
		case symbol < 256:
			all[symbol] = entryLiteral | uint32(symbol)<<valueShift
		case symbol == 256:
			all[symbol] = entrySpecial | entryEnd
		case symbol < 286:
			all[symbol] = lengthBase[symbol-257]<<valueShift | lengthExtra[symbol-257]
		default:
			all[symbol] = entrySpecial
		}
	}
	return all
}

func makeDistEntries() (all [32]uint32) {
	for symbol := range all {
		all[symbol] = entrySpecial
		if symbol < 30 {
			all[symbol] = distBase[symbol]<<valueShift | distExtra[symbol]
		}
	}
	return all
}

func makeCodeEntries() (all [19]uint32) {
	for symbol := range all {
		all[symbol] = uint32(symbol) << valueShift
	}
	return all
}

// buildTable fills a table, whose first part is indexed by the next first bits
// of the input, from the lengths of a canonical code (RFC 1951, 3.2.2). Longer
// codes are in second tables behind it. A code must be complete, but it may be
// empty or have a single symbol of one bit where allowed is set, as zlib has it.
func buildTable(table []uint32, first int, lengths []uint8, allowed bool, entries []uint32) error {
	var count [maxBits + 1]int
	for _, l := range lengths {
		count[l]++
	}
	count[0] = 0
	left := 1
	var next [maxBits + 2]uint32 // the next code of each length
	var place [maxBits + 2]int   // and the place of its symbol among the sorted
	longest := 0
	for l := 1; l <= maxBits; l++ {
		left = left*2 - count[l]
		if left < 0 {
			return errInflateCode
		}
		next[l+1] = (next[l] + uint32(count[l])) << 1
		place[l+1] = place[l] + count[l]
		if count[l] > 0 {
			longest = l
		}
	}
	if left > 0 {
		if !allowed || longest > 1 {
			return errInflateCode
		}
		for i := range table[:1<<first] {
			table[i] = entrySpecial
		}
	}
	var sorted [288]uint16
	used := place[maxBits+1]
	for symbol, l := range lengths {
		if l > 0 {
			sorted[place[l]] = uint16(symbol)
			place[l]++
		}
	}
	b := tableBuilder{table: table, first: first, used: 1 << first, count: count}
	for _, symbol := range sorted[:used] {
		l := uint32(lengths[symbol])
		if !b.put(next[l], int(l), entries[symbol]+l<<8+l) {
			return errInflateCode
		}
		next[l]++
	}
	return nil
}

// tableBuilder puts codes into a table.
type tableBuilder struct {
	table []uint32
	first int
	used  int
	count [maxBits + 1]int
	// sub, subBits and prefix are the second table that is being filled.
	sub, subBits int
	prefix       uint32
	open         bool
}

// put enters a code of length l everywhere that its bits are the first ones.
func (b *tableBuilder) put(code uint32, l int, entry uint32) bool {
	reversed := bits.Reverse32(code) >> (32 - l)
	if l <= b.first {
		for i := reversed; i < 1<<b.first; i += 1 << l {
			b.table[i] = entry
		}
		return true
	}
	prefix := reversed & (1<<b.first - 1)
	if !b.open || prefix != b.prefix {
		if !b.begin(prefix, l) {
			return false
		}
	}
	b.count[l]--
	for i := reversed >> b.first; i < 1<<b.subBits; i += 1 << (l - b.first) {
		b.table[b.sub+int(i)] = entry
	}
	return true
}

// begin opens the second table for a prefix; it is as wide as the longest of the
// codes that follow with this prefix.
func (b *tableBuilder) begin(prefix uint32, l int) bool {
	width := l - b.first
	for left := 1<<width - b.count[l]; left > 0 && b.first+width < maxBits; {
		width++
		left = left*2 - b.count[b.first+width]
	}
	if b.used+1<<width > len(b.table) {
		return false
	}
	b.sub, b.subBits, b.prefix, b.open = b.used, width, prefix, true
	b.used += 1 << width
	b.table[prefix] = entrySpecial | entrySubtable | uint32(b.sub)<<valueShift | uint32(width)<<8
	for i := range 1 << width {
		b.table[b.sub+i] = entrySpecial
	}
	return true
}

// fixedCodes sets the tables of fixed codes (RFC 1951, 3.2.6).
func (s *inflater) fixedCodes() {
	var l [288]uint8
	for i := range l {
		switch {
		case i < 144 || i >= 280:
			l[i] = 8
		case i < 256:
			l[i] = 9
		default:
			l[i] = 7
		}
	}
	var d [32]uint8
	for i := range d {
		d[i] = 5
	}
	// Neither can fail: both codes are complete and short.
	s.fixed = buildTable(s.lit[:], litBits, l[:], false, litEntries[:]) == nil && buildTable(s.dist[:], distBits, d[:], false, distEntries[:]) == nil
}

// dynamicCodes reads the codes of a block (RFC 1951, 3.2.7).
func (s *inflater) dynamicCodes(r *bitReader) error {
	literals, distances, codes := int(r.take(5))+257, int(r.take(5))+1, int(r.take(4))+4
	if literals > 286 || distances > 30 {
		return errInflateCode
	}
	var lengths [19]uint8
	for i := range codes {
		if r.n < 3 {
			if r.pos > len(r.in)-8 {
				return errInflateEnd
			}
			r.refill()
		}
		lengths[codeOrder[i]] = uint8(r.take(3))
	}
	var table [1 << 7]uint32
	if err := buildTable(table[:], 7, lengths[:], false, codeEntries[:]); err != nil {
		return err
	}
	total := literals + distances
	if err := s.codeLengths(r, &table, total); err != nil {
		return err
	}
	if s.lengths[256] == 0 {
		return errInflateCode // a block without an end
	}
	if err := buildTable(s.lit[:], litBits, s.lengths[:literals], true, litEntries[:]); err != nil {
		return err
	}
	return buildTable(s.dist[:], distBits, s.lengths[literals:total], true, distEntries[:])
}

// codeLengths reads the lengths of a block's codes, which are themselves coded:
// 16 repeats the last length, 17 and 18 are zeros.
func (s *inflater) codeLengths(r *bitReader, table *[1 << 7]uint32, total int) error {
	for i := 0; i < total; {
		if r.pos > len(r.in)-8 {
			return errInflateEnd
		}
		r.refill()
		e := table[r.bits&(1<<7-1)]
		if e&entrySpecial != 0 {
			return errInflateCode
		}
		r.take(uint(e & 63))
		symbol := e >> valueShift
		if symbol < 16 {
			s.lengths[i] = uint8(symbol)
			i++
			continue
		}
		var value uint8
		var repeat int
		switch symbol {
		case 16:
			if i == 0 {
				return errInflateCode
			}
			value, repeat = s.lengths[i-1], 3+int(r.take(2))
		case 17:
			repeat = 3 + int(r.take(3))
		default:
			repeat = 11 + int(r.take(7))
		}
		if i+repeat > total {
			return errInflateCode
		}
		for range repeat {
			s.lengths[i] = value
			i++
		}
	}
	return nil
}
