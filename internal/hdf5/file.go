package hdf5

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// undefined is the address of what is not in the file (II.A: "undefined address").
const undefined = math.MaxUint64

// MaxChunkBytes is the most that a chunk, and so also a sample, may take in
// memory once it is decompressed.
const MaxChunkBytes = 64 << 20

// file is an HDF5 file as a bounded source of structures.
type file struct {
	r    io.ReaderAt
	name string
	size int64
	// base is where the HDF5 part begins: behind the user block, if there is one.
	base       int64
	offsetSize int
	lengthSize int
	// budget is what may still be read of metadata. Every structure of a sound
	// file is read at most twice, so links that form a loop run out of it.
	budget int64
}

func newFile(r io.ReaderAt, size int64, name string) *file {
	return &file{r: r, name: name, size: size, offsetSize: 8, lengthSize: 8, budget: 2*size + 1<<16}
}

// failf makes the error for what is wrong at a byte of the file (-1: nowhere).
func (f *file) failf(offset int64, format string, args ...any) error {
	return &Error{File: f.name, Chunk: -1, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// position turns an address into a byte of the file, if n bytes are there.
func (f *file) position(addr, n uint64) (int64, bool) {
	room := uint64(f.size - f.base)
	if addr == undefined || addr > room || n > room-addr {
		return 0, false
	}
	return int64(addr) + f.base, true
}

// readAt fills b from a byte of the file.
func (f *file) readAt(b []byte, offset int64) error {
	n, err := f.r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.failf(offset, "the file ends early: %d of %d bytes are there", n, len(b))
	}
	return fmt.Errorf("reading %d bytes at byte %d of %s: %w", len(b), offset, f.name, err)
}

// metadata reads n bytes at an address for a structure called what.
func (f *file) metadata(addr, n uint64, what string) (*cursor, error) {
	at, ok := f.position(addr, n)
	if !ok {
		if addr == undefined {
			return nil, f.failf(-1, "%s has no address", what)
		}
		return nil, f.failf(-1, "%s would be at byte %d to %d, but the file has %d bytes",
			what, addr, saturatingAdd(addr, n), f.size)
	}
	if n > MaxChunkBytes {
		return nil, f.failf(at, "%s of %d bytes is larger than any that is in use", what, n)
	}
	f.budget -= int64(n)
	if f.budget < 0 {
		return nil, f.failf(at, "%s is part of a loop: the file's structures refer to each other again and again", what)
	}
	b := make([]byte, n)
	if err := f.readAt(b, at); err != nil {
		return nil, err
	}
	return &cursor{f: f, b: b, at: at, what: what}, nil
}

func saturatingAdd(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
