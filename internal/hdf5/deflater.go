package hdf5

import (
	"bytes"
	"encoding/binary"

	"github.com/klauspost/compress/zlib"
)

// deflater applies the filters that were chosen, in the order in which h5py
// does: shuffle, deflate, fletcher32.
type deflater struct {
	pipeline []filter
	shuffled []byte
	out      bytes.Buffer
	zlib     *zlib.Writer
}

func newDeflater(o WriterOptions, recordSize int) *deflater {
	d := &deflater{}
	if o.Shuffle {
		d.pipeline = append(d.pipeline, filter{id: filterShuffle, args: []uint32{uint32(recordSize)}})
	}
	if o.Deflate > 0 {
		d.pipeline = append(d.pipeline, filter{id: filterDeflate, args: []uint32{uint32(o.Deflate)}})
	}
	if o.Fletcher32 {
		d.pipeline = append(d.pipeline, filter{id: filterFletcher32})
	}
	return d
}

// apply returns the stored bytes of a chunk, good until the next call.
func (d *deflater) apply(data []byte) ([]byte, error) {
	for _, f := range d.pipeline {
		switch f.id {
		case filterShuffle:
			d.shuffled = grow(d.shuffled, len(data))
			shuffle(d.shuffled, data, int(f.args[0]))
			data = d.shuffled
		case filterDeflate:
			compressed, err := d.deflate(data, int(f.args[0]))
			if err != nil {
				return nil, err
			}
			data = compressed
		case filterFletcher32:
			data = binary.LittleEndian.AppendUint32(bytes.Clone(data), fletcher32(data))
		}
	}
	return data, nil
}

func (d *deflater) deflate(data []byte, level int) ([]byte, error) {
	d.out.Reset()
	if d.zlib == nil {
		z, err := zlib.NewWriterLevel(&d.out, level)
		if err != nil {
			return nil, err
		}
		d.zlib = z
	} else {
		d.zlib.Reset(&d.out)
	}
	if _, err := d.zlib.Write(data); err != nil {
		return nil, err
	}
	if err := d.zlib.Close(); err != nil {
		return nil, err
	}
	return d.out.Bytes(), nil
}

// shuffle is the opposite of unshuffle.
func shuffle(out, in []byte, size int) {
	n := len(in) / size
	for j := range size {
		plane := out[j*n : (j+1)*n]
		for i, k := 0, j; i < len(plane); i, k = i+1, k+size {
			plane[i] = in[k]
		}
	}
	copy(out[n*size:], in[n*size:])
}
