package hdf5

// dense reads a link info message (IV.A.2.c): groups of many links keep them in
// a fractal heap.
func (l *links) dense(c *cursor) error {
	c.what = "the root group"
	c.version(0)
	if c.u8()&1 != 0 {
		c.skip(8) // greatest creation index
	}
	heap := c.offset()
	if c.err == nil && heap != undefined {
		c.failf("keeps its links in a heap, which is not supported yet")
	}
	return c.err
}
