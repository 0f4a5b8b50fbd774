package hdf5

import (
	"bytes"
	"fmt"
)

// Strings returns the strings of member m in a record that ReadSample gave, of
// fixed or variable length, without what fills them up at the end (NULs, or
// spaces behind which nothing else comes).
func (r *Reader) Strings(m Member, record []byte) ([]string, error) {
	raw, err := m.raw(m.Type.Len(), record)
	if err != nil {
		return nil, err
	}
	t := m.Type.Scalar()
	out := make([]string, m.Type.Len())
	for i := range out {
		value := raw[i*t.Size : (i+1)*t.Size]
		switch {
		case t.Class == String:
		case t.Class == VarLen && t.VarString:
			if value, err = r.heap.text(r.d.f, value); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("member %q is of type %s, not of strings", m.Name, m.Type)
		}
		value, _, _ = bytes.Cut(value, []byte{0})
		out[i] = string(bytes.TrimRight(value, " "))
	}
	return out, nil
}

// heapCollection is a part of the global heap (III.E), where strings of variable
// length are. The last one is kept, since many strings share one.
type heapCollection struct {
	addr    uint64
	objects map[uint32][]byte
}

const heapName = "a heap of strings"

// text follows a reference to a string: its length, the address of a collection
// and the number of the object in it.
func (h *heapCollection) text(f *file, reference []byte) ([]byte, error) {
	c := &cursor{f: f, b: reference, at: -1, what: "a string"}
	size := c.u32()
	addr := c.offset()
	index := c.u32()
	if c.err != nil {
		return nil, c.err
	}
	if size == 0 || addr == undefined || addr == 0 {
		return nil, nil
	}
	if h.objects == nil || h.addr != addr {
		if err := h.load(f, addr); err != nil {
			return nil, err
		}
	}
	object, ok := h.objects[index]
	if !ok || uint64(size) > uint64(len(object)) {
		return nil, f.failf(int64(addr)+f.base, "%s has no string %d of %d bytes", heapName, index, size)
	}
	return object[:size], nil
}

// load reads a collection. It does not take from the file's budget, which is
// for what is read once: samples refer to the same collections in turn.
func (h *heapCollection) load(f *file, addr uint64) error {
	h.objects = nil
	quota := file{r: f.r, name: f.name, size: f.size, base: f.base, offsetSize: f.offsetSize, lengthSize: f.lengthSize, budget: 2 * MaxChunkBytes}
	head := 8 + f.lengthSize
	c, err := quota.metadata(addr, uint64(head), heapName)
	if err != nil {
		return err
	}
	c.signature("GCOL")
	c.version(1)
	c.skip(3)
	size := c.length()
	if size < uint64(head) {
		c.failf("says that it has %d bytes", size)
	}
	if c.err != nil {
		return c.err
	}
	if c, err = quota.metadata(addr, size, heapName); err != nil {
		return err
	}
	c.skip(head)
	objects := map[uint32][]byte{}
	for c.err == nil && c.remaining() >= 8+f.lengthSize {
		index := c.u16()
		c.skip(6)
		n := c.length()
		if index == 0 {
			break // the rest is free
		}
		if n > uint64(c.remaining()) {
			c.failf("has a string of %d bytes, more than itself", n)
			break
		}
		objects[uint32(index)] = c.take(int(n))
		if pad := (8 - int(n)%8) % 8; pad <= c.remaining() {
			c.skip(pad)
		}
	}
	if c.err != nil {
		return c.err
	}
	h.addr, h.objects = addr, objects
	return nil
}
