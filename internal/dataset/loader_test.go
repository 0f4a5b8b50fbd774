package dataset

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
)

const olinda = "../../test/testdata/olinda"

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// drain reads an epoch to its end and returns the samples of each batch.
func drain(t testing.TB, l *Loader, e *Epoch) [][]int32 {
	t.Helper()
	defer e.Close()
	b := l.NewBatch()
	var all [][]int32
	for {
		err := e.Next(b)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.Clone(b.Samples))
	}
}

func TestBatchesAreTheSameFromMemoryAndFromTheFile(t *testing.T) {
	for _, name := range []string{"landcover-classification-train.h5", "landcover-segmentation-train.h5"} {
		f := open(t, filepath.Join(olinda, name))
		o := LoaderOptions{BatchSize: 32, Seed: 42}
		streamed, err := NewLoader(t.Context(), f.All(), o)
		if err != nil {
			t.Fatal(err)
		}
		o.MemoryBudget = 1 << 30
		cached, err := NewLoader(t.Context(), f.All(), o)
		if err != nil {
			t.Fatal(err)
		}
		if streamed.InMemory() || !cached.InMemory() {
			t.Fatal("the budget does not decide what is in memory")
		}
		a, b := streamed.Shuffled(t.Context(), 3, 0), cached.Shuffled(t.Context(), 3, 0)
		defer a.Close()
		defer b.Close()
		x, y := streamed.NewBatch(), cached.NewBatch()
		seen := map[int32]bool{}
		for range cached.Batches() {
			if err := errors.Join(a.Next(x), b.Next(y)); err != nil {
				t.Fatal(err)
			}
			if x.Index != y.Index || !slices.Equal(x.Samples, y.Samples) || !slices.Equal(x.Pixels, y.Pixels) || !slices.Equal(x.Labels, y.Labels) {
				t.Fatalf("%s: batch %d differs", name, x.Index)
			}
			for _, s := range x.Samples {
				seen[s] = true
			}
		}
		if len(seen) != f.Len() {
			t.Errorf("%s: an epoch has %d of %d samples", name, len(seen), f.Len())
		}
	}
}
