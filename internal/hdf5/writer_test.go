package hdf5

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// layouts are the ways of storing that the writer knows.
var layouts = map[string]WriterOptions{
	"as in the guides":             GuideOptions,
	"contiguous":                   {},
	"chunks without compression":   {SamplesPerChunk: 3},
	"chunks of 16":                 {SamplesPerChunk: 16, Deflate: 6},
	"shuffled":                     {SamplesPerChunk: 4, Deflate: 1, Shuffle: true},
	"shuffled, with a checksum":    {SamplesPerChunk: 1, Deflate: 1, Shuffle: true, Fletcher32: true},
	"a checksum and nothing else":  {SamplesPerChunk: 5, Fletcher32: true},
	"one chunk larger than needed": {SamplesPerChunk: 1000, Deflate: 1},
}

// chipType is the type of the guides' files, with chips of 3 × 16 × 16.
func chipType() *Type {
	return CompoundOf(
		Member{Name: "bands", Type: ArrayOf(FixedString(10), 3)},
		Member{Name: "gsd", Type: Float32()},
		Member{Name: "pixels", Type: ArrayOf(Float32(), 3, 16, 16)},
		Member{Name: "platform", Type: FixedString(20)},
		Member{Name: "point", Type: ArrayOf(Float32(), 2)},
		Member{Name: "timestamp", Type: Int64()},
		Member{Name: "label", Type: ArrayOf(Int64(), 16, 16)},
	)
}

// writeSamples writes n samples of some pattern and returns their bytes.
func writeSamples(t testing.TB, path string, n int, o WriterOptions) [][]byte {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := NewWriter(f, "data", chipType(), o)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for i := range n {
		record := make([]byte, chipType().Size)
		for k := range record {
			record[k] = 'a' + byte((i+k/7)%26)
		}
		if err := w.Append(record); err != nil {
			t.Fatal(err)
		}
		all = append(all, record)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for name, o := range layouts {
		for _, n := range []int{0, 1, 5, 64, 65, 200} {
			t.Run(fmt.Sprintf("%s, %d samples", name, n), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "a.h5")
				want := writeSamples(t, path, n, o)
				d, err := OpenFile(path, "data")
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				if d.Len() != n || fmt.Sprint(d.Type().Members) == "" || d.Type().Size != chipType().Size {
					t.Fatalf("%d samples of %d bytes", d.Len(), d.Type().Size)
				}
				r := d.NewReader()
				for i := range n {
					got, err := r.ReadSample(i)
					if err != nil {
						t.Fatal(err)
					}
					if string(got) != string(want[i]) {
						t.Fatalf("sample %d differs", i)
					}
				}
			})
		}
	}
}

// debianPython is where python3-h5py is installed.
const debianPython = "/usr/bin/python3"

// requireH5py skips the test where h5py is not installed.
func requireH5py(t testing.TB) {
	t.Helper()
	if err := exec.Command(debianPython, "-c", "import h5py").Run(); err != nil {
		t.Skip("h5py is not installed (Debian: python3-h5py)")
	}
}

// crcScript prints, as JSON, what manifest.json has for the file that it is given.
const crcScript = `
import h5py, json, sys, zlib
import numpy as np
d = h5py.File(sys.argv[1], "r")["data"][:]
out = {}
for name in d.dtype.names:
    x = d[name]
    if name in ("bands", "platform"):
        out[name] = zlib.crc32(b"".join(b"|".join(np.atleast_1d(s)) for s in x))
    elif name in ("timestamp", "label"):
        out[name] = zlib.crc32(x.astype("<i8").tobytes())
    else:
        out[name] = zlib.crc32(x.astype("<f4").tobytes())
print(json.dumps({"samples": len(d), "crc32": {k: "%08x" % v for k, v in out.items()}}))
`

func TestH5pyReadsWhatIsWritten(t *testing.T) {
	requireH5py(t)
	for name, o := range layouts {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.h5")
			writeSamples(t, path, 5000, o)
			readsAsH5py(t, path)
		})
	}
}
