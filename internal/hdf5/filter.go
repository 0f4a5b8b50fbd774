package hdf5

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Filters that chunks go through (IV.A.2.l, and h5py's registered LZF).
const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
	filterLZF        = 32000
)

// knownFilters names the filters that are not read, for the message that says so.
var knownFilters = map[int]string{
	4: "szip", 5: "nbit", 6: "scaleoffset", 307: "bzip2", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2",
}

// filter is a step of the pipeline.
type filter struct {
	id   int
	args []uint32
}

// pipeline parses a filter pipeline message (IV.A.2.l).
func (c *cursor) pipeline() []filter {
	c.what = "the filter pipeline"
	version := c.version(1, 2)
	n := c.u8()
	if version == 1 {
		c.skip(6)
	}
	if n > 32 {
		c.failf("has %d filters, more than the 32 that there can be", n)
	}
	var all []filter
	for ; n > 0 && c.err == nil; n-- {
		f := filter{id: c.u16()}
		nameSize := 0
		if version == 1 || f.id >= 256 {
			nameSize = c.u16()
		}
		c.skip(2)
		args := c.u16()
		if version == 1 {
			nameSize = (nameSize + 7) &^ 7
		}
		name, _, _ := bytes.Cut(c.take(nameSize), []byte{0})
		for i := 0; i < args && c.err == nil; i++ {
			f.args = append(f.args, c.u32())
		}
		if version == 1 && args%2 == 1 {
			c.skip(4)
		}
		c.checkFilter(f, string(name))
		all = append(all, f)
	}
	return all
}

func (c *cursor) checkFilter(f filter, name string) {
	if c.err != nil {
		return
	}
	switch f.id {
	case filterDeflate, filterFletcher32, filterLZF:
	case filterShuffle:
		if len(f.args) == 0 || f.args[0] == 0 || f.args[0] > MaxChunkBytes {
			c.failf("shuffles without the size of what it shuffles")
		}
	default:
		if known, ok := knownFilters[f.id]; ok {
			name = known
		}
		c.failf("uses filter %d (%s), which is not supported; write the file with gzip, with lzf or without compression", f.id, name)
	}
}

// decoder undoes a pipeline; its buffers are used again and again, so what it
// returns is good until its next use. It holds at most two chunks beside the
// stored one.
type decoder struct {
	pipeline []filter
	a, b     []byte
	inflater inflater
}

// reserve gives n bytes of whichever buffer does not hold data.
func (x *decoder) reserve(n int, data []byte) []byte {
	buf := &x.a
	if len(data) > 0 && cap(x.a) > 0 && &data[0] == &x.a[:1][0] {
		buf = &x.b
	}
	*buf = padded(*buf, n)
	return *buf
}

// undo turns the stored bytes of a chunk into the size bytes that it must have.
// A bit of mask that is set says that this filter was left out.
func (x *decoder) undo(data []byte, mask uint32, size int) ([]byte, error) {
	for i := len(x.pipeline) - 1; i >= 0; i-- {
		if mask>>i&1 != 0 {
			continue
		}
		// Between this step and the next there is the chunk, with a checksum of
		// four bytes for each fletcher32 before.
		limit := size
		for _, before := range x.pipeline[:i] {
			if before.id == filterFletcher32 {
				limit += 4
			}
		}
		var err error
		if data, err = x.undoOne(x.pipeline[i], data, limit); err != nil {
			return nil, err
		}
	}
	if len(data) != size {
		return nil, fmt.Errorf("it has %d bytes where %d are expected", len(data), size)
	}
	return data, nil
}

func (x *decoder) undoOne(f filter, data []byte, limit int) ([]byte, error) {
	switch f.id {
	case filterDeflate:
		out := x.reserve(limit, data)
		return out, x.inflater.inflate(out, data)
	case filterShuffle:
		if len(data) < 2*int(f.args[0]) {
			return data, nil // less than two elements stay as they are
		}
		out := x.reserve(len(data), data)
		unshuffle(out, data, int(f.args[0]))
		return out, nil
	case filterFletcher32:
		n := len(data) - 4
		if n < 0 {
			return nil, fmt.Errorf("it is too short for its fletcher32 checksum")
		}
		if fletcher32(data[:n]) != binary.LittleEndian.Uint32(data[n:]) {
			return nil, fmt.Errorf("the data are damaged: the fletcher32 checksum does not match")
		}
		return data[:n], nil
	default:
		out := x.reserve(limit, data)
		n, err := unlzf(out, data)
		return out[:n], err
	}
}

// unshuffle puts the bytes of each element together again: shuffled data have
// first the first bytes of all elements, then the second bytes, and so on. What
// does not fill an element stands at the end as it is.
func unshuffle(out, in []byte, size int) {
	n := len(in) / size
	for j := range size {
		plane := in[j*n : (j+1)*n]
		for i, o := 0, j; i < len(plane); i, o = i+1, o+size {
			out[o] = plane[i]
		}
	}
	copy(out[n*size:], in[n*size:])
}
