package hdf5

import "fmt"

// Reader reads samples. It keeps the last chunk, so reading in the order of the
// file decompresses each chunk once; its memory is bounded by two decompressed
// chunks and a stored one. It is not for use by several goroutines.
type Reader struct {
	d       *Dataset
	decoder decoder
	stored  []byte
	// chunk is the decompressed chunk number current, -1 if there is none.
	chunk   []byte
	current int
	heap    heapCollection
}

// ReaderBytes is what a Reader of the dataset takes of memory at most, in bytes:
// the largest stored chunk, and the decompressed ones that its filters work on.
func (d *Dataset) ReaderBytes() int64 {
	if len(d.filters) == 0 {
		return int64(d.typ.Size)
	}
	buffers := int64(0)
	for _, f := range d.filters {
		if f.id != filterFletcher32 {
			buffers++
		}
	}
	return int64(d.chunks.largest()) + min(buffers, 2)*int64(d.chunkBytes())
}

// NewReader makes a reader of the dataset.
func (d *Dataset) NewReader() *Reader {
	return &Reader{d: d, current: -1, decoder: decoder{pipeline: d.filters}}
}

// ReadSample returns the bytes of sample i, from 0 on, as the file has them: a
// record of the dataset's type. They are good until the next call.
func (r *Reader) ReadSample(i int) ([]byte, error) {
	return r.read(i, 0, r.d.typ.Size)
}

// ReadFloat32s puts the numbers of member m of sample i into dst, as
// Member.Float32s does. Where samples are stored as they are, it reads nothing
// else of the sample.
func (r *Reader) ReadFloat32s(i int, m Member, dst []float32) error {
	if err := m.checkLen(len(dst)); err != nil {
		return err
	}
	if at, ok, err := r.place(i); err != nil {
		return err
	} else if ok && m.Type.Scalar().nativeFloat32() && m.Offset+m.Type.Size <= r.d.typ.Size {
		return r.d.f.readAt(bytesOf(dst), at+int64(m.Offset))
	}
	raw, err := r.read(i, m.Offset, m.Type.Size)
	if err != nil {
		return err
	}
	return m.float32s(dst, raw)
}

// ReadInt64s does the same for integers, as Member.Int64s does.
func (r *Reader) ReadInt64s(i int, m Member, dst []int64) error {
	if err := m.checkLen(len(dst)); err != nil {
		return err
	}
	raw, err := r.read(i, m.Offset, m.Type.Size)
	if err != nil {
		return err
	}
	return m.int64s(dst, raw)
}

// read gives size bytes of sample i from an offset in it on.
func (r *Reader) read(i, offset, size int) ([]byte, error) {
	d := r.d
	if offset < 0 || size < 0 || offset > d.typ.Size-size {
		return nil, fmt.Errorf("a sample of %d bytes has nothing at %d to %d", d.typ.Size, offset, offset+size)
	}
	at, ok, err := r.place(i)
	if err != nil {
		return nil, err
	}
	if ok {
		r.chunk = grow(r.chunk, size)
		return r.chunk, d.f.readAt(r.chunk, at+int64(offset))
	}
	if d.compact != nil {
		first := i*d.typ.Size + offset
		return d.compact[first : first+size], nil
	}
	if k := i / d.perChunk; k != r.current {
		r.current = -1
		if err := r.load(k); err != nil {
			return nil, err
		}
		r.current = k
	}
	first := i%d.perChunk*d.typ.Size + offset
	return r.chunk[first : first+size], nil
}

// place is the byte of the file where sample i is, if it is there as it is; ok
// is false if it is in the header or has gone through filters.
func (r *Reader) place(i int) (at int64, ok bool, err error) {
	d := r.d
	if i < 0 || i >= d.n {
		return 0, false, fmt.Errorf("there is no sample %d in %s: it has %d", i, d.f.name, d.n)
	}
	switch {
	case d.compact != nil || len(d.filters) > 0:
		return 0, false, nil
	case d.perChunk == 0:
		return d.start + int64(i)*int64(d.typ.Size), true, nil
	}
	_, at, err = d.locate(i / d.perChunk)
	return at + int64(i%d.perChunk)*int64(d.typ.Size), true, err
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// locate finds the stored bytes of chunk k in the file.
func (d *Dataset) locate(k int) (c chunk, at int64, err error) {
	fail := func(at int64, format string, args ...any) (chunk, int64, error) {
		return c, 0, &Error{File: d.f.name, Chunk: k, Offset: at, Reason: fmt.Sprintf(format, args...)}
	}
	c, ok := d.chunks.at(k, d.chunkBytes())
	if !ok {
		first, last := k*d.perChunk, min((k+1)*d.perChunk, d.n)-1
		which := fmt.Sprintf("samples %d to %d were", first, last)
		if first == last {
			which = fmt.Sprintf("sample %d was", first)
		}
		return fail(-1, "%s never written; was the program that wrote the file stopped?", which)
	}
	at, ok = d.f.position(c.addr, uint64(c.size))
	switch most := max(2*d.chunkBytes(), 1<<20); {
	case !ok:
		return fail(-1, "its %d stored bytes would begin at byte %d, but the file has only %d bytes", c.size, c.addr, d.f.size)
	case len(d.filters) == 0 && int(c.size) < d.chunkBytes():
		return fail(at, "it has %d bytes where %d are expected", c.size, d.chunkBytes())
	case int64(c.size) > int64(most):
		// Deflate and LZF make what they cannot compress a little larger, never twice
		// as large.
		return fail(at, "its stored bytes (%d) are more than twice what it can hold", c.size)
	}
	return c, at, nil
}

// load reads chunk k and undoes its filters.
func (r *Reader) load(k int) error {
	d := r.d
	c, at, err := d.locate(k)
	if err != nil {
		return err
	}
	r.stored = padded(r.stored, int(c.size))
	if err := d.f.readAt(r.stored, at); err != nil {
		return err
	}
	r.chunk, err = r.decoder.undo(r.stored, c.mask, d.chunkBytes())
	if err != nil {
		return &Error{File: d.f.name, Chunk: k, Offset: at, Reason: err.Error() + "; copy or upload the file again, or write it anew"}
	}
	return nil
}
