package hdf5

// nodeEntries is how many children a node of a chunk index has at most: twice
// the K of 32 that readers take for granted where a file does not say.
const nodeEntries = 64

// nodeBytes is the size of a node: its head, a key before and behind each child.
const nodeBytes = 24 + nodeEntries*8 + (nodeEntries+1)*24

// entry is a child in the index: a chunk or a node, with its first chunk.
type entry struct {
	first int
	key   chunk
	addr  uint64
}

// index writes the version 1 B-tree of all chunks (III.A.1) from its leaves up
// and returns the address of its root.
func (w *Writer) index() uint64 {
	entries := make([]entry, len(w.chunks))
	for i, c := range w.chunks {
		entries[i] = entry{first: i, key: c, addr: c.addr}
	}
	for level := 0; ; level++ {
		entries = w.indexLevel(level, entries)
		if len(entries) == 1 {
			return entries[0].addr
		}
	}
}

// indexLevel writes the nodes of a level and returns the entries for them.
func (w *Writer) indexLevel(level int, entries []entry) []entry {
	var above []entry
	start := uint64(w.end)
	count := (len(entries) + nodeEntries - 1) / nodeEntries
	for i := range count {
		part := entries[i*nodeEntries : min((i+1)*nodeEntries, len(entries))]
		at := start + uint64(i)*nodeBytes
		left, right, end := uint64(undefined), uint64(undefined), len(w.chunks)
		if i > 0 {
			left = at - nodeBytes
		}
		if i < count-1 {
			right, end = at+nodeBytes, entries[(i+1)*nodeEntries].first
		}
		var e encoder
		e.text("TREE")
		e.bytes(1, byte(level))
		e.uint(uint64(len(part)), 2)
		e.u64(left)
		e.u64(right)
		for _, x := range part {
			w.key(&e, x.key, x.first)
			e.u64(x.addr)
		}
		w.key(&e, chunk{}, end)
		e.zeros(nodeBytes - len(e.b))
		w.put(e.b)
		above = append(above, entry{first: part[0].first, key: part[0].key, addr: at})
	}
	return above
}

// key writes a chunk's stored size, mask and place; the place behind the last
// chunk of all is where the next one would be.
func (w *Writer) key(e *encoder, c chunk, first int) {
	e.uint(uint64(c.size), 4)
	e.uint(uint64(c.mask), 4)
	e.u64(uint64(first) * uint64(w.opts.SamplesPerChunk))
	e.u64(0)
}
