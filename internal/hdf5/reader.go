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

// NewReader makes a reader of the dataset.
func (d *Dataset) NewReader() *Reader {
	return &Reader{d: d, current: -1, decoder: decoder{pipeline: d.filters}}
}

// ReadSample returns the bytes of sample i, from 0 on, as the file has them: a
// record of the dataset's type. They are good until the next call.
func (r *Reader) ReadSample(i int) ([]byte, error) {
	d := r.d
	size := d.typ.Size
	if i < 0 || i >= d.n {
		return nil, fmt.Errorf("there is no sample %d in %s: it has %d", i, d.f.name, d.n)
	}
	switch {
	case d.compact != nil:
		return d.compact[i*size : (i+1)*size], nil
	case d.perChunk == 0:
		r.chunk = grow(r.chunk, size)
		return r.chunk, d.f.readAt(r.chunk, d.start+int64(i)*int64(size))
	}
	k, within := i/d.perChunk, i%d.perChunk
	if len(d.filters) == 0 {
		at, err := d.locate(k)
		if err != nil {
			return nil, err
		}
		r.chunk = grow(r.chunk, size)
		return r.chunk, d.f.readAt(r.chunk, at+int64(within)*int64(size))
	}
	if k != r.current {
		r.current = -1
		if err := r.load(k); err != nil {
			return nil, err
		}
		r.current = k
	}
	return r.chunk[within*size : (within+1)*size], nil
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// locate finds the stored bytes of chunk k in the file.
func (d *Dataset) locate(k int) (int64, error) {
	c := d.chunks[k]
	if c.addr == undefined {
		first, last := k*d.perChunk, min((k+1)*d.perChunk, d.n)-1
		which := fmt.Sprintf("samples %d to %d were", first, last)
		if first == last {
			which = fmt.Sprintf("sample %d was", first)
		}
		return 0, &Error{File: d.f.name, Chunk: k, Offset: -1,
			Reason: which + " never written; was the program that wrote the file stopped?"}
	}
	at, ok := d.f.position(c.addr, uint64(c.size))
	if !ok {
		return 0, &Error{File: d.f.name, Chunk: k, Offset: -1, Reason: fmt.Sprintf(
			"its %d stored bytes would begin at byte %d, but the file has only %d bytes", c.size, c.addr, d.f.size)}
	}
	if len(d.filters) == 0 && int(c.size) < d.chunkBytes() {
		return 0, &Error{File: d.f.name, Chunk: k, Offset: at, Reason: fmt.Sprintf(
			"it has %d bytes where %d are expected", c.size, d.chunkBytes())}
	}
	if c.size > maxStoredChunk {
		return 0, &Error{File: d.f.name, Chunk: k, Offset: at, Reason: fmt.Sprintf(
			"its stored bytes (%d) are more than twice what it can hold", c.size)}
	}
	return at, nil
}

// load reads chunk k and undoes its filters.
func (r *Reader) load(k int) error {
	d := r.d
	at, err := d.locate(k)
	if err != nil {
		return err
	}
	r.stored = padded(r.stored, int(d.chunks[k].size))
	if err := d.f.readAt(r.stored, at); err != nil {
		return err
	}
	r.chunk, err = r.decoder.undo(r.stored, d.chunks[k].mask, d.chunkBytes())
	if err != nil {
		return &Error{File: d.f.name, Chunk: k, Offset: at, Reason: err.Error() + "; copy or upload the file again, or write it anew"}
	}
	return nil
}
