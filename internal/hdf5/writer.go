package hdf5

import (
	"errors"
	"fmt"
	"io"
)

// WriterOptions say how a dataset is stored.
type WriterOptions struct {
	// SamplesPerChunk is the length of a chunk; 0 writes without chunks
	// (contiguous), which no filter can go with.
	SamplesPerChunk int
	// Deflate is the level of compression, 1 to 9; 0 leaves it out.
	Deflate int
	// Shuffle puts bytes of the same place in a number together first.
	Shuffle bool
	// Fletcher32 adds a checksum to each chunk.
	Fletcher32 bool
}

// GuideOptions are those of the service's guides: each sample is a chunk of its
// own, compressed at level 1.
var GuideOptions = WriterOptions{SamplesPerChunk: 1, Deflate: 1}

// Writer writes a file with one dataset, sample by sample, in the layout that
// HDF5 1.8 and all later ones read: superblock version 2, and a version 1 B-tree
// as the index of chunks. Its memory is one chunk and 16 bytes for each.
type Writer struct {
	w    io.WriterAt
	name string
	typ  *Type
	opts WriterOptions
	n    int
	// end is where the next piece goes.
	end     int64
	pending []byte
	chunks  []chunk
	filters *deflater
	err     error
}

// superblockSize is that of version 2 with addresses of 8 bytes.
const superblockSize = 48

// NewWriter begins a file with the dataset of that name.
func NewWriter(w io.WriterAt, name string, t *Type, o WriterOptions) (*Writer, error) {
	switch {
	case t.Class != Compound || len(t.Members) == 0 || t.Size <= 0:
		return nil, errors.New("writing an HDF5 file: the type is not a compound with members")
	case !writable(t, 0):
		return nil, errors.New("writing an HDF5 file: the type has members other than numbers, fixed strings and arrays of them")
	case o.SamplesPerChunk < 0 || o.Deflate < 0 || o.Deflate > 9:
		return nil, fmt.Errorf("writing an HDF5 file: %d samples in a chunk at level %d cannot be", o.SamplesPerChunk, o.Deflate)
	case o.SamplesPerChunk == 0 && (o.Deflate > 0 || o.Shuffle || o.Fletcher32):
		return nil, errors.New("writing an HDF5 file: filters need chunks")
	case o.SamplesPerChunk > MaxChunkBytes/t.Size:
		return nil, fmt.Errorf("writing an HDF5 file: %d samples of %d bytes are more than the %d bytes that a chunk may have",
			o.SamplesPerChunk, t.Size, MaxChunkBytes)
	}
	return &Writer{w: w, name: name, typ: t, opts: o, end: superblockSize, filters: newDeflater(o, t.Size)}, nil
}

// Append writes a sample: a record of the dataset's type.
func (w *Writer) Append(record []byte) error {
	if w.err != nil {
		return w.err
	}
	if len(record) != w.typ.Size {
		return fmt.Errorf("writing sample %d: it has %d bytes, not %d", w.n, len(record), w.typ.Size)
	}
	w.n++
	if w.opts.SamplesPerChunk == 0 {
		w.put(record)
		return w.err
	}
	w.pending = append(w.pending, record...)
	if len(w.pending) == w.opts.SamplesPerChunk*w.typ.Size {
		w.flush()
	}
	return w.err
}

// put writes bytes at the end.
func (w *Writer) put(b []byte) (at uint64) {
	at = uint64(w.end)
	if w.err == nil {
		if _, err := w.w.WriteAt(b, w.end); err != nil {
			w.err = fmt.Errorf("writing an HDF5 file: %w", err)
		}
	}
	w.end += int64(len(b))
	return at
}

// flush writes the pending chunk, filled up with zeros.
func (w *Writer) flush() {
	full := w.opts.SamplesPerChunk * w.typ.Size
	for len(w.pending) < full {
		w.pending = append(w.pending, make([]byte, full-len(w.pending))...)
	}
	stored, err := w.filters.apply(w.pending)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("compressing a chunk: %w", err)
	}
	w.chunks = append(w.chunks, chunk{addr: w.put(stored), size: uint32(len(stored))})
	w.pending = w.pending[:0]
}

// Close writes the index and the headers, without which the file is not one. It
// does not close what is written to.
func (w *Writer) Close() error {
	if len(w.pending) > 0 {
		w.flush()
	}
	w.align()
	data := uint64(undefined)
	switch {
	case w.n == 0:
	case w.opts.SamplesPerChunk == 0:
		data = superblockSize
	default:
		data = w.index()
	}
	dataset := w.put(w.datasetHeader(data))
	w.align()
	root := w.put(rootHeader(w.name, dataset))
	var sb encoder
	sb.text(formatSignature)
	sb.bytes(2, 8, 8, 0)
	sb.u64(0)
	sb.u64(undefined)
	sb.u64(uint64(w.end))
	sb.u64(root)
	sb.checksum()
	if w.err == nil {
		if _, err := w.w.WriteAt(sb.b, 0); err != nil {
			w.err = fmt.Errorf("writing an HDF5 file: %w", err)
		}
	}
	err := w.err
	if err == nil {
		w.err = errors.New("writing an HDF5 file: it is closed")
	}
	return err
}

// align fills up to a multiple of 8 bytes.
func (w *Writer) align() {
	if rest := w.end % 8; rest != 0 {
		w.put(make([]byte, 8-rest))
	}
}

// writable says whether a type is one that Writer can describe.
func writable(t *Type, depth int) bool {
	if depth > maxTypeDepth {
		return false
	}
	switch t.Class {
	case Integer, String:
		return true
	case Float:
		return ieee[t.Size] != ""
	case Array:
		return writable(t.Elem, depth+1)
	case Compound:
		for _, m := range t.Members {
			if !writable(m.Type, depth+1) {
				return false
			}
		}
		return true
	}
	return false
}
