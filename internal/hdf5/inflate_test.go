package hdf5

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zlib"
)

// library decompresses with the library that inflate is compared with.
func library(in []byte, limit int) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(in))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, int64(limit)))
}

// ours decompresses in, which is to have size bytes.
func ours(s *inflater, in []byte, size int) ([]byte, error) {
	stored := padded(nil, len(in))
	copy(stored, in)
	out := padded(nil, size)
	return out, s.inflate(out, stored)
}

func deflated(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzInflateRoundTrip compresses whatever comes and takes it apart again.
func FuzzInflateRoundTrip(f *testing.F) {
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaabcabcabcabcabcabcd"), 6)
	f.Add(bytes.Repeat([]byte{0, 0, 128, 63}, 5000), 1)
	f.Add([]byte{}, 0)
	s := &inflater{}
	f.Fuzz(func(t *testing.T, data []byte, level int) {
		level = ((level % 10) + 10) % 10
		in := deflated(t, data, level)
		got, err := ours(s, in, len(data))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("level %d, %d bytes: %v", level, len(data), err)
		}
		for _, size := range []int{len(data) - 1, len(data) + 1} {
			if size < 0 {
				continue
			}
			if _, err := ours(s, in, size); err == nil {
				t.Fatalf("%d bytes were taken for %d", len(data), size)
			}
		}
	})
}

// FuzzInflateDamaged takes apart what may be no stream at all: where the library
// finds sound data of that size this package finds the same, and else an error.
func FuzzInflateDamaged(f *testing.F) {
	for _, data := range [][]byte{bytes.Repeat([]byte("chip"), 700), []byte("x"), bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 99)} {
		for _, level := range []int{0, 1, 6, 9} {
			f.Add(deflated(f, data, level), len(data))
		}
	}
	s := &inflater{}
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if size < 0 || size > 1<<20 {
			return
		}
		want, wantErr := library(in, size+1)
		sound := wantErr == nil && len(want) == size
		got, err := ours(s, in, size)
		if sound != (err == nil) {
			t.Fatalf("the library says %v of %d bytes, this package %v of %d", wantErr, len(want), err, size)
		}
		if sound && !bytes.Equal(got, want) {
			t.Fatal("the data differ")
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	d, err := OpenFile(filepath.Join("../../test/testdata/olinda", "landcover-segmentation-train.h5"), "data")
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	var pixels []byte
	r := d.NewReader()
	m, _ := d.Member("pixels")
	for i := range 16 {
		record, err := r.ReadSample(i)
		if err != nil {
			b.Fatal(err)
		}
		pixels = append(pixels, record[m.Offset:m.Offset+m.Type.Size]...)
	}
	in := deflated(b, pixels, 1)
	b.Run("this package", func(b *testing.B) {
		s, stored, out := &inflater{}, padded(nil, len(in)), padded(nil, len(pixels))
		copy(stored, in)
		b.SetBytes(int64(len(pixels)))
		for b.Loop() {
			if err := s.inflate(out, stored); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		z, err := zlib.NewReader(bytes.NewReader(in))
		if err != nil {
			b.Fatal(err)
		}
		out, source := make([]byte, len(pixels)), bytes.NewReader(nil)
		b.SetBytes(int64(len(pixels)))
		for b.Loop() {
			source.Reset(in)
			if err := z.(zlib.Resetter).Reset(source, nil); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(z, out); err != nil {
				b.Fatal(err)
			}
		}
	})
}
