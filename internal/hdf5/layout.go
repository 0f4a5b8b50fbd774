package hdf5

// Kinds of chunk indexes (IV.A.2.i, layout message version 4; version 3 has
// only B-trees of version 1).
const (
	indexSingle     = 1
	indexImplicit   = 2
	indexFixed      = 3
	indexExtensible = 4
)

// layout parses a data layout message (IV.A.2.i) into d.
func (d *Dataset) layout(c *cursor) error {
	c.what = "the data layout"
	version := c.version(3, 4, 5)
	class := c.u8()
	if c.err == nil && class < 2 && len(d.filters) > 0 {
		c.failf("has filters but no chunks, which alone can go through them")
	}
	if c.err != nil {
		return c.err
	}
	switch class {
	case 0:
		n := c.u16()
		d.compact = c.take(n)
		if c.err == nil && len(d.compact)/d.typ.Size < d.n {
			c.failf("keeps %d bytes for %d samples of %d bytes", len(d.compact), d.n, d.typ.Size)
		}
		return c.err
	case 1:
		return d.contiguous(c)
	case 2:
		if version == 3 {
			return d.chunkedV3(c)
		}
		return d.chunkedV4(c)
	}
	c.failf("is of class %d (3 is virtual), which is not supported; write the dataset into the file itself", class)
	return c.err
}

func (d *Dataset) contiguous(c *cursor) error {
	addr := c.offset()
	if c.err != nil {
		return c.err
	}
	if d.n == 0 {
		return nil
	}
	if addr == undefined {
		return d.f.failf(-1, "the dataset was made but nothing was ever written to it")
	}
	if uint64(d.n) > uint64(d.f.size) {
		return d.f.failf(-1, "%d samples of %d bytes are more than the file has", d.n, d.typ.Size)
	}
	at, ok := d.f.position(addr, uint64(d.n)*uint64(d.typ.Size))
	if !ok {
		return d.f.failf(-1, "%d samples of %d bytes would begin at byte %d, but the file has only %d bytes",
			d.n, d.typ.Size, addr, d.f.size)
	}
	d.start = at
	return nil
}

func (d *Dataset) chunkedV3(c *cursor) error {
	rank := c.u8()
	addr := c.offset()
	var dims []uint64
	for i := 0; i < rank && c.err == nil; i++ {
		dims = append(dims, uint64(c.u32()))
	}
	// An entry of the B-tree is a key and an address.
	if err := d.chunkShape(c, dims, chunkKeyBytes+d.f.offsetSize); err != nil {
		return err
	}
	if addr == undefined || d.n == 0 {
		return nil
	}
	return d.btree1(addr)
}

func (d *Dataset) chunkedV4(c *cursor) error {
	flags := c.u8()
	rank, width := c.u8(), c.u8()
	var dims []uint64
	for i := 0; i < rank && c.err == nil; i++ {
		dims = append(dims, c.uint(width))
	}
	index := c.u8()
	// Entries of arrays are at least an address, and of the others there are none.
	entry := 0
	if index == indexFixed || index == indexExtensible {
		entry = d.f.offsetSize
	}
	if err := d.chunkShape(c, dims, entry); err != nil {
		return err
	}
	only := chunk{size: uint32(d.chunkBytes())}
	switch index {
	case indexSingle:
		if flags&2 != 0 {
			size := c.length()
			if size > maxStoredChunk {
				c.failf("has a chunk of %d stored bytes", size)
			}
			only.size, only.mask = uint32(size), c.u32()
		}
	case indexImplicit:
	case indexFixed:
		c.skip(1)
	case indexExtensible:
		c.skip(5)
	default:
		// Only datasets that can grow in two directions have a version 2 B-tree.
		c.failf("has a chunk index of kind %d, which no list of samples has", index)
	}
	addr := c.offset()
	if c.err != nil || addr == undefined || d.n == 0 {
		return c.err
	}
	switch index {
	case indexSingle, indexImplicit:
		only.addr = addr
		d.chunks.implicit = index == indexImplicit
		return d.put(0, only)
	case indexFixed:
		return d.fixedArray(addr)
	}
	return d.extensibleArray(addr)
}

// maxStoredChunk bounds the stored bytes of a chunk: deflate and lzf make what
// they cannot compress a little larger, never twice as large.
const maxStoredChunk = 2*MaxChunkBytes + 1024

// chunkShape checks the dimensions of chunks, whose last is the size of a
// sample, and how many there are by what an entry takes in their index.
func (d *Dataset) chunkShape(c *cursor, dims []uint64, entryBytes int) error {
	if c.err != nil {
		return c.err
	}
	if len(dims) != 2 || dims[0] == 0 || dims[1] != uint64(d.typ.Size) {
		c.failf("has chunks of shape %v for a list of samples of %d bytes", dims, d.typ.Size)
		return c.err
	}
	if most := uint64(MaxChunkBytes / d.typ.Size); dims[0] > most {
		return d.f.failf(-1, "its chunks of %d samples take more than 64 MiB each when decompressed; "+
			"write it with smaller chunks, such as chunks=(%d,), or chunks=(1,), in h5py's create_dataset", dims[0], most)
	}
	d.perChunk = int(dims[0])
	return d.expectChunks(entryBytes)
}

func (d *Dataset) chunkBytes() int { return d.perChunk * d.typ.Size }
