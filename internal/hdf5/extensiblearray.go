package hdf5

import "math/bits"

// extensible is an extensible array (VII.D) while it is read: an index block
// with the first entries, then data blocks that grow, of which the later ones
// hang off super blocks.
type extensible struct {
	d         *Dataset
	filtered  bool
	width     int // bytes of an entry
	maxBits   int
	inIndex   int // entries in the index block
	least     int // entries of the smallest data block
	pointers  int // least data block pointers of a super block
	pageBits  int
	countSize int    // bytes of a block's place in the array
	next      uint64 // the chunk that the next entry is for
}

const extensibleName = "the chunk index (an extensible array)"

// extensibleArray reads a chunk index that is an extensible array, as HDF5 1.10
// writes for a dataset that can grow.
func (d *Dataset) extensibleArray(addr uint64) error {
	f := d.f
	c, err := f.metadata(addr, uint64(12+6*f.lengthSize+f.offsetSize+4), extensibleName)
	if err != nil {
		return err
	}
	c.checksum()
	c.signature("EAHD")
	c.version(0)
	client := c.u8()
	e := extensible{d: d, filtered: client == 1, width: c.u8(), maxBits: c.u8(), inIndex: c.u8(), least: c.u8(), pointers: c.u8(), pageBits: c.u8()}
	c.skip(6 * f.lengthSize)
	block := c.offset()
	d.elementWidth(c, client, e.width)
	if c.err == nil && !e.sound() {
		c.failf("has blocks of sizes that cannot be")
	}
	if c.err != nil || block == undefined {
		return c.err
	}
	e.countSize = (e.maxBits + 7) / 8
	return e.indexBlock(block)
}

func (e *extensible) sound() bool {
	power := func(n int) bool { return bits.OnesCount(uint(n)) == 1 }
	return power(e.least) && power(e.pointers) && e.maxBits <= 64 && e.pageBits <= 30 &&
		e.superBlocks() >= e.direct() && e.maxBits >= bits.TrailingZeros(uint(e.least))
}

// superBlocks is the number of super blocks of an array of the greatest length.
func (e *extensible) superBlocks() int { return 1 + e.maxBits - bits.TrailingZeros(uint(e.least)) }

// direct is how many of them have no block of their own, since their data
// blocks' addresses stand in the index block.
func (e *extensible) direct() int { return 2 * bits.TrailingZeros(uint(e.pointers)) }

func (e *extensible) indexBlock(addr uint64) error {
	f := e.d.f
	prefix := 6 + f.offsetSize
	blocks, supers := 2*(e.pointers-1), e.superBlocks()-e.direct()
	c, err := f.metadata(addr, uint64(prefix+e.inIndex*e.width+(blocks+supers)*f.offsetSize+4), extensibleName)
	if err != nil {
		return err
	}
	c.checksum()
	c.signature("EAIB")
	c.skip(prefix - 4)
	if err := e.take(c, e.inIndex); err != nil {
		return err
	}
	for s := 0; s < e.superBlocks() && !e.done(); s++ {
		count, entries := uint64(1)<<(s/2), uint64(e.least)<<((s+1)/2)
		if s < e.direct() {
			for ; count > 0 && err == nil; count-- {
				err = e.dataBlock(c.offset(), entries, bitmap{})
			}
		} else {
			err = e.superBlock(c.offset(), count, entries)
		}
		if err != nil {
			return err
		}
	}
	return c.err
}

func (e *extensible) done() bool { return e.next >= uint64(e.d.chunks.n) }

// take reads the next n entries of a block.
func (e *extensible) take(c *cursor, n int) error {
	first := e.next
	e.next += uint64(n)
	return e.d.elements(c, first, uint64(n), e.filtered, e.width)
}

func (e *extensible) superBlock(addr, count, entries uint64) error {
	if addr == undefined {
		e.next = saturatingAdd(e.next, count*entries)
		return nil
	}
	f := e.d.f
	prefix := 6 + f.offsetSize + e.countSize
	// The bitmap of written pages has room for whole bytes for each block, but its
	// bits follow each other without gaps.
	perBlock, pages := uint64(0), uint64(0)
	if page := uint64(1) << e.pageBits; entries > page {
		pages = entries / page
		perBlock = (pages + 7) / 8
	}
	if count > uint64(f.size) || perBlock > uint64(f.size) {
		return f.failf(-1, "%s has a super block of %d blocks", extensibleName, count)
	}
	c, err := f.metadata(addr, uint64(prefix)+count*(perBlock+uint64(f.offsetSize))+4, extensibleName)
	if err != nil {
		return err
	}
	c.checksum()
	c.signature("EASB")
	c.skip(prefix - 4)
	written := bitmap{bits: c.take(int(count * perBlock))}
	for ; count > 0 && c.err == nil && !e.done(); count-- {
		if err := e.dataBlock(c.offset(), entries, written); err != nil {
			return err
		}
		written.first += pages
	}
	return c.err
}

// bitmap has a bit for each page of a block, from bit first on, most significant
// bits first.
type bitmap struct {
	bits  []byte
	first uint64
}

func (b bitmap) has(i uint64) bool {
	i += b.first
	return i/8 >= uint64(len(b.bits)) || b.bits[i/8]&(0x80>>(i%8)) != 0
}

// dataBlock reads a block of entries; pages that were not written are left out.
func (e *extensible) dataBlock(addr, entries uint64, written bitmap) error {
	if addr == undefined || e.done() {
		e.next = saturatingAdd(e.next, entries)
		return nil
	}
	f := e.d.f
	if entries > uint64(f.size) {
		return f.failf(-1, "%s has a block of %d entries", extensibleName, entries)
	}
	prefix := 6 + f.offsetSize + e.countSize
	page := uint64(1) << e.pageBits
	if entries <= page {
		c, err := f.metadata(addr, uint64(prefix)+entries*uint64(e.width)+4, extensibleName)
		if err != nil {
			return err
		}
		c.checksum()
		c.signature("EADB")
		c.skip(prefix - 4)
		return e.take(c, int(entries))
	}
	at := addr + uint64(prefix) + 4
	for p := uint64(0); p < entries/page && !e.done(); p++ {
		if !written.has(p) {
			e.next += page
			at += page*uint64(e.width) + 4
			continue
		}
		c, err := f.metadata(at, page*uint64(e.width)+4, extensibleName)
		if err != nil {
			return err
		}
		c.checksum()
		if err := e.take(c, int(page)); err != nil {
			return err
		}
		at += page*uint64(e.width) + 4
	}
	return nil
}
