package hdf5

import (
	"fmt"
	"io"
	"os"
)

// maxSamples bounds the length of a dataset, so that arithmetic on places in the
// file cannot overflow.
const maxSamples = 1 << 40

// Dataset is a one-dimensional dataset of compound records, which are called
// samples here. It does not change after Open and may be used by several
// goroutines; each reads through a Reader of its own.
type Dataset struct {
	f      *file
	closer io.Closer
	n      int
	typ    *Type

	// Of these three, the one that fits how the dataset is stored is set.
	compact []byte
	start   int64 // contiguous: byte of the file where sample 0 is
	chunks  chunkIndex

	perChunk int // samples in a chunk; 0 unless it is chunked
	filters  []filter
}

// OpenFile opens the dataset of that name at the root of the file at path. A
// mistake in the file is an *Error; what the system says about the file, such
// as that it is not there, is wrapped.
func OpenFile(path, name string) (*Dataset, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	d, err := Open(f, info.Size(), path, name)
	if err != nil {
		f.Close()
		return nil, err
	}
	d.closer = f
	return d, nil
}

// Open opens the dataset of that name in an HDF5 file of size bytes. The file's
// name is only for messages. Open reads the structures of the file but no
// sample.
func Open(r io.ReaderAt, size int64, file, name string) (*Dataset, error) {
	d := &Dataset{f: newFile(r, size, file)}
	root, err := d.f.superblock()
	if err != nil {
		return nil, err
	}
	addr, err := d.f.lookup(root, name)
	if err != nil {
		return nil, err
	}
	if err := d.header(addr, name); err != nil {
		return nil, err
	}
	return d, nil
}

// Close closes the file that OpenFile opened.
func (d *Dataset) Close() error {
	if d.closer == nil {
		return nil
	}
	return d.closer.Close()
}

// header reads what the object header at addr says about the dataset.
func (d *Dataset) header(addr uint64, name string) error {
	all, err := d.f.messages(addr)
	if err != nil {
		return err
	}
	var layout *cursor
	var hasSpace bool
	for _, m := range all {
		switch m.kind {
		case messageDataspace, messageDatatype, messageFilters:
			c, err := d.f.resolve(m)
			if err != nil {
				return err
			}
			switch m.kind {
			case messageDataspace:
				hasSpace = true
				c.what = fmt.Sprintf("the shape of %q", name)
				d.n = c.dataspace()
			case messageDatatype:
				c.what = fmt.Sprintf("the type of %q", name)
				d.typ = c.datatype(0)
			case messageFilters:
				d.filters = c.pipeline()
			}
			if c.err != nil {
				return c.err
			}
		case messageLayout:
			layout = m.body
		case messageExternal:
			return d.f.failf(-1, "%q keeps its data in other files, which is not supported; write it into one file", name)
		}
	}
	if !hasSpace || d.typ == nil || layout == nil {
		return d.f.failf(-1, "%q is a group, not a dataset", name)
	}
	if d.typ.Class != Compound {
		return d.f.failf(-1, "%q has values of type %s, not compound records", name, d.typ)
	}
	err = d.layout(layout)
	d.chunks.seal()
	return err
}

// dataspace parses a dataspace message (IV.A.2.b) and returns the length.
func (c *cursor) dataspace() int {
	version := c.version(1, 2)
	rank := c.u8()
	c.skip(1)
	if version == 1 {
		c.skip(5)
	} else if kind := c.u8(); kind == 2 {
		c.failf("is empty (a null dataspace); it must be a list of samples")
	}
	if c.err == nil && rank != 1 {
		c.failf("has %d dimensions; it must have one, the samples", rank)
	}
	n := c.length()
	if n > maxSamples {
		c.failf("has %d samples", n)
	}
	return int(n)
}

// Len is the number of samples.
func (d *Dataset) Len() int { return d.n }

// Type is the compound type of a sample.
func (d *Dataset) Type() *Type { return d.typ }

// SampleBytes is the size of a sample as ReadSample returns it.
func (d *Dataset) SampleBytes() int { return d.typ.Size }

// Name is the name that the file was opened with.
func (d *Dataset) Name() string { return d.f.name }

// Member returns the member of that name.
func (d *Dataset) Member(name string) (Member, bool) {
	for _, m := range d.typ.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// SamplesPerRead is how many samples, from each multiple of it on, are best
// read together since reading one decompresses all: the length of a chunk that
// goes through filters, and 1 for everything else.
func (d *Dataset) SamplesPerRead() int {
	if d.perChunk > 0 && len(d.filters) > 0 {
		return d.perChunk
	}
	return 1
}

// Storage says in words how the samples are stored: "compact", "contiguous" or
// "chunks of 16".
func (d *Dataset) Storage() string {
	switch {
	case d.perChunk > 0:
		return fmt.Sprintf("chunks of %d", d.perChunk)
	case d.compact != nil:
		return "compact"
	}
	return "contiguous"
}
