package dataset

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"testing"

	"github.com/swath-dev/swath/internal/hdf5"
)

// memoryInUse is what the program holds of the system's memory, in bytes.
func memoryInUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// largeFile writes a file of chips of 4 × 224 × 224 pixels whose samples are
// size bytes in all. Few of them are different: what matters is how many there
// are.
func largeFile(t *testing.T, size int64, store hdf5.WriterOptions) string {
	t.Helper()
	const bands, side = 4, 224
	count := int(size / (bands * side * side * 4))
	return testFile{Samples: count, Bands: []string{"red", "green", "blue", "nir"}, Side: side, Task: Classification, Store: store,
		Change: func(i int, s *Sample) {
			for k := range s.Pixels {
				s.Pixels[k] = float32((k*k/97 + i) % 251)
			}
		}}.write(t, "large.h5")
}

// TestAFileLargerThanMemoryIsTrainedOn goes through a file of 4 × 224 × 224
// chips twice and watches memory. It takes 250 MB of samples; with
// SWATH_LARGE_FILE_GB=10 it takes the 10 GB for which 512 MiB are to be enough.
func TestAFileLargerThanMemoryIsTrainedOn(t *testing.T) {
	size, limit := int64(250e6), uint64(192<<20)
	if gb := os.Getenv("SWATH_LARGE_FILE_GB"); gb != "" {
		n, err := strconv.ParseInt(gb, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		size, limit = n*1e9, 256<<20
	} else if testing.Short() {
		t.Skip("it takes some seconds")
	}
	for name, store := range map[string]hdf5.WriterOptions{
		"a chunk a sample": hdf5.GuideOptions,
		"chunks of 16":     {SamplesPerChunk: 16, Deflate: 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := largeFile(t, size, store)
			debug.FreeOSMemory()
			before := memoryInUse()
			f := open(t, path)
			l := loader(t, f.All(), LoaderOptions{BatchSize: 8, Seed: 1, MemoryBudget: 64 << 20})
			if l.InMemory() {
				t.Fatal("the file is in memory")
			}
			if n := f.All().MemoryBytes(LoaderOptions{BatchSize: 8}); n > int64(limit) {
				t.Errorf("it says that it takes %d MiB", n>>20)
			}
			most := uint64(0)
			b := l.NewBatch()
			var sums [2]float64
			for epoch := range 2 {
				e := l.Shuffled(t.Context(), epoch, 0)
				for {
					err := e.Next(b)
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					most = max(most, memoryInUse())
					for k := range b.Len() {
						sums[epoch] += float64(b.Pixels[k*f.PixelsPerSample()]) * float64(b.Samples[k]+1)
					}
				}
				e.Close()
			}
			if sums[0] != sums[1] || sums[0] == 0 {
				t.Errorf("the epochs have different samples: %v", sums)
			}
			if used := int64(most) - int64(before); used > int64(limit) {
				t.Errorf("it took %d MiB of memory, more than %d", used>>20, limit>>20)
			} else {
				t.Logf("%d samples took %d MiB of memory at most", f.Len(), max(0, used)>>20)
			}
		})
	}
}
