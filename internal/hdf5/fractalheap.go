package hdf5

import "math/bits"

// fractalHeap holds objects of different sizes in blocks that double row by row
// (III.G). Only what links need is read: managed objects in blocks without
// filters.
type fractalHeap struct {
	f           *file
	idSize      int
	offsetBytes int
	lengthBytes int
	width       int // blocks in a row
	start       uint64
	mostDirect  uint64
	root        uint64
	rows        int // of the root block, if it is indirect; else 0
}

const fractalHeapName = "a group's heap of links"

func (f *file) fractalHeap(addr uint64) (*fractalHeap, error) {
	c, err := f.metadata(addr, uint64(26+12*f.lengthSize+3*f.offsetSize), fractalHeapName)
	if err != nil {
		return nil, err
	}
	c.signature("FRHP")
	c.version(0)
	h := &fractalHeap{f: f, idSize: c.u16()}
	if filters := c.u16(); filters != 0 {
		c.failf("is compressed, which is not supported")
	} else {
		c.checksum()
	}
	c.skip(1)
	mostManaged := uint64(c.u32())
	c.length()
	c.offset()
	c.length()
	c.offset()
	c.skip(8 * f.lengthSize)
	h.width = c.u16()
	h.start, h.mostDirect = c.length(), c.length()
	offsetBits := c.u16()
	c.skip(2)
	h.root, h.rows = c.offset(), c.u16()
	powers := bits.OnesCount64(h.start) == 1 && bits.OnesCount64(h.mostDirect) == 1
	if c.err == nil && (!powers || h.width == 0 || h.width > 1<<12 || h.mostDirect < h.start || h.mostDirect > 1<<32 || offsetBits > 64 || h.rows > 64) {
		c.failf("has blocks of sizes that cannot be")
	}
	h.offsetBytes = (offsetBits + 7) / 8
	h.lengthBytes = min((bits.Len64(h.mostDirect)-1+7)/8, widthOf(mostManaged))
	return h, c.err
}

// object returns the object that an ID stands for.
func (h *fractalHeap) object(id *cursor) (*cursor, error) {
	if kind := id.u8(); kind != 0 {
		id.failf("is stored in a way (0x%02x) that links are not", kind)
	}
	offset, size := id.uint(h.offsetBytes), id.uint(h.lengthBytes)
	if id.err != nil {
		return nil, id.err
	}
	if h.rows == 0 {
		return h.f.metadata(saturatingAdd(h.root, offset), size, "a link")
	}
	return h.inIndirect(h.root, h.rows, offset, size, 0)
}

// blockSize is the size of the blocks of a row; the first two rows are alike.
func (h *fractalHeap) blockSize(row int) uint64 { return h.start << max(0, row-1) }

// inIndirect finds an object by its offset in what an indirect block covers.
func (h *fractalHeap) inIndirect(addr uint64, rows int, offset, size uint64, depth int) (*cursor, error) {
	f := h.f
	if depth > 8 {
		return nil, f.failf(-1, "%s is nested too deep", fractalHeapName)
	}
	row := 0
	for row < rows && offset >= uint64(h.width)*h.blockSize(row) {
		offset -= uint64(h.width) * h.blockSize(row)
		row++
	}
	if row == rows || row > 63-bits.Len64(h.start)-bits.Len(uint(h.width)) {
		return nil, f.failf(-1, "%s has no link at offset %d", fractalHeapName, offset)
	}
	column := offset / h.blockSize(row)
	prefix := uint64(5 + f.offsetSize + h.offsetBytes)
	entry := uint64(row*h.width) + column
	c, err := f.metadata(addr, prefix+(entry+1)*uint64(f.offsetSize), fractalHeapName)
	if err != nil {
		return nil, err
	}
	c.signature("FHIB")
	c.version(0)
	c.skip(int(prefix+entry*uint64(f.offsetSize)) - 5)
	child := c.offset()
	if c.err != nil {
		return nil, c.err
	}
	within := offset - column*h.blockSize(row)
	if h.blockSize(row) <= h.mostDirect {
		return f.metadata(saturatingAdd(child, within), size, "a link")
	}
	// An indirect block covers as much as a direct one of its row would: so many
	// rows of its own.
	below := bits.Len64(h.blockSize(row)) - bits.Len64(h.start*uint64(h.width)) + 1
	return h.inIndirect(child, max(below, 1), within, size, depth+1)
}
