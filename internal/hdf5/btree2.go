package hdf5

import "math/bits"

// btree2 is a version 2 B-tree (III.A.2), which finds the links of a group that
// has many.
type btree2 struct {
	f          *file
	kind       int
	nodeSize   int
	recordSize int
	// countBytes is the width of a child's number of records; totalBytes, by
	// depth, that of all records below a child.
	countBytes int
	totalBytes []int
}

const btree2Name = "the index of a group (a version 2 B-tree)"

// widthOf is how many bytes hold numbers up to limit (H5VM_limit_enc_size).
func widthOf(limit uint64) int { return (bits.Len64(max(limit, 1))-1)/8 + 1 }

// records calls visit for each record of the tree at addr, until it says that
// it has seen enough.
func (f *file) records(addr uint64, kind int, visit func(record *cursor) (done bool, err error)) error {
	c, err := f.metadata(addr, uint64(16+f.offsetSize+2+f.lengthSize+4), btree2Name)
	if err != nil {
		return err
	}
	c.checksum()
	c.signature("BTHD")
	c.version(0)
	t := &btree2{f: f, kind: c.u8(), nodeSize: int(c.u32()), recordSize: c.u16()}
	depth := c.u16()
	c.skip(2)
	root, count := c.offset(), c.u16()
	if c.err == nil && (t.kind != kind || t.nodeSize > maxHeaderBytes || t.recordSize == 0 || t.nodeSize < 10+t.recordSize || depth > 16) {
		c.failf("is of kind %d with nodes of %d bytes, records of %d and depth %d", t.kind, t.nodeSize, t.recordSize, depth)
	}
	if c.err != nil || root == undefined {
		return c.err
	}
	t.widths(depth)
	_, err = t.node(root, count, depth, visit)
	return err
}

// widths works out how wide the numbers in inner nodes are: they hold the most
// records that can be below.
func (t *btree2) widths(depth int) {
	leaf := uint64((t.nodeSize - 10) / t.recordSize)
	t.countBytes = widthOf(leaf)
	t.totalBytes = []int{0}
	total := leaf
	for d := 1; d <= depth; d++ {
		pointer := t.pointerSize(d)
		most := uint64(max(0, t.nodeSize-10-pointer) / (t.recordSize + pointer))
		hi, lo := bits.Mul64(most+1, total)
		total = saturatingAdd(lo, most)
		if hi != 0 {
			total = undefined
		}
		t.totalBytes = append(t.totalBytes, widthOf(total))
	}
}

// pointerSize is that of a child pointer in a node of a depth.
func (t *btree2) pointerSize(depth int) int {
	return t.f.offsetSize + t.countBytes + t.totalBytes[depth-1]
}

func (t *btree2) node(addr uint64, count, depth int, visit func(*cursor) (bool, error)) (done bool, err error) {
	size, signature := 6+count*t.recordSize+4, "BTLF"
	if depth > 0 {
		size, signature = size+(count+1)*t.pointerSize(depth), "BTIN"
	}
	c, err := t.f.metadata(addr, uint64(size), btree2Name)
	if err != nil {
		return false, err
	}
	c.checksum()
	c.signature(signature)
	c.version(0)
	if kind := c.u8(); kind != t.kind {
		c.failf("has a node of kind %d", kind)
	}
	for range count {
		record := c.sub(t.recordSize)
		if c.err != nil {
			return false, c.err
		}
		if done, err := visit(record); done || err != nil {
			return done, err
		}
	}
	for i := 0; depth > 0 && i <= count; i++ {
		child, below := c.offset(), int(c.uint(t.countBytes))
		c.skip(t.totalBytes[depth-1])
		if c.err != nil {
			return false, c.err
		}
		if done, err := t.node(child, below, depth-1, visit); done || err != nil {
			return done, err
		}
	}
	return false, c.err
}
