package hdf5

// btree1 reads a chunk index that is a version 1 B-tree (III.A.1), as HDF5
// writes by default.
func (d *Dataset) btree1(addr uint64) error { return d.btree1Node(addr, maxTreeLevels) }

// maxTreeLevels bounds how deep a version 1 B-tree can be. Nodes have at least
// two children, so this is enough for 2^32 entries.
const maxTreeLevels = 32

// chunkKeyBytes is the size of a key: the stored size, the mask, and the chunk's
// place in each of the two dimensions, of which the second is always 0.
const chunkKeyBytes = 4 + 4 + 8 + 8

// The kinds of version 1 B-trees.
const (
	groupTree = 0
	chunkTree = 1
)

// treeHead reads the head of a node of a version 1 B-tree: its level, which has
// to be below that of the node above, the number of its entries, and where they
// begin.
func (f *file) treeHead(addr uint64, kind, above int, what string) (level, n int, entries uint64, err error) {
	size := uint64(8 + 2*f.offsetSize)
	c, err := f.metadata(addr, size, what)
	if err != nil {
		return 0, 0, 0, err
	}
	c.signature("TREE")
	if got := c.u8(); got != kind {
		c.failf("is a tree of kind %d", got)
	}
	level, n = c.u8(), c.u16()
	if level >= above {
		c.failf("is not a tree: level %d is below level %d", level, above)
	}
	return level, n, addr + size, c.err
}

func (d *Dataset) btree1Node(addr uint64, above int) error {
	const what = "the chunk index"
	level, n, entries, err := d.f.treeHead(addr, chunkTree, above, what)
	if err != nil {
		return err
	}
	c, err := d.f.metadata(entries, uint64(n*(chunkKeyBytes+d.f.offsetSize)), what)
	if err != nil {
		return err
	}
	for ; n > 0; n-- {
		size, mask, first := c.u32(), c.u32(), c.u64()
		c.skip(8)
		child := c.offset()
		switch {
		case c.err != nil:
			return c.err
		case level > 0:
			err = d.btree1Node(child, level)
		case first%uint64(d.perChunk) != 0:
			c.failf("has a chunk that begins at sample %d, which is no multiple of %d", first, d.perChunk)
			err = c.err
		default:
			err = d.put(first/uint64(d.perChunk), chunk{addr: child, size: size, mask: mask})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
