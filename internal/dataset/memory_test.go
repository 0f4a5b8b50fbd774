package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync/atomic"
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

// watched is a context that measures memory whenever it is asked whether it has
// ended, which loaders do before each sample.
type watched struct {
	context.Context
	most *atomic.Uint64
}

func (w watched) Err() error {
	for now := memoryInUse(); ; {
		before := w.most.Load()
		if now <= before || w.most.CompareAndSwap(before, now) {
			return w.Context.Err()
		}
	}
}

// TestDecodingIntoMemoryKeepsToTheBudget: many cores must not decode more large
// chunks at once than there is room for.
func TestDecodingIntoMemoryKeepsToTheBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16))
	f := open(t, largeFile(t, 160e6, hdf5.WriterOptions{SamplesPerChunk: 16, Deflate: 1}))
	view := f.All()
	digests := map[string]bool{}
	for name, c := range map[string]struct {
		spare   int64
		readers int
	}{
		"room for no chunk":     {0, 1},
		"room for three chunks": {3*f.data.ReaderBytes() + 1<<20, 3},
		"room for all":          {1 << 30, 16},
	} {
		t.Run(name, func(t *testing.T) {
			o := LoaderOptions{BatchSize: 8, Seed: 1, MemoryBudget: view.DecodedBytes() + c.spare}
			if got := view.cacheReaders(o.MemoryBudget); got != c.readers {
				t.Errorf("there are %d readers, want %d", got, c.readers)
			}
			need := view.MemoryBytes(o)
			if least := view.DecodedBytes() + int64(c.readers)*f.data.ReaderBytes(); need < least {
				t.Errorf("it says that it takes %d MiB, less than %d", need>>20, least>>20)
			}
			debug.FreeOSMemory()
			before := memoryInUse()
			var most atomic.Uint64
			l, err := NewLoader(watched{t.Context(), &most}, view, o)
			if err != nil {
				t.Fatal(err)
			}
			// The program takes a little beside what it was asked for.
			const beside = 24 << 20
			if used := int64(most.Load()) - int64(before); used > need+beside {
				t.Errorf("it took %d MiB of memory, and says that it takes %d", used>>20, need>>20)
			} else {
				t.Logf("it took %d MiB of memory at most, of %d", used>>20, need>>20)
			}
			digests[digestOf(l)] = true
		})
	}
	if len(digests) != 1 {
		t.Error("the samples depend on the number of readers")
	}
}

// digestOf is that of the samples in memory.
func digestOf(l *Loader) string {
	h := sha256.New()
	for i := range l.view.Len() {
		pixels, labels := l.cache.sample(i)
		_ = binary.Write(h, binary.LittleEndian, pixels)
		_ = binary.Write(h, binary.LittleEndian, labels)
	}
	return string(h.Sum(nil))
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
