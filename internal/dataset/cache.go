package dataset

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// cache holds all samples of a view, decoded, by their position in it.
type cache struct {
	v      *View
	pixels []float32
	labels []int16
}

// cacheReaders is how many readers decode a view into memory: one for each core,
// as far as what the samples leave of the budget is enough for their chunks.
func (v *View) cacheReaders(budget int64) int {
	spare := (budget - v.DecodedBytes()) / max(1, v.f.data.ReaderBytes())
	return int(max(1, min(spare, int64(runtime.GOMAXPROCS(0)))))
}

// newCache decodes the view, a chunk at a time for each reader.
func newCache(ctx context.Context, v *View, rule labelRule, readers int) (*cache, error) {
	c := &cache{v: v, pixels: make([]float32, v.Len()*v.f.PixelsPerSample()), labels: make([]int16, v.Len()*v.f.LabelsPerSample())}
	spans := v.chunks(v.f.data.SamplesPerRead())
	errs := make([]error, len(spans))
	var next, failed atomic.Int64
	var wait sync.WaitGroup
	for range min(readers, len(spans)) {
		wait.Go(func() {
			r := v.f.NewReader()
			for failed.Load() == 0 {
				i := int(next.Add(1)) - 1
				if i >= len(spans) {
					return
				}
				if errs[i] = c.decode(ctx, r, spans[i], rule); errs[i] != nil {
					failed.Store(1)
				}
			}
		})
	}
	wait.Wait()
	// Spans are begun in order, so the first error is the same for any number of
	// readers.
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// decode reads the samples of a span.
func (c *cache) decode(ctx context.Context, r *Reader, s span, rule labelRule) error {
	for i := s.first; i < s.end; i++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading %s into memory: %w", c.v.f.name, err)
		}
		pixels, labels := c.sample(i)
		if err := r.readInto(c.v.Sample(i), pixels, labels, rule); err != nil {
			return err
		}
	}
	return nil
}

// sample is where the sample at a position is.
func (c *cache) sample(position int) (pixels []float32, labels []int16) {
	np, nl := c.v.f.PixelsPerSample(), c.v.f.LabelsPerSample()
	return c.pixels[position*np : (position+1)*np], c.labels[position*nl : (position+1)*nl]
}
