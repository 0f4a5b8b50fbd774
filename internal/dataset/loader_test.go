package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/swath-dev/swath/internal/hdf5"
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

func loader(t testing.TB, v *View, o LoaderOptions) *Loader {
	t.Helper()
	l, err := NewLoader(t.Context(), v, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// batch is a copy of a Batch, to compare.
type batch struct {
	Index   int
	Samples []int32
	Pixels  []float32
	Labels  []int16
}

func equal(a, b batch) bool {
	return a.Index == b.Index && slices.Equal(a.Samples, b.Samples) && slices.Equal(a.Pixels, b.Pixels) && slices.Equal(a.Labels, b.Labels)
}

// drain reads an epoch to its end.
func drain(t testing.TB, l *Loader, e *Epoch) []batch {
	t.Helper()
	defer e.Close()
	b := l.NewBatch()
	var all []batch
	for {
		err := e.Next(b)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, batch{b.Index, slices.Clone(b.Samples), slices.Clone(b.Pixels), slices.Clone(b.Labels)})
	}
}

func samplesOf(all []batch) []int32 {
	var s []int32
	for _, b := range all {
		s = append(s, b.Samples...)
	}
	return s
}

const plenty = 1 << 30

// stores are ways of storing that make a difference to the order or to how it is
// read.
var stores = map[string]hdf5.WriterOptions{
	"a chunk a sample": hdf5.GuideOptions,
	"contiguous":       {},
	"chunks of 7":      {SamplesPerChunk: 7, Deflate: 1},
}

func TestBatchesAreTheSameFromMemoryAndFromTheFile(t *testing.T) {
	files := map[string]string{
		"classification": filepath.Join(olinda, "landcover-classification-train.h5"),
		"segmentation":   filepath.Join(olinda, "landcover-segmentation-train.h5"),
	}
	for name, o := range stores {
		files[name] = chips(100).store(o).write(t, "a.h5")
	}
	for name, path := range files {
		t.Run(name, func(t *testing.T) {
			f := open(t, path)
			o := LoaderOptions{BatchSize: 32, Seed: 42}
			streamed := loader(t, f.All(), o)
			o.MemoryBudget = plenty
			cached := loader(t, f.All(), o)
			if streamed.InMemory() || !cached.InMemory() {
				t.Fatal("the budget does not decide what is in memory")
			}
			for epoch := range 3 {
				a, b := drain(t, streamed, streamed.Shuffled(t.Context(), epoch, 0)), drain(t, cached, cached.Shuffled(t.Context(), epoch, 0))
				if !slices.EqualFunc(a, b, equal) {
					t.Fatalf("epoch %d differs", epoch)
				}
				seen := samplesOf(a)
				slices.Sort(seen)
				if len(slices.Compact(seen)) != f.Len() {
					t.Errorf("epoch %d does not have every sample once", epoch)
				}
			}
		})
	}
}

func TestAnEpochGoesOnFromAnyBatch(t *testing.T) {
	for name, store := range stores {
		for _, budget := range []int64{0, plenty} {
			t.Run(fmt.Sprintf("%s, budget %d", name, budget), func(t *testing.T) {
				f := open(t, chips(100).store(store).write(t, "a.h5"))
				f.window = 3 * 7 * chipBytes
				l := loader(t, f.All(), LoaderOptions{BatchSize: 8, Seed: 1, MemoryBudget: budget})
				whole := drain(t, l, l.Shuffled(t.Context(), 5, 0))
				for first := range l.Batches() + 1 {
					if rest := drain(t, l, l.Shuffled(t.Context(), 5, first)); !slices.EqualFunc(rest, whole[first:], equal) {
						t.Fatalf("from batch %d on it differs", first)
					}
				}
			})
		}
	}
}

func TestOrderDependsOnSeedAndEpoch(t *testing.T) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			v := open(t, chips(200).store(store).write(t, "a.h5")).All()
			orders := map[string]bool{}
			for seed := range uint64(4) {
				for epoch := range 4 {
					orders[fmt.Sprint(v.shuffled(seed, epoch).order)] = true
					if !slices.Equal(v.shuffled(seed, epoch).order, v.shuffled(seed, epoch).order) {
						t.Error("the same epoch has two orders")
					}
				}
			}
			if len(orders) != 16 {
				t.Errorf("16 epochs have %d orders", len(orders))
			}
		})
	}
}

// TestOrderStaysWhatItIs: a change of the order changes every trained model.
func TestOrderStaysWhatItIs(t *testing.T) {
	for name, want := range map[string][]int32{
		"a chunk a sample": {3, 1, 9, 6, 0, 8, 5, 4, 2, 7},
		"chunks of 7":      {0, 8, 6, 3, 7, 5, 2, 1, 9, 4},
	} {
		v := open(t, chips(10).store(stores[name]).write(t, "a.h5")).All()
		if got := v.shuffled(42, 0).order; !slices.Equal(got, want) {
			t.Errorf("%s: the order is %v, was %v", name, got, want)
		}
	}
}

