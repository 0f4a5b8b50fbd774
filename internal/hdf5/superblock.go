package hdf5

// formatSignature begins every HDF5 file (II.A).
const formatSignature = "\x89HDF\r\n\x1a\n"

// group is what the superblock or a link says about a group: where its header
// is and, in old files, where its symbol table's index and names are.
type group struct {
	header uint64
	index  uint64
	heap   uint64
}

// findSuperblock looks for the signature at 0, 512, 1024, 2048 and so on:
// whatever comes before it is the user block.
func (f *file) findSuperblock() (int64, error) {
	var head [len(formatSignature)]byte
	for at := int64(0); at+int64(len(head)) <= f.size; at = max(512, 2*at) {
		if err := f.readAt(head[:], at); err != nil {
			return 0, err
		}
		if string(head[:]) == formatSignature {
			return at, nil
		}
	}
	if f.size == 0 {
		return 0, f.failf(-1, "the file is empty (0 bytes)")
	}
	first := make([]byte, min(foreignBytes, f.size))
	if err := f.readAt(first, 0); err != nil {
		return 0, err
	}
	if what := foreign(first); what != "" {
		return 0, f.failf(-1, "this is not an HDF5 file but %s", what)
	}
	return 0, f.failf(-1, "this is not an HDF5 file: the signature that every HDF5 file has is not there")
}

// superblock reads the superblock (II.A) and returns the root group.
func (f *file) superblock() (group, error) {
	at, err := f.findSuperblock()
	if err != nil {
		return group{}, err
	}
	f.base = at
	c, err := f.metadata(0, uint64(min(128, f.size-at)), "the superblock")
	if err != nil {
		return group{}, err
	}
	c.skip(len(formatSignature))
	root := group{header: undefined, index: undefined, heap: undefined}
	var base, end uint64
	switch v := c.version(0, 1, 2, 3); v {
	case 0, 1:
		c.skip(4)
		f.widths(c)
		c.skip(9)
		if v == 1 {
			c.skip(4)
		}
		base = c.offset()
		c.offset()
		end = c.offset()
		c.offset()
		root = rootEntry(c)
	default:
		f.widths(c)
		c.skip(1)
		base = c.offset()
		c.offset()
		end = c.offset()
		root.header = c.offset()
		c.b = c.b[:min(len(c.b), c.pos+4)]
		c.checksum()
	}
	if c.err != nil {
		return group{}, c.err
	}
	if base > uint64(f.size) {
		return group{}, f.failf(at, "the superblock says that the data begins at byte %d, but the file has %d bytes", base, f.size)
	}
	if end > uint64(f.size) {
		return group{}, f.failf(-1, "the file is truncated: it has %d of %d bytes; copy or upload it again", f.size, end)
	}
	f.base = int64(base)
	return root, nil
}

// widths reads how many bytes addresses and lengths have in this file.
func (f *file) widths(c *cursor) {
	o, l := c.u8(), c.u8()
	if (o != 4 && o != 8) || (l != 4 && l != 8) {
		c.failf("has addresses of %d bytes and lengths of %d, not of 4 or 8", o, l)
		return
	}
	f.offsetSize, f.lengthSize = o, l
}

// rootEntry reads the root group's symbol table entry (III.C).
func rootEntry(c *cursor) group {
	c.offset()
	g := group{header: c.offset(), index: undefined, heap: undefined}
	if kind := c.u32(); kind == 1 {
		c.skip(4)
		g.index, g.heap = c.offset(), c.offset()
	}
	return g
}
