package hdf5

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// cursor walks through the bytes of one structure. The first mistake stays in
// err and every later read gives zero, so that a parser checks once at its end,
// and before each loop whose length it has read.
type cursor struct {
	f    *file
	b    []byte
	pos  int
	at   int64 // byte of the file where b begins
	what string
	err  error
}

func (c *cursor) failf(format string, args ...any) {
	if c.err == nil {
		c.err = c.f.failf(c.at, "%s %s", c.what, fmt.Sprintf(format, args...))
	}
}

func (c *cursor) remaining() int { return len(c.b) - c.pos }

// take returns the next n bytes, or nil if they are not there.
func (c *cursor) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > c.remaining() {
		c.failf("ends early")
		return nil
	}
	b := c.b[c.pos : c.pos+n : c.pos+n]
	c.pos += n
	return b
}

func (c *cursor) skip(n int) { c.take(n) }

// sub cuts off the next n bytes as a structure of their own.
func (c *cursor) sub(n int) *cursor {
	at := c.at + int64(c.pos)
	b := c.take(n)
	return &cursor{f: c.f, b: b, at: at, what: c.what, err: c.err}
}

func (c *cursor) u8() int {
	if b := c.take(1); b != nil {
		return int(b[0])
	}
	return 0
}

func (c *cursor) u16() int {
	if b := c.take(2); b != nil {
		return int(binary.LittleEndian.Uint16(b))
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 { return c.uint(8) }

// uint reads a little-endian number of n bytes.
func (c *cursor) uint(n int) uint64 {
	if n > 8 {
		c.failf("has a number of %d bytes", n)
		return 0
	}
	var v uint64
	for i, x := range c.take(n) {
		v |= uint64(x) << (8 * i)
	}
	return v
}

// offset reads an address of the file's own width.
func (c *cursor) offset() uint64 {
	v := c.uint(c.f.offsetSize)
	if c.f.offsetSize < 8 && v == 1<<(8*c.f.offsetSize)-1 {
		return undefined
	}
	return v
}

func (c *cursor) length() uint64 { return c.uint(c.f.lengthSize) }

func (c *cursor) signature(s string) {
	if got := c.take(len(s)); c.err == nil && string(got) != s {
		c.failf("does not begin with %q", s)
	}
}

// version fails unless the next byte is one of those given.
func (c *cursor) version(known ...int) int {
	v := c.u8()
	for _, k := range known {
		if v == k {
			return v
		}
	}
	c.failf("has version %d, which is not known", v)
	return v
}

// text reads a string up to its NUL.
func (c *cursor) text() string {
	if c.err != nil {
		return ""
	}
	n := bytes.IndexByte(c.b[c.pos:], 0)
	if n < 0 {
		c.failf("has a string without an end")
		return ""
	}
	return string(c.take(n + 1)[:n])
}

// checksum verifies and cuts off the four bytes at the end that later versions
// of the format put behind each structure.
func (c *cursor) checksum() {
	n := len(c.b) - 4
	if c.err != nil {
		return
	}
	if n < c.pos {
		c.failf("ends early")
		return
	}
	if lookup3(c.b[:n]) != binary.LittleEndian.Uint32(c.b[n:]) {
		c.failf("is damaged: its checksum does not match")
		return
	}
	c.b = c.b[:n]
}
