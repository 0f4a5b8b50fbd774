package dataset

import (
	"context"
	"fmt"
)

// cache holds all samples of a view, decoded, by their position in it.
type cache struct {
	pixels []float32
	labels []int16
}

// newCache decodes the view.
func newCache(ctx context.Context, v *View, rule labelRule) (*cache, error) {
	np, nl := v.f.PixelsPerSample(), v.f.LabelsPerSample()
	c := &cache{pixels: make([]float32, v.Len()*np), labels: make([]int16, v.Len()*nl)}
	r := v.f.NewReader()
	for i := range v.Len() {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("reading %s into memory: %w", v.f.name, err)
		}
		if err := r.readInto(v.Sample(i), c.pixels[i*np:(i+1)*np], c.labels[i*nl:(i+1)*nl], rule); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// copyTo copies a sample to the k-th place of a batch.
func (c *cache) copyTo(b *Batch, k, position, np, nl int) {
	copy(b.Pixels[k*np:(k+1)*np], c.pixels[position*np:])
	copy(b.Labels[k*nl:(k+1)*nl], c.labels[position*nl:])
}
