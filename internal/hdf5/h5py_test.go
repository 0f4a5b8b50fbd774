package hdf5

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// makeScript makes a file with h5py: the arguments are the path, the number of
// samples, and Python expressions for the options of File and create_dataset.
// What is printed is as in crcScript.
const makeScript = `
import h5py, sys
import numpy as np
path, n, file_options, dataset_options = sys.argv[1], int(sys.argv[2]), eval(sys.argv[3]), eval(sys.argv[4])
kind = np.dtype([("bands", "S10", (2,)), ("gsd", "<f4"), ("pixels", "<f4", (2, 4, 4)), ("platform", "S20"),
                 ("point", "<f4", (2,)), ("timestamp", "<i8"), ("label", "<i8")])
x = np.zeros(n, kind)
x["bands"] = [b"red", b"nir"]
x["gsd"] = 10
x["pixels"] = np.random.default_rng(1).integers(0, 50, (n, 2, 4, 4))
x["timestamp"] = np.arange(n)
x["label"] = np.arange(n) % 5
siblings = dataset_options.pop("siblings", 0)
with h5py.File(path, "w", **file_options) as f:
    for i in range(siblings // 2):
        f.create_group("some_other_group_%06d" % i)
    f.create_dataset("data", data=x, **dataset_options)
    for i in range(siblings // 2):
        f.create_group("yet_another_group_%06d" % i)
`

// TestLargeIndexesAreReadAsH5pyReadsThem has h5py write files whose indexes have
// several levels and pages, which the small files of testdata do not.
func TestLargeIndexesAreReadAsH5pyReadsThem(t *testing.T) {
	requireH5py(t)
	const latest = `{"libver": "latest"}`
	for name, c := range map[string]struct {
		samples       int
		file, dataset string
	}{
		"B-tree of three levels":              {9000, `{}`, `{"chunks": (1,), "compression": "gzip", "compression_opts": 1}`},
		"fixed array with pages":              {2500, latest, `{"chunks": (1,), "compression": "gzip"}`},
		"fixed array with pages, unfiltered":  {2500, latest, `{"chunks": (1,)}`},
		"extensible array with super blocks":  {3000, latest, `{"chunks": (1,), "maxshape": (None,), "compression": "lzf"}`},
		"extensible array with pages":         {140000, latest, `{"chunks": (1,), "maxshape": (None,)}`},
		"extensible array of few":             {5, latest, `{"chunks": (1,), "maxshape": (None,), "compression": "gzip"}`},
		"all filters":                         {1000, `{}`, `{"chunks": (16,), "compression": "gzip", "compression_opts": 9, "shuffle": True, "fletcher32": True}`},
		"lzf and shuffle":                     {1000, `{}`, `{"chunks": (5,), "compression": "lzf", "shuffle": True}`},
		"symbol table of many names":          {10, `{}`, `{"siblings": 3000}`},
		"heap of many links":                  {10, latest, `{"siblings": 3000}`},
		"heap of many links in their order":   {10, `{"libver": "latest", "track_order": True}`, `{"siblings": 3000}`},
		"user block":                          {100, `{"userblock_size": 1024}`, `{"chunks": (8,), "compression": "gzip"}`},
		"user block, latest":                  {100, `{"userblock_size": 4096, "libver": "latest"}`, `{"chunks": (8,), "maxshape": (None,)}`},
		"chunks longer than the data, latest": {10, latest, `{"chunks": (10,), "compression": "gzip"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && c.samples > 10_000 {
				t.Skip("it takes some seconds")
			}
			path := filepath.Join(t.TempDir(), "a.h5")
			if out, err := exec.Command(debianPython, "-c", makeScript, path, fmt.Sprint(c.samples), c.file, c.dataset).CombinedOutput(); err != nil {
				t.Fatalf("h5py: %v\n%s", err, out)
			}
			readsAsH5py(t, path)
		})
	}
}

// readsAsH5py checks that this package reads from the file what h5py reads.
func readsAsH5py(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command(debianPython, "-c", crcScript, path).CombinedOutput()
	if err != nil {
		t.Fatalf("h5py: %v\n%s", err, out)
	}
	var theirs expectation
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	ours, err := checksums(path)
	if err != nil {
		t.Fatal(err)
	}
	if ours.Samples != theirs.Samples || !maps.Equal(ours.CRC32, theirs.CRC32) {
		t.Errorf("h5py reads %v, this package %v", theirs, ours)
	}
}

func TestChunksAbove64MiBAreRefusedWithAdvice(t *testing.T) {
	requireH5py(t)
	path := filepath.Join(t.TempDir(), "large.h5")
	const size = 10 + 10 + 4 + 2*4*4*4 + 20 + 8 + 8 + 8
	if out, err := exec.Command(debianPython, "-c", makeScript, path, "500000", `{}`, `{"chunks": (500000,), "compression": "gzip", "compression_opts": 1}`).CombinedOutput(); err != nil {
		t.Fatalf("h5py: %v\n%s", err, out)
	}
	_, err := OpenFile(path, "data")
	requireRefusal(t, err, "large.h5", fmt.Sprintf("write it with smaller chunks, such as chunks=(%d,), or chunks=(1,)", MaxChunkBytes/size))
	if !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("the limit is not named: %v", err)
	}
}
