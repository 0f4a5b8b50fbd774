package dataset

import (
	"context"
	"fmt"
	"io"
)

// Epoch is one way through a view, batch by batch.
type Epoch struct {
	l    *Loader
	plan plan
	next int
	ctx  context.Context
	// stream reads ahead for views that are not in memory.
	stream *stream
}

func (l *Loader) epoch(ctx context.Context, p plan, first int) *Epoch {
	e := &Epoch{l: l, plan: p, next: max(first, 0), ctx: ctx}
	if l.cache == nil {
		e.stream = newStream(ctx, l, p, e.next)
	}
	return e
}

// Next puts the next batch into b. It returns io.EOF after the last one, an
// *InvalidError for a sample that cannot be read, and the context's error when
// that has ended.
func (e *Epoch) Next(b *Batch) error {
	if err := e.ctx.Err(); err != nil {
		return fmt.Errorf("reading a batch of %s: %w", e.l.view.f.name, err)
	}
	if e.next >= e.l.Batches() {
		return io.EOF
	}
	if e.stream != nil {
		if err := e.stream.next(b); err != nil {
			return err
		}
		e.next++
		return nil
	}
	e.l.fill(b, e.plan, e.next)
	e.next++
	return nil
}

// fill puts batch number n together from memory.
func (l *Loader) fill(b *Batch, p plan, n int) {
	v := l.view
	first, end := l.bounds(n)
	l.resizeBatch(b, end-first)
	b.Index = n
	for k, position := range p.order[first:end] {
		b.Samples[k] = int32(v.Sample(int(position)))
		pixels, labels := l.cache.sample(int(position))
		copy(b.Pixels[k*len(pixels):], pixels)
		copy(b.Labels[k*len(labels):], labels)
	}
}

// Close ends reading ahead and waits until it has stopped.
func (e *Epoch) Close() {
	if e.stream != nil {
		e.stream.close()
	}
}
