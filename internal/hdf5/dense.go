package hdf5

// recordsOfLinks is the kind of B-tree that has a group's links by the hashes of
// their names.
const recordsOfLinks = 5

// dense reads a link info message (IV.A.2.c): a group of many links keeps them
// in a fractal heap with a B-tree beside it.
func (l *links) dense(c *cursor) error {
	c.what = "the root group"
	c.version(0)
	if c.u8()&1 != 0 {
		c.skip(8) // greatest creation index
	}
	heapAddr, index := c.offset(), c.offset()
	if c.err != nil || heapAddr == undefined || index == undefined {
		return c.err
	}
	heap, err := l.f.fractalHeap(heapAddr)
	if err != nil {
		return err
	}
	hash := lookup3([]byte(l.want))
	return l.f.records(index, recordsOfLinks, func(record *cursor) (bool, error) {
		// Links by other names are only followed for the message that lists them.
		if record.u32() != hash && len(l.others) >= maxListedNames {
			return false, record.err
		}
		link, err := heap.object(record.sub(heap.idSize))
		if err != nil {
			return false, err
		}
		err = l.message(link)
		return l.found, err
	})
}