func TestChunksAreReadOnceAnEpoch(t *testing.T) {
	f := open(t, chips(7*200).store(stores["chunks of 7"]).write(t, "a.h5"))
	f.window = 40 * 7 * chipBytes
	p := f.All().shuffled(9, 0)
	if len(p.windows) != 5 {
		t.Fatalf("there are %d windows, want 5", len(p.windows))
	}
	seen := map[int32]int{} // chunk → window
	for w, win := range p.windows {
		for _, s := range p.order[win.first:win.end] {
			if before, ok := seen[s/7]; ok && before != w {
				t.Fatalf("chunk %d is in windows %d and %d", s/7, before, w)
			}
			seen[s/7] = w
		}
	}
}

// chipBytes is what one of chips takes decoded.
const chipBytes = 3*8*8*4 + 2

func TestTheRestOfAnEpoch(t *testing.T) {
	for _, c := range []struct {
		n, size int
		want    []int
	}{
		{1, 4, []int{1}},
		{4, 4, []int{4}},
		{5, 4, []int{5}},
		{6, 4, []int{4, 2}},
		{7, 4, []int{4, 3}},
		{9, 4, []int{4, 5}},
		{10, 4, []int{4, 4, 2}},
		{3, 1, []int{1, 1, 1}},
		{13, 5, []int{5, 5, 3}},
		{12, 5, []int{5, 7}},
	} {
		f := open(t, chips(c.n).write(t, "a.h5"))
		l := loader(t, f.All(), LoaderOptions{BatchSize: c.size, MemoryBudget: plenty})
		var got []int
		for _, b := range drain(t, l, l.Sequential(t.Context(), 0)) {
			got = append(got, len(b.Samples))
		}
		if !slices.Equal(got, c.want) || l.MaxBatch() != slices.Max(c.want) {
			t.Errorf("%d samples in batches of %d make %v (at most %d), want %v", c.n, c.size, got, l.MaxBatch(), c.want)
		}
	}
}

func TestSequentialIsTheOrderOfTheFile(t *testing.T) {
	f := open(t, chips(50).store(stores["chunks of 7"]).write(t, "a.h5"))
	l := loader(t, f.All(), LoaderOptions{BatchSize: 8})
	if got := samplesOf(drain(t, l, l.Sequential(t.Context(), 0))); !slices.IsSorted(got) || len(got) != 50 {
		t.Errorf("the order is %v", got)
	}
}

func TestIgnoredLabels(t *testing.T) {
	ignore := int64(255)
	f := open(t, chips(4).change(func(i int, s *Sample) {
		if i == 2 {
			s.Labels[0] = ignore
		}
	}).write(t, "a.h5"))
	for _, budget := range []int64{0, plenty} {
		l := loader(t, f.All(), LoaderOptions{BatchSize: 4, IgnoreLabel: &ignore, MemoryBudget: budget})
		if got := drain(t, l, l.Sequential(t.Context(), 0))[0].Labels; !slices.Equal(got, []int16{0, 1, Ignored, 1}) {
			t.Errorf("labels are %v", got)
		}
	}
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	f := open(t, chips(100).write(t, "a.h5"))
	l := loader(t, f.All(), LoaderOptions{BatchSize: 4})
	ctx, cancel := context.WithCancel(t.Context())
	e := l.Shuffled(ctx, 0, 0)
	defer e.Close()
	b := l.NewBatch()
	if err := e.Next(b); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := e.Next(b); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context it says %v", err)
	}
}

func TestABrokenSampleEndsAnEpoch(t *testing.T) {
	f := open(t, filepath.Join(h5files, "v_corrupt_chunk.h5"))
	l := loader(t, f.All(), LoaderOptions{BatchSize: 4})
	e := l.Sequential(t.Context(), 0)
	defer e.Close()
	b := l.NewBatch()
	var err error
	for err == nil {
		err = e.Next(b)
	}
	broken{RuleReadable, 10, "chunk 10"}.require(t, err, "v_corrupt_chunk.h5")
	_, err = NewLoader(t.Context(), f.All(), LoaderOptions{BatchSize: 4, MemoryBudget: plenty})
	broken{RuleReadable, 10, "chunk 10"}.require(t, err, "v_corrupt_chunk.h5")
}

func TestBatchesNeedNoMemory(t *testing.T) {
	f := open(t, chips(64).write(t, "a.h5"))
	l := loader(t, f.All(), LoaderOptions{BatchSize: 8, MemoryBudget: plenty})
	e, b := l.Shuffled(t.Context(), 0, 0), l.NewBatch()
	if n := testing.AllocsPerRun(6, func() {
		if err := e.Next(b); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("a batch makes %v allocations", n)
	}
}
