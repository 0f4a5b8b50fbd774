package hdf5

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testdata = "../../test/testdata/hdf5"

// expectation is what h5py makes of a file: the CRC-32 of each member over all
// samples, or an error.
type expectation struct {
	Samples int
	CRC32   map[string]string
	H5py    string
}

func manifest(t testing.TB) map[string]expectation {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testdata, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]expectation{}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFilesAreReadAsH5pyReadsThem goes through all files: either every member
// of every sample is what h5py reads, or the file is one that must be refused.
func TestFilesAreReadAsH5pyReadsThem(t *testing.T) {
	for name, want := range manifest(t) {
		t.Run(name, func(t *testing.T) {
			got, err := checksums(filepath.Join(testdata, name))
			if phrase, broken := refused[name]; broken {
				requireRefusal(t, err, name, phrase)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want.H5py != "" {
				t.Fatalf("h5py refuses it (%s), and it was read", want.H5py)
			}
			if got.Samples != want.Samples {
				t.Errorf("%d samples, want %d", got.Samples, want.Samples)
			}
			for member, crc := range want.CRC32 {
				if got.CRC32[member] != crc {
					t.Errorf("member %s has CRC %s, want %s", member, got.CRC32[member], crc)
				}
			}
		})
	}
}

func requireRefusal(t *testing.T, err error, name, phrase string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was read, and must be refused")
	}
	var fault *Error
	if !errors.As(err, &fault) {
		t.Fatalf("it is refused with %T (%v), not with *Error", err, err)
	}
	if !strings.Contains(err.Error(), phrase) || !strings.Contains(err.Error(), name) {
		t.Errorf("it is refused with %q, which does not name the file and say %q", err, phrase)
	}
}

// checksums reads a whole file.
func checksums(path string) (expectation, error) {
	d, err := OpenFile(path, "data")
	if err != nil {
		return expectation{}, err
	}
	defer d.Close()
	return checksumsOf(d)
}

func checksumsOf(d *Dataset) (expectation, error) {
	r := d.NewReader()
	sums := map[string]uint32{}
	for _, m := range d.Type().Members {
		sums[m.Name] = 0
	}
	for i := range d.Len() {
		record, err := r.ReadSample(i)
		if err != nil {
			return expectation{}, err
		}
		for _, m := range d.Type().Members {
			b, err := canonical(r, m, record)
			if err != nil {
				return expectation{}, fmt.Errorf("sample %d: %w", i, err)
			}
			sums[m.Name] = crc32.Update(sums[m.Name], crc32.IEEETable, b)
		}
	}
	e := expectation{Samples: d.Len(), CRC32: map[string]string{}}
	for name, sum := range sums {
		e.CRC32[name] = fmt.Sprintf("%08x", sum)
	}
	return e, nil
}

// canonical gives a member of a record in the form that the manifest's CRCs are
// made from: strings joined by |, timestamp and label as int64, the rest float32.
func canonical(r *Reader, m Member, record []byte) ([]byte, error) {
	switch m.Type.Scalar().Class {
	case String, VarLen:
		s, err := r.Strings(m, record)
		return []byte(strings.Join(s, "|")), err
	}
	var out []byte
	if m.Name == "timestamp" || m.Name == "label" {
		v := make([]int64, m.Type.Len())
		if m.Type.Scalar().Class == Float {
			f := make([]float32, len(v))
			if err := m.Float32s(f, record); err != nil {
				return nil, err
			}
			for i := range f {
				v[i] = int64(f[i])
			}
		} else if err := m.Int64s(v, record); err != nil {
			return nil, err
		}
		for _, x := range v {
			out = binary.LittleEndian.AppendUint64(out, uint64(x))
		}
		return out, nil
	}
	v := make([]float32, m.Type.Len())
	if err := m.Float32s(v, record); err != nil {
		return nil, err
	}
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out, nil
}

// refused is, for each broken file, what the error must say.
var refused = map[string]string{
	"v_bomb.h5":               "chunk 2 at byte 3656: the gzip data inflate to more than the 3150 bytes of a chunk",
	"v_corrupt_addr.h5":       "chunk",
	"v_corrupt_adler.h5":      "chunk 10 at byte 13018: the gzip data are damaged: their checksum does not match",
	"v_corrupt_btree.h5":      "at byte 1560: the chunk index does not begin with \"TREE\"",
	"v_corrupt_chunk.h5":      "chunk 10 at byte 13018: the gzip data are damaged (after 1539 of the chunk's 3150 bytes); copy or upload the file again",
	"v_corrupt_fletch.h5":     "fletcher32 checksum does not match",
	"v_corrupt_nbytes.h5":     "chunk 0: its 4294967280 stored bytes would begin at byte 3656, but the file has only 26201 bytes",
	"v_group.h5":              "\"data\" is a group, not a dataset",
	"v_latest_corrupt_idx.h5": "its checksum does not match",
	"v_noname.h5":             "there is no dataset \"data\" in the file; at its root are \"other\"",
	"v_nothdf5.h5":            "this is not an HDF5 file",
	"v_null.h5":               "is empty (a null dataspace)",
	"v_partial.h5":            "chunk 1: sample 1 was never written",
	"v_plain2d.h5":            "",
	"v_scalar.h5":             "has 0 dimensions; it must have one, the samples",
	"v_short_chunk.h5":        "chunk 10 at byte 13018: the gzip data end after 10 of the chunk's 3150 bytes",
	"v_trunc.h5":              "the file is truncated: it has 13100 of 26201 bytes",
	"v_trunc100.h5":           "the file is truncated: it has 100 of 26201 bytes",
	"v_zero.h5":               "the file is empty (0 bytes)",
}
