package dataset

import "fmt"

// windowed is the source for files whose chunks hold several samples, shuffled
// in windows. It decodes a window's chunks into slots, gives samples out in the
// shuffled order, and as slots become free decodes the chunks of the window that
// follows, so that decompressing goes on beside training. Each chunk is
// decompressed once.
type windowed struct {
	l    *Loader
	plan plan
	r    *Reader
	slots
	// at is, by position in the view, the slot of a sample, or one of the two below.
	at   []int32
	free []int32
	// next and chunk are the window, and the chunk in it, to decode next.
	next, chunk int
	// current is the window that samples are given out of.
	current int
}

const (
	notDecoded = -1
	notWanted  = -2 // given out before the epoch was interrupted
)

// slots hold decoded samples.
type slots struct {
	count  int
	pixels []float32
	labels []int16
}

// newWindowed begins at a place in the order.
func newWindowed(l *Loader, p plan, place int) *windowed {
	w := &windowed{l: l, plan: p, r: l.reader, slots: l.windowSlots(p), at: make([]int32, l.view.Len())}
	for i := range w.at {
		w.at[i] = notDecoded
	}
	for i := range w.count {
		w.free = append(w.free, int32(w.count-1-i))
	}
	for w.current < len(p.windows)-1 && p.windows[w.current].end <= place {
		w.current++
	}
	w.next = w.current
	for _, position := range p.order[p.windows[w.current].first:place] {
		w.at[position] = notWanted
	}
	return w
}

// windowSlots has room for the largest window and one chunk more. It is made
// once and used in each epoch.
func (l *Loader) windowSlots(p plan) slots {
	most := 0
	for _, w := range p.windows {
		most = max(most, w.end-w.first)
	}
	n := min(most+l.view.f.data.SamplesPerRead(), l.view.Len())
	if l.held.count < n {
		l.held = slots{count: n, pixels: make([]float32, n*l.view.f.PixelsPerSample()), labels: make([]int16, n*l.view.f.LabelsPerSample())}
	}
	return l.held
}

// slot is where sample number k of the slots is.
func (w *windowed) slot(k int32) (pixels []float32, labels []int16) {
	np, nl := w.l.view.f.PixelsPerSample(), w.l.view.f.LabelsPerSample()
	return w.pixels[int(k)*np : (int(k)+1)*np], w.labels[int(k)*nl : (int(k)+1)*nl]
}

// read gives the sample at a place, which must be the one after the last.
func (w *windowed) read(place int, pixels []float32, labels []int16) error {
	if place >= w.plan.windows[w.current].end {
		w.current++
	}
	for w.next <= w.current {
		if err := w.decode(); err != nil {
			return err
		}
	}
	position := w.plan.order[place]
	k := w.at[position]
	if k < 0 {
		return fmt.Errorf("reading %s: sample %d is not where the plan has it", w.l.view.f.name, w.l.view.Sample(int(position)))
	}
	p, l := w.slot(k)
	copy(pixels, p)
	copy(labels, l)
	w.at[position] = notDecoded
	w.free = append(w.free, k)
	return w.ahead()
}

// ahead decodes a chunk of a later window if there is room for it.
func (w *windowed) ahead() error {
	if w.next >= len(w.plan.windows) {
		return nil
	}
	if c := w.plan.windows[w.next].chunks[w.chunk]; len(w.free) < c.end-c.first {
		return nil
	}
	return w.decode()
}

// decode reads the next chunk into free slots.
func (w *windowed) decode() error {
	win := w.plan.windows[w.next]
	c := win.chunks[w.chunk]
	if w.chunk++; w.chunk == len(win.chunks) {
		w.next, w.chunk = w.next+1, 0
	}
	for position := c.first; position < c.end; position++ {
		if w.at[position] == notWanted {
			continue
		}
		if len(w.free) == 0 {
			return fmt.Errorf("reading %s: a window is larger than its plan", w.l.view.f.name)
		}
		k := w.free[len(w.free)-1]
		w.free = w.free[:len(w.free)-1]
		pixels, labels := w.slot(k)
		if err := w.r.readInto(w.l.view.Sample(position), pixels, labels, w.l.rule); err != nil {
			return err
		}
		w.at[position] = k
	}
	return nil
}
