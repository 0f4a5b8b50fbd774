package hdf5

// Kinds of header messages (IV.A.2).
const (
	messageDataspace    = 0x01
	messageLinkInfo     = 0x02
	messageDatatype     = 0x03
	messageLink         = 0x06
	messageExternal     = 0x07
	messageLayout       = 0x08
	messageFilters      = 0x0b
	messageContinuation = 0x10
	messageSymbolTable  = 0x11
)

const (
	maxHeaderBytes  = 16 << 20
	maxHeaderBlocks = 1024
	// maxMessages is the most that a header of version 1 can count.
	maxMessages = 1<<16 - 1
)

// message is one header message of an object.
type message struct {
	kind   int
	shared bool
	body   *cursor
}

// block is a stretch of an object header.
type block struct{ addr, size uint64 }

// messages reads the header of the object at an address, of either version
// (IV.A.1), with the blocks that continue it.
func (f *file) messages(addr uint64) ([]message, error) {
	c, err := f.metadata(addr, 16, "an object header")
	if err != nil {
		return nil, err
	}
	if string(c.b[:4]) == "OHDR" {
		return f.messagesV2(addr, c)
	}
	c.version(1)
	c.skip(7)
	size := uint64(c.u32())
	if c.err != nil {
		return nil, c.err
	}
	return f.collect([]block{{addr + 16, size}}, false, false)
}

func (f *file) messagesV2(addr uint64, c *cursor) ([]message, error) {
	c.signature("OHDR")
	c.version(2)
	flags := c.u8()
	prefix := 6
	if flags&0x20 != 0 {
		prefix += 16 // four times
	}
	if flags&0x10 != 0 {
		prefix += 4 // two bounds for attributes
	}
	if c.err != nil {
		return nil, c.err
	}
	width := 1 << (flags & 3)
	s, err := f.metadata(addr+uint64(prefix), uint64(width), "an object header")
	if err != nil {
		return nil, err
	}
	size := s.uint(width)
	prefix += width
	if size > maxHeaderBytes {
		return nil, f.failf(c.at, "an object header of %d bytes is larger than any that is in use", size)
	}
	whole, err := f.metadata(addr, uint64(prefix)+size+4, "an object header")
	if err != nil {
		return nil, err
	}
	if whole.checksum(); whole.err != nil {
		return nil, whole.err
	}
	return f.collect([]block{{addr + uint64(prefix), size}}, true, flags&4 != 0)
}

// collect reads the messages of a header's blocks; blocks grows by each
// continuation that is met.
func (f *file) collect(blocks []block, v2, ordered bool) ([]message, error) {
	var all []message
	room := uint64(maxHeaderBytes)
	for i := 0; i < len(blocks); i++ {
		if i >= maxHeaderBlocks || blocks[i].size > room {
			return nil, f.failf(-1, "an object header in more pieces, or larger, than any that is in use")
		}
		room -= blocks[i].size
		c, err := f.metadata(blocks[i].addr, blocks[i].size, "an object header")
		if err != nil {
			return nil, err
		}
		if v2 && i > 0 {
			c.checksum()
			c.signature("OCHK")
		}
		for c.err == nil {
			m, ok := nextMessage(c, v2, ordered)
			if !ok {
				break
			}
			if len(all) == maxMessages {
				return nil, f.failf(c.at, "an object header has more messages than any that is in use")
			}
			if m.kind == messageContinuation {
				blocks = append(blocks, block{m.body.offset(), m.body.length()})
				if m.body.err != nil {
					return nil, m.body.err
				}
				continue
			}
			all = append(all, m)
		}
		if c.err != nil {
			return nil, c.err
		}
	}
	return all, nil
}

// nextMessage reads a message; ok is false at the end of the block, where fewer
// bytes than a message's head may be left.
func nextMessage(c *cursor, v2, ordered bool) (m message, ok bool) {
	var size, flags int
	if v2 {
		head := 4
		if ordered {
			head += 2
		}
		if c.remaining() < head {
			return m, false
		}
		m.kind, size, flags = c.u8(), c.u16(), c.u8()
		c.skip(head - 4)
	} else {
		if c.remaining() < 8 {
			return m, false
		}
		m.kind, size, flags = c.u16(), c.u16(), c.u8()
		c.skip(3)
	}
	m.shared = flags&2 != 0
	m.body = c.sub(size)
	return m, c.err == nil
}

// resolve gives the message itself where m is only a reference to one in
// another object, as with committed datatypes (IV.A.2: shared messages).
func (f *file) resolve(m message) (*cursor, error) {
	if !m.shared {
		return m.body, nil
	}
	c := m.body
	c.what = "a shared message"
	version := c.version(1, 2, 3)
	kind := c.u8()
	if version == 1 {
		c.skip(6)
	}
	if version == 3 && kind != 2 {
		c.failf("is kept in the shared heap, which is not supported; write the file without shared messages")
	}
	addr := c.offset()
	if c.err != nil {
		return nil, c.err
	}
	all, err := f.messages(addr)
	if err != nil {
		return nil, err
	}
	for _, other := range all {
		if other.kind == m.kind && !other.shared {
			return other.body, nil
		}
	}
	c.failf("refers to an object that does not have it")
	return nil, c.err
}
