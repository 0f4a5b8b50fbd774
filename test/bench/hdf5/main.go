//go:build linux

// Command hdf5 measures how fast internal/hdf5 reads training files, beside h5py
// in the same run.
//
// It makes files of chips of 128 × 128 pixels, mosaics of a real scene, in the
// layouts that people use, and reads each from first to last sample: here the
// pixels into a batch of 16 samples, in h5py by read_direct into one as large,
// with a chunk cache of 256 MiB. One thread each, the files in the page cache,
// in turns. What counts is CPU time, user and system, of the best round: other
// programs on the machine can only make a round slower.
//
//	go run ./test/bench/hdf5 -out bin/bench/hdf5.json
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/swath-dev/swath/internal/hdf5"
)

// entry is a line of the result. A ratio above 1 means that ours is faster.
type entry struct {
	Layout   string  `json:"layout"`
	OursMBps float64 `json:"oursMBps"`
	H5pyMBps float64 `json:"h5pyMBps"`
	Ratio    float64 `json:"ratio"`
}

// batchSize is how many samples fit the buffers that both read into.
const batchSize = 16

// settings are the flags.
type settings struct {
	python, here, source, out string
	samples, rounds           int
}

func main() {
	log.SetFlags(0)
	var s settings
	flag.StringVar(&s.python, "python", "/usr/bin/python3", "a Python that has h5py (Debian: python3-h5py)")
	flag.StringVar(&s.here, "scripts", "test/bench/hdf5", "the folder of chips.py and read.py")
	flag.StringVar(&s.source, "source", "test/testdata/olinda/landcover-segmentation-train.h5", "a file of real chips to make the files from")
	flag.StringVar(&s.out, "out", "", "where to write the results as JSON")
	flag.IntVar(&s.samples, "samples", 256, "the number of samples in each file (196 kB each)")
	flag.IntVar(&s.rounds, "rounds", 7, "how often each file is read by each")
	flag.Parse()
	if err := run(s); err != nil {
		log.Fatalf("hdf5 benchmark: %v", err)
	}
}

func run(s settings) error {
	folder, err := os.MkdirTemp("", "swath-hdf5-")
	if err != nil {
		return fmt.Errorf("making a folder for the files: %w", err)
	}
	defer os.RemoveAll(folder)
	names, err := s.makeFiles(folder)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1) // the readers' few buffers are never garbage
	entries := make([]entry, len(names))
	fmt.Printf("%-32s %12s %12s %8s\n", "layout", "ours MB/s", "h5py MB/s", "ratio")
	for i, name := range names {
		e, err := s.measure(name, filepath.Join(folder, fmt.Sprintf("%d.h5", i)))
		if err != nil {
			return fmt.Errorf("measuring %s: %w", name, err)
		}
		entries[i] = e
		fmt.Printf("%-32s %12.0f %12.0f %8.2f\n", e.Layout, e.OursMBps, e.H5pyMBps, e.Ratio)
	}
	return write(s.out, entries)
}

func write(path string, entries []entry) error {
	if path == "" {
		return nil
	}
	b, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}

// makeFiles makes a file for each layout and returns the layouts' names.
func (s settings) makeFiles(folder string) ([]string, error) {
	out, err := exec.Command(s.python, filepath.Join(s.here, "chips.py"), s.source, folder, strconv.Itoa(s.samples)).Output()
	if err != nil {
		return nil, fmt.Errorf("making the files with h5py: %w%s", err, stderr(err))
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// measure reads a file in turns.
func (s settings) measure(name, path string) (entry, error) {
	var ours, theirs time.Duration
	var bytes int64
	for range s.rounds {
		n, t, err := read(path)
		if err != nil {
			return entry{}, err
		}
		bytes, ours = n, best(ours, t)
		if t, err = s.readWithH5py(path); err != nil {
			return entry{}, err
		}
		theirs = best(theirs, t)
	}
	return newEntry(name, bytes, ours, theirs)
}

// newEntry turns times into rates; the ratio is rounded down, so that a little slower is never as fast.
func newEntry(name string, bytes int64, ours, theirs time.Duration) (entry, error) {
	if bytes <= 0 || ours <= 0 || theirs <= 0 {
		return entry{}, fmt.Errorf("%d bytes in %v and %v are nothing to compare", bytes, ours, theirs)
	}
	rate := func(t time.Duration) float64 { return math.Round(float64(bytes) / 1e6 / t.Seconds()) }
	return entry{Layout: name, OursMBps: rate(ours), H5pyMBps: rate(theirs), Ratio: math.Floor(100*theirs.Seconds()/ours.Seconds()) / 100}, nil
}

func best(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// read reads the pixels and the label of every sample, as batches are made, and
// returns how many bytes the samples have.
func read(path string) (int64, time.Duration, error) {
	start, err := processorTime()
	if err != nil {
		return 0, 0, err
	}
	d, err := hdf5.OpenFile(path, "data")
	if err != nil {
		return 0, 0, err
	}
	defer d.Close()
	pixels, ok := d.Member("pixels")
	label, also := d.Member("label")
	if !ok || !also {
		return 0, 0, errors.New("the file has no pixels or no label")
	}
	r := d.NewReader()
	size := pixels.Type.Len()
	batch, class := make([]float32, batchSize*size), make([]int64, label.Type.Len())
	for i := range d.Len() {
		k := i % batchSize
		if err := r.ReadFloat32s(i, pixels, batch[k*size:(k+1)*size]); err != nil {
			return 0, 0, err
		}
		if err := r.ReadInt64s(i, label, class); err != nil {
			return 0, 0, err
		}
	}
	end, err := processorTime()
	return int64(d.Len()) * int64(d.SampleBytes()), end - start, err
}

// processorTime is the CPU time that this process has used, whatever its threads: nothing is read beside the count.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// readWithH5py has h5py read the file twice, of which the second time counts.
func (s settings) readWithH5py(path string) (time.Duration, error) {
	out, err := exec.Command(s.python, filepath.Join(s.here, "read.py"), path, "1").Output()
	if err != nil {
		return 0, fmt.Errorf("reading with h5py: %w%s", err, stderr(err))
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return 0, fmt.Errorf("reading h5py's time: %w", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// stderr is what a command said before it failed.
func stderr(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "\n" + string(exit.Stderr)
	}
	return ""
}
