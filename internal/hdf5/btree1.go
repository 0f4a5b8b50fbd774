package hdf5

// btree1 reads a chunk index that is a version 1 B-tree (III.A.1), as HDF5
// writes by default.
func (d *Dataset) btree1(addr uint64) error { return d.btree1Node(addr, 256) }

func (d *Dataset) btree1Node(addr uint64, above int) error {
	const what = "the chunk index"
	head := uint64(8 + 2*d.f.offsetSize)
	c, err := d.f.metadata(addr, head, what)
	if err != nil {
		return err
	}
	c.signature("TREE")
	if kind := c.u8(); kind != 1 {
		c.failf("is a tree of kind %d", kind)
	}
	level, n := c.u8(), c.u16()
	if level >= above {
		c.failf("is not a tree: level %d is below level %d", level, above)
	}
	if c.err != nil {
		return c.err
	}
	// A key is the stored size, the mask, and the chunk's place in each of the
	// two dimensions, of which the second is always 0.
	c, err = d.f.metadata(addr+head, uint64(n*(4+4+16+d.f.offsetSize)), what)
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
