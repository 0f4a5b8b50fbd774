package hdf5

// element reads one entry of a fixed or extensible array: an address and, if
// the chunks are filtered, their stored size and mask (VII.B, VII.C).
func (d *Dataset) element(c *cursor, filtered bool, width int) chunk {
	k := chunk{addr: c.offset(), size: uint32(d.chunkBytes())}
	if !filtered {
		return k
	}
	size := c.uint(width - d.f.offsetSize - 4)
	k.mask = c.u32()
	k.size = uint32(min(size, maxStoredChunk+1))
	return k
}

// elementWidth checks the size of an array's entries.
func (d *Dataset) elementWidth(c *cursor, client, width int) {
	least, most := d.f.offsetSize, d.f.offsetSize
	if client == 1 {
		least, most = d.f.offsetSize+5, d.f.offsetSize+12
	}
	if c.err == nil && (client > 1 || width < least || width > most) {
		c.failf("has entries of kind %d and %d bytes", client, width)
	}
}

const fixedName = "the chunk index (a fixed array)"

// fixedArray reads a chunk index that is a fixed array (VII.C), as HDF5 1.10
// writes for a dataset that cannot grow.
func (d *Dataset) fixedArray(addr uint64) error {
	f := d.f
	c, err := f.metadata(addr, uint64(8+f.lengthSize+f.offsetSize+4), fixedName)
	if err != nil {
		return err
	}
	c.checksum()
	c.signature("FAHD")
	c.version(0)
	client, width, pageBits := c.u8(), c.u8(), c.u8()
	n, data := c.length(), c.offset()
	d.elementWidth(c, client, width)
	if c.err == nil && (pageBits > 30 || n > uint64(f.size)/uint64(width)) {
		c.failf("has %d entries in pages of 2^%d", n, pageBits)
	}
	if c.err != nil || data == undefined {
		return c.err
	}
	page := uint64(1) << pageBits
	prefix := uint64(6 + f.offsetSize)
	if n <= page {
		c, err = f.metadata(data, prefix+n*uint64(width)+4, fixedName)
		if err != nil {
			return err
		}
		c.checksum()
		c.signature("FADB")
		c.skip(int(prefix) - 4)
		return d.elements(c, 0, n, client == 1, width)
	}
	return d.fixedPages(data, n, page, client == 1, width)
}

// fixedPages reads the entries of a fixed array that is cut into pages, of which
// a bitmap says whether they were written.
func (d *Dataset) fixedPages(data, n, page uint64, filtered bool, width int) error {
	f := d.f
	prefix := uint64(6 + f.offsetSize)
	pages := (n + page - 1) / page
	c, err := f.metadata(data, prefix+(pages+7)/8+4, fixedName)
	if err != nil {
		return err
	}
	c.checksum()
	c.signature("FADB")
	c.skip(int(prefix) - 4)
	written := bitmap{bits: c.take(int((pages + 7) / 8))}
	if c.err != nil {
		return c.err
	}
	at := data + prefix + (pages+7)/8 + 4
	for p := range pages {
		count := min(page, n-p*page)
		if written.has(p) {
			c, err = f.metadata(at, count*uint64(width)+4, fixedName)
			if err != nil {
				return err
			}
			c.checksum()
			if err := d.elements(c, p*page, count, filtered, width); err != nil {
				return err
			}
		}
		at += page*uint64(width) + 4
	}
	return nil
}

// elements reads count entries for the chunks from first on.
func (d *Dataset) elements(c *cursor, first, count uint64, filtered bool, width int) error {
	for i := uint64(0); i < count && c.err == nil && first+i < uint64(d.chunks.n); i++ {
		k := d.element(c, filtered, width)
		if c.err != nil {
			break
		}
		if err := d.put(first+i, k); err != nil {
			return err
		}
	}
	return c.err
}
