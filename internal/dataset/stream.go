package dataset

import (
	"context"
	"fmt"
	"io"
)

// readAhead is how many batches wait at most while the one before is in use.
const readAhead = 2

// stream reads batches from the file in a goroutine of its own, so that the
// next one is there when the one before has been trained on.
type stream struct {
	l      *Loader
	plan   plan
	ready  chan *Batch
	free   chan *Batch
	err    error // set before ready is closed
	cancel context.CancelFunc
	name   string
}

func newStream(ctx context.Context, l *Loader, p plan, first int) *stream {
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{l: l, plan: p, ready: make(chan *Batch, readAhead), free: make(chan *Batch, readAhead), cancel: cancel, name: l.view.f.name}
	for _, b := range l.aheadBatches() {
		s.free <- b
	}
	go s.run(ctx, first)
	return s
}

// aheadBatches are those that are read ahead, made once.
func (l *Loader) aheadBatches() []*Batch {
	for len(l.ahead) < readAhead {
		l.ahead = append(l.ahead, l.NewBatch())
	}
	return l.ahead
}

// next exchanges b for the next batch that was read.
func (s *stream) next(b *Batch) error {
	read, ok := <-s.ready
	if !ok {
		if s.err != nil {
			return s.err
		}
		return io.EOF
	}
	*b, *read = *read, *b
	s.free <- read
	return nil
}

func (s *stream) close() {
	s.cancel()
	for range s.ready {
		// Empty it until run has closed it.
	}
}

// run reads the batches from first on.
func (s *stream) run(ctx context.Context, first int) {
	defer close(s.ready)
	if first >= s.l.Batches() {
		return
	}
	place, _ := s.l.bounds(first)
	source := newSource(s.l, s.plan, place)
	for n := first; n < s.l.Batches(); n++ {
		var b *Batch
		select {
		case b = <-s.free:
		case <-ctx.Done():
			s.err = fmt.Errorf("reading a batch of %s: %w", s.name, ctx.Err())
			return
		}
		if s.err = s.read(ctx, source, b, n); s.err != nil {
			return
		}
		s.ready <- b
	}
}

// read puts batch number n together.
func (s *stream) read(ctx context.Context, source source, b *Batch, n int) error {
	v := s.l.view
	np, nl := v.f.PixelsPerSample(), v.f.LabelsPerSample()
	first, end := s.l.bounds(n)
	s.l.resizeBatch(b, end-first)
	b.Index = n
	for k := range end - first {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading a batch of %s: %w", s.name, err)
		}
		b.Samples[k] = int32(v.Sample(int(s.plan.order[first+k])))
		if err := source.read(first+k, b.Pixels[k*np:(k+1)*np], b.Labels[k*nl:(k+1)*nl]); err != nil {
			return err
		}
	}
	return nil
}

// source reads the samples of a plan one after the other.
type source interface {
	// read reads the sample at a place in the order: the one that the source was
	// made for first, then the next, and so on.
	read(place int, pixels []float32, labels []int16) error
}

func newSource(l *Loader, p plan, place int) source {
	if len(p.windows) > 0 {
		return newWindowed(l, p, place)
	}
	return &direct{l: l, order: p.order, r: l.reader}
}

// direct reads each sample from the file when it is due.
type direct struct {
	l     *Loader
	order []int32
	r     *Reader
}

func (d *direct) read(place int, pixels []float32, labels []int16) error {
	return d.r.readInto(d.l.view.Sample(int(d.order[place])), pixels, labels, d.l.rule)
}
