package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// padding makes a file look as long as if so many zeros followed, as a sparse
// file does.
type padding struct{ *bytes.Reader }

func (p padding) ReadAt(b []byte, at int64) (int, error) {
	n := 0
	if at < p.Size() {
		n, _ = p.Reader.ReadAt(b, at)
	}
	clear(b[n:])
	return len(b), nil
}

// claim changes the length of the dataset in a file with new-style headers to n,
// and mends their checksums.
func claim(t *testing.T, file []byte, n uint64) []byte {
	t.Helper()
	file = bytes.Clone(file)
	for at := 0; ; at += 4 {
		next := bytes.Index(file[at:], []byte("OHDR"))
		if next < 0 {
			t.Fatal("there is no dataset's header in the file")
		}
		at += next
		flags, prefix := file[at+5], 6
		if flags&0x20 != 0 {
			prefix += 16
		}
		width := 1 << (flags & 3)
		var size [8]byte
		copy(size[:], file[at+prefix:at+prefix+width])
		end := at + prefix + width + int(binary.LittleEndian.Uint64(size[:]))
		// A dataspace of one dimension, which may have a greatest length.
		for m := at + prefix + width; m+24 < end; m++ {
			space := file[m:]
			if space[0] != messageDataspace || space[2] != 0 || space[4] != 2 || space[5] != 1 || space[7] != 1 {
				continue
			}
			binary.LittleEndian.PutUint64(space[8:], n)
			binary.LittleEndian.PutUint32(file[end:], lookup3(file[at:end]))
			return file
		}
	}
}

// TestAFileThatClaimsMoreThanItHasCostsNothing: the length of the dataset and
// that of the file can be anything, since sparse files are free.
func TestAFileThatClaimsMoreThanItHasCostsNothing(t *testing.T) {
	guide := func(o WriterOptions) []byte {
		path := filepath.Join(t.TempDir(), "a.h5")
		writeSamples(t, path, 20, o)
		return read(t, path)
	}
	small := WriterOptions{SamplesPerChunk: 1, Deflate: 1}
	for name, file := range map[string][]byte{
		"B-tree":                       guide(small),
		"B-tree, not compressed":       guide(WriterOptions{SamplesPerChunk: 1}),
		"fixed array":                  read(t, filepath.Join(testdata, "v_latest_fa.h5")),
		"fixed array, not compressed":  read(t, filepath.Join(testdata, "v_latest_fa_nocomp.h5")),
		"extensible array":             read(t, filepath.Join(testdata, "v_latest_ea.h5")),
		"extensible, not compressed":   read(t, filepath.Join(testdata, "v_latest_ea_nocomp.h5")),
		"one after the other":          read(t, filepath.Join(testdata, "v_latest_implicit.h5")),
		"a single chunk":               read(t, filepath.Join(testdata, "v_latest_single.h5")),
		"a single one, not compressed": read(t, filepath.Join(testdata, "v_latest_single_nocomp.h5")),
	} {
		for claimed, samples := range map[string]uint64{"2^24": 1 << 24, "2^28": 1 << 28, "2^31": 1 << 31, "2^40": 1 << 40} {
			for size, bytesOfFile := range map[string]int64{"10 GB": 10e9, "8 EiB": math.MaxInt64 / 4} {
				t.Run(name+", "+claimed+" in "+size, func(t *testing.T) {
					hostile := claim(t, file, samples)
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					d, err := Open(padding{bytes.NewReader(hostile)}, bytesOfFile, "hostile.h5", "data")
					if err == nil {
						_, err = d.NewReader().ReadSample(d.Len() - 1)
					}
					runtime.ReadMemStats(&after)
					var fault *Error
					if !errors.As(err, &fault) && name != "one after the other" {
						t.Errorf("the error is %v, not an *Error", err)
					}
					if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
						t.Errorf("opening it took %d MiB", used>>20)
					}
				})
			}
		}
	}
}

// TestAHeaderOfNothingIsRefused: a header of version 1 that is as long as there
// can be, of empty messages of 8 bytes.
func TestAHeaderOfNothingIsRefused(t *testing.T) {
	file := read(t, filepath.Join(testdata, "v_gzip.h5"))
	at := bytes.Index(file, []byte("TREE")) - 40 // the root group's header
	for ; at > 0 && (file[at] != 1 || file[at+1] != 0 || file[at+4] != 1); at-- {
	}
	file = file[:at+16]
	binary.LittleEndian.PutUint32(file[at+8:], maxHeaderBytes)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Open(padding{bytes.NewReader(file)}, 10e9, "hostile.h5", "data")
	runtime.ReadMemStats(&after)
	requireRefusal(t, err, "hostile.h5", "more messages than any that is in use")
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("opening it took %d MiB", used>>20)
	}
}

// TestFiltersWithoutChunksAreRefused: only a damaged header has them.
func TestFiltersWithoutChunksAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.h5")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := NewWriter(out, "data", chipType(), WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(make([]byte, chipType().Size)); err != nil {
		t.Fatal(err)
	}
	w.filters = newDeflater(GuideOptions, chipType().Size)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = checksums(path)
	requireRefusal(t, err, "a.h5", "has filters but no chunks")
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
