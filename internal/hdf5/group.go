package hdf5

import (
	"bytes"
	"fmt"
	"strings"
)

// maxListedNames bounds how many names the error for a missing dataset gives.
const maxListedNames = 8

// links searches the links of one group for a name and remembers the others,
// since whoever misspells a name wants to see what is there.
type links struct {
	f      *file
	want   string
	found  bool
	addr   uint64
	others []string
}

// add takes note of a link; a hard link by the wanted name ends the search.
func (l *links) add(name string, addr uint64, hard bool) error {
	if name != l.want {
		if len(l.others) < maxListedNames {
			l.others = append(l.others, fmt.Sprintf("%q", name))
		}
		return nil
	}
	if !hard {
		return l.f.failf(-1, "%q is a soft or external link; the dataset must be in the file under this name itself", name)
	}
	l.found, l.addr = true, addr
	return nil
}

// lookup finds the object that a group has under a name.
func (f *file) lookup(g group, name string) (uint64, error) {
	l := &links{f: f, want: name}
	all, err := f.messages(g.header)
	if err != nil {
		return 0, err
	}
	for _, m := range all {
		switch m.kind {
		case messageSymbolTable:
			g.index, g.heap = m.body.offset(), m.body.offset()
			err = m.body.err
		case messageLink:
			err = l.message(m.body)
		case messageLinkInfo:
			err = l.dense(m.body)
		}
		if err != nil {
			return 0, err
		}
	}
	if !l.found && g.index != undefined {
		if err := l.symbolTable(g); err != nil {
			return 0, err
		}
	}
	if l.found {
		return l.addr, nil
	}
	if len(l.others) == 0 {
		return 0, f.failf(-1, "there is no dataset %q in the file, and nothing else at its root", name)
	}
	return 0, f.failf(-1, "there is no dataset %q in the file; at its root are %s", name, strings.Join(l.others, ", "))
}

// message reads a link message (IV.A.2.g).
func (l *links) message(c *cursor) error {
	c.what = "a link"
	c.version(1)
	flags := c.u8()
	kind := 0
	if flags&0x08 != 0 {
		kind = c.u8()
	}
	if flags&0x04 != 0 {
		c.skip(8) // creation order
	}
	if flags&0x10 != 0 {
		c.skip(1) // character set
	}
	size := c.uint(1 << (flags & 3))
	if size > uint64(c.remaining()) {
		c.failf("ends early")
	}
	name := string(c.take(int(size)))
	var addr uint64
	if kind == 0 {
		addr = c.offset()
	}
	if c.err != nil {
		return c.err
	}
	return l.add(name, addr, kind == 0)
}

// symbolTable searches an old-style group: a version 1 B-tree whose leaves are
// symbol table nodes, with names in a local heap (III.A.1, III.B, III.D).
func (l *links) symbolTable(g group) error {
	f := l.f
	c, err := f.metadata(g.heap, uint64(8+2*f.lengthSize+f.offsetSize), "a group's heap of names")
	if err != nil {
		return err
	}
	c.signature("HEAP")
	c.skip(4)
	size := c.length()
	c.length()
	addr := c.offset()
	if c.err != nil {
		return c.err
	}
	names, err := f.metadata(addr, size, "a group's heap of names")
	if err != nil {
		return err
	}
	return l.symbolTree(g.index, names.b, maxTreeLevels)
}

func (l *links) symbolTree(addr uint64, names []byte, above int) error {
	f := l.f
	level, n, entries, err := f.treeHead(addr, groupTree, above, "a group's index")
	if err != nil {
		return err
	}
	c, err := f.metadata(entries, uint64(n*(f.lengthSize+f.offsetSize)), "a group's index")
	if err != nil {
		return err
	}
	for ; n > 0 && !l.found; n-- {
		c.length()
		child := c.offset()
		if level > 0 {
			err = l.symbolTree(child, names, level)
		} else {
			err = l.symbolNode(child, names)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *links) symbolNode(addr uint64, names []byte) error {
	f := l.f
	c, err := f.metadata(addr, 8, "a group's symbol table")
	if err != nil {
		return err
	}
	c.signature("SNOD")
	c.skip(2)
	n := c.u16()
	if c.err != nil {
		return c.err
	}
	c, err = f.metadata(addr+8, uint64(n*(2*f.offsetSize+24)), "a group's symbol table")
	if err != nil {
		return err
	}
	for ; n > 0; n-- {
		at, object := c.offset(), c.offset()
		kind := c.u32()
		c.skip(20)
		if at >= uint64(len(names)) {
			c.failf("has a name outside of its heap")
			return c.err
		}
		name, _, _ := bytes.Cut(names[at:], []byte{0})
		if err := l.add(string(name), object, kind != 2); err != nil {
			return err
		}
	}
	return c.err
}
