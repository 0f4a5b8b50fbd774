package hdf5

import (
	"math"
	"slices"
)

// chunk is where the stored bytes of a chunk are, how many, and which filters
// were left out for it.
type chunk struct {
	addr uint64
	size uint32
	mask uint32
}

// chunkIndex says where the chunks of a dataset are. It keeps only those that
// the file's own index names, 20 bytes each: what a file claims to have costs no
// memory.
type chunkIndex struct {
	// n is how many chunks the dataset's length makes.
	n     int
	known []chunk
	// numbers are those of the known chunks, ascending; nil if all are known.
	numbers []int32
	// implicit says that all chunks follow each other from the first known one on.
	implicit bool
}

// maxRatio is the most that deflate makes of a byte: 258 bytes from 2 bits. LZF
// makes less.
const maxRatio = 1032

// expectChunks sets how many chunks there are. Each that is written takes at
// least entryBytes in the file's index and what its filters cannot make smaller,
// so a number that the file has no room for is refused.
func (d *Dataset) expectChunks(entryBytes int) error {
	n := (d.n + d.perChunk - 1) / d.perChunk
	stored := d.chunkBytes()
	for _, f := range d.filters {
		if f.id == filterDeflate || f.id == filterLZF {
			stored /= maxRatio
		}
	}
	if each := int64(entryBytes) + int64(max(1, stored)); n > 1 && int64(n) > d.f.size/each {
		return d.f.failf(-1, "it says that it has %d samples in %d chunks, but the file of %d bytes can hold only a part of them; "+
			"was the program that wrote it stopped?", d.n, n, d.f.size)
	}
	if n > math.MaxInt32 {
		return d.f.failf(-1, "it has %d chunks, more than the %d that there can be; write it with larger chunks", n, math.MaxInt32)
	}
	d.chunks.n = n
	return nil
}

// put records where chunk i is. An index names chunks in their order; one that
// does not is damaged.
func (d *Dataset) put(i uint64, k chunk) error {
	x := &d.chunks
	if i >= uint64(x.n) || k.addr == undefined {
		return nil // left from when the dataset was longer, or never written
	}
	if last := len(x.numbers) - 1; last >= 0 && i <= uint64(x.numbers[last]) {
		reason := "the chunk index has it twice"
		if i < uint64(x.numbers[last]) {
			reason = "the chunk index is not in order"
		}
		return &Error{File: d.f.name, Chunk: int(i), Offset: -1, Reason: reason}
	}
	x.known = append(x.known, k)
	x.numbers = append(x.numbers, int32(i))
	return nil
}

// seal ends reading the index.
func (x *chunkIndex) seal() {
	if len(x.known) == x.n {
		x.numbers = nil
	}
}

// largest is the most bytes that a chunk has as it is stored and can be read; an
// index of a damaged file may say anything.
func (x *chunkIndex) largest() uint32 {
	most := uint32(0)
	for _, c := range x.known {
		if c.size <= maxStoredChunk {
			most = max(most, c.size)
		}
	}
	return most
}

// at finds chunk number i; ok is false if it was never written. chunkBytes is
// the size of a decoded chunk.
func (x *chunkIndex) at(i, chunkBytes int) (c chunk, ok bool) {
	if x.implicit {
		c = x.known[0]
		// An address that overflows is beyond any file, as saturated ones are.
		c.addr = saturatingAdd(c.addr, uint64(i)*uint64(chunkBytes))
		return c, true
	}
	if x.numbers != nil {
		i, ok = slices.BinarySearch(x.numbers, int32(i))
		if !ok {
			return chunk{}, false
		}
	}
	if i >= len(x.known) {
		return chunk{}, false
	}
	return x.known[i], true
}
