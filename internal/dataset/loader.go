package dataset

import (
	"context"
	"fmt"
)

// LoaderOptions say how a Loader makes batches.
type LoaderOptions struct {
	// BatchSize is the number of samples in a batch. A last batch smaller than
	// half of it is joined to the one before, which so has up to one and a half
	// times as many.
	BatchSize int
	// Seed makes the order of shuffled epochs repeatable.
	Seed uint64
	// MemoryBudget is how many bytes the decoded samples may take. A view that
	// fits is decoded once and kept, by as many cores as the rest of the budget has
	// room for chunks; a larger one is read from the file again in each epoch. The
	// batches are the same either way.
	MemoryBudget int64
	// InOrder says that there will be no shuffled epochs, so that MemoryBytes need
	// not count what those take.
	InOrder bool
	// NumClasses is the number of classes; 0 leaves it open, up to MaxClasses.
	NumClasses int
	// IgnoreLabel is the label that becomes Ignored; nil if there is none.
	IgnoreLabel *int64
}

// Loader makes batches of a view, epoch after epoch. One epoch can be in use at
// a time.
type Loader struct {
	view  *View
	opts  LoaderOptions
	rule  labelRule
	cache *cache
	// reader, held and ahead are what streaming needs: the file's reader, decoded
	// samples of a window, and batches that wait. They are made once and used in
	// each epoch.
	reader *Reader
	held   slots
	ahead  []*Batch
}

// Batch is a batch of samples. Make it with Loader.NewBatch and give it to
// Epoch.Next again and again; Next may exchange its slices for others of the
// same capacity, so do not keep them.
type Batch struct {
	// Index is the number of the batch in its epoch, from 0 on.
	Index int
	// Samples are the numbers of the samples in the file; their count is the size
	// of this batch.
	Samples []int32
	// Pixels are raw values, samples × bands × height × width.
	Pixels []float32
	// Labels are classes, one a sample or samples × height × width; Ignored (-1)
	// stands for what is to be left out.
	Labels []int16
}

// Len is the number of samples in the batch.
func (b *Batch) Len() int { return len(b.Samples) }

// NewLoader makes a loader, and decodes the view into memory if it fits the
// budget. A sample that cannot be read, or whose label breaks the rules, is an
// *InvalidError.
func NewLoader(ctx context.Context, v *View, o LoaderOptions) (*Loader, error) {
	if o.BatchSize < 1 {
		return nil, fmt.Errorf("making batches of %s: the batch size is %d, not at least 1", v.f.name, o.BatchSize)
	}
	if v.Len() == 0 {
		return nil, fmt.Errorf("making batches of %s: there is no sample in this part of it", v.f.name)
	}
	l := &Loader{view: v, opts: o, rule: labelRule{classes: o.NumClasses, ignore: o.IgnoreLabel}}
	if v.DecodedBytes() <= o.MemoryBudget {
		c, err := newCache(ctx, v, l.rule, v.cacheReaders(o.MemoryBudget))
		if err != nil {
			return nil, err
		}
		l.cache = c
	} else {
		l.reader = v.f.NewReader()
	}
	return l, nil
}

// DecodedBytes is what all samples of the view take in memory.
func (v *View) DecodedBytes() int64 { return int64(v.Len()) * int64(v.f.bytesPerSample()) }

// MemoryBytes is about what a loader of the view takes with these options at
// most, the batch that is in use included: either all samples and what decoding
// them takes, or what streaming needs.
func (v *View) MemoryBytes(o LoaderOptions) int64 {
	sample := int64(v.f.bytesPerSample())
	batch := int64(max(1, o.BatchSize)) * 3 / 2 * sample
	if d := v.DecodedBytes(); d <= o.MemoryBudget {
		return d + batch + int64(v.cacheReaders(o.MemoryBudget))*v.f.data.ReaderBytes()
	}
	perRead := int64(v.f.data.SamplesPerRead())
	total := (readAhead+1)*batch + v.f.data.ReaderBytes()
	if perRead > 1 && !o.InOrder {
		total += min(max(int64(v.f.window), 2*perRead*sample)+perRead*sample, v.DecodedBytes())
	}
	return total + 8*int64(v.Len())
}

// InMemory says whether the samples are kept decoded in memory.
func (l *Loader) InMemory() bool { return l.cache != nil }

// Batches is the number of batches in an epoch.
func (l *Loader) Batches() int { return batches(l.view.Len(), l.opts.BatchSize) }

// batches counts batches of a size: a rest of at least half a batch is one of
// its own, and so is one that has no batch before it.
func batches(n, size int) int {
	full, rest := n/size, n%size
	if full == 0 || 2*rest >= size && rest > 0 {
		full++
	}
	return full
}

// bounds are the positions of batch b in the order.
func (l *Loader) bounds(b int) (first, end int) {
	first = b * l.opts.BatchSize
	if b == l.Batches()-1 {
		return first, l.view.Len()
	}
	return first, first + l.opts.BatchSize
}

// MaxBatch is the number of samples in the largest batch, the last one.
func (l *Loader) MaxBatch() int {
	first, end := l.bounds(l.Batches() - 1)
	return max(end-first, min(l.opts.BatchSize, l.view.Len()))
}

// NewBatch makes a batch with room for the largest one.
func (l *Loader) NewBatch() *Batch {
	n := l.MaxBatch()
	return &Batch{
		Samples: make([]int32, 0, n),
		Pixels:  make([]float32, 0, n*l.view.f.PixelsPerSample()),
		Labels:  make([]int16, 0, n*l.view.f.LabelsPerSample()),
	}
}

// Shuffled begins an epoch, from 0 on, whose order depends only on the seed, the
// epoch and the layout of the file, at batch first, from 0 on: an epoch that was
// interrupted goes on where it was. Close the epoch when done, also in the
// middle.
func (l *Loader) Shuffled(ctx context.Context, epoch, first int) *Epoch {
	return l.epoch(ctx, l.view.shuffled(l.opts.Seed, epoch), first)
}

// Sequential begins an epoch in the order of the file, for evaluation, at batch
// first.
func (l *Loader) Sequential(ctx context.Context, first int) *Epoch {
	return l.epoch(ctx, l.view.sequential(), first)
}

// resizeBatch gives b room for n samples.
func (l *Loader) resizeBatch(b *Batch, n int) {
	b.Samples = resize(b.Samples, n)
	b.Pixels = resize(b.Pixels, n*l.view.f.PixelsPerSample())
	b.Labels = resize(b.Labels, n*l.view.f.LabelsPerSample())
}
