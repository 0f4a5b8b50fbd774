package nn

// sourceKind says how the image that a convolution reads comes from stored values.
type sourceKind int

const (
	sourceInput  sourceKind = iota // The batch's pixels, normalised.
	sourcePlain                    // A value as it is.
	sourcePooled                   // A value, 2×2 max pooled.
	sourceUpcat                    // A value doubled, and behind it another.
)

// source is an image that is made row by row where it is read.
type source struct {
	kind     sourceKind
	x, y     *value // y is the second part of sourceUpcat.
	h, w     int
	stride   int
	segments []segment
	vector   bool
}

// segment is a run of real channels in a source's stride.
type segment struct{ at, channels int }

func (l *layout) source(n *Node) *source {
	if v := l.of[n.ID]; v != nil {
		return plainSource(v)
	}
	switch n.Kind {
	case KindMaxPool:
		x := l.image(n.Inputs[0])
		return &source{kind: sourcePooled, x: x, h: x.h / 2, w: x.w / 2, stride: x.stride, segments: []segment{{0, n.Channels}}}
	case KindUpConcat:
		x, y := l.image(n.Inputs[0]), l.image(n.Inputs[1])
		return &source{kind: sourceUpcat, x: x, y: y, h: y.h, w: y.w, stride: x.stride + y.stride,
			segments: []segment{{0, x.node.Channels}, {x.stride, y.node.Channels}}}
	default:
		return &source{kind: sourceInput, h: l.config.Height, w: l.config.Width, stride: n.Channels, segments: []segment{{0, n.Channels}}}
	}
}

func plainSource(v *value) *source {
	s := &source{kind: sourcePlain, x: v, h: v.h, w: v.w, stride: v.stride, vector: v.vector}
	if v.node.Kind != KindConcat {
		s.segments = []segment{{0, v.node.Channels}}
		return s
	}
	at := 0
	for _, in := range v.node.Inputs {
		s.segments = append(s.segments, segment{at, in.Channels})
		at += toLanes(in.Channels)
	}
	return s
}

// values are those that the source reads, in the order of their targets.
func (s *source) values() []*value {
	switch s.kind {
	case sourceInput:
		return nil
	case sourceUpcat:
		return []*value{s.x, s.y}
	default:
		return []*value{s.x}
	}
}

func (s *source) width(n int) int {
	if s.vector {
		return n
	}
	return s.w
}

// noGrad says that there is nothing to train before the source.
func (s *source) noGrad() bool {
	for _, v := range s.values() {
		if !v.noGrad {
			return false
		}
	}
	return true
}

// fill writes rows y0 to y1 of a chip with pad zero pixels at each end of a row; rows outside the image are zero.
func (s *source) fill(e *executor, dst []float32, chip, y0, y1, pad int) {
	w := s.width(e.n)
	margin, row := pad*s.stride, (w+2*pad)*s.stride
	for y := y0; y < y1; y++ {
		d := dst[(y-y0)*row:][:row]
		if y < 0 || y >= s.h {
			clear(d)
			continue
		}
		clear(d[:margin])
		s.fillRow(e, d[margin:row-margin], chip, y, w)
		clear(d[row-margin:])
	}
}

func (s *source) fillRow(e *executor, dst []float32, chip, y, w int) {
	switch s.kind {
	case sourceInput:
		e.normalise(dst, chip, y)
	case sourcePlain:
		s.x.show(e, dst, s.stride, chip, y)
	case sourcePooled:
		k := &s.x.coefs
		above, below := s.x.rows(s.x.data.data, e.n, chip, 2*y, 2*y+1), s.x.rows(s.x.data.data, e.n, chip, 2*y+1, 2*y+2)
		e.kernels.pool(dst, s.stride, above, below, k.a, k.b, k.lo, w, s.stride)
	case sourceUpcat:
		s.x.show(e, dst, 2*s.stride, chip, y/2)
		s.x.show(e, dst[s.stride:], 2*s.stride, chip, y/2)
		s.y.show(e, dst[s.x.stride:], s.stride, chip, y)
	}
}

// show writes a row of what readers see of a value.
func (v *value) show(e *executor, dst []float32, stride, chip, y int) {
	k := &v.coefs
	e.kernels.affine(dst, stride, v.rows(v.data.data, e.n, chip, y, y+1), v.stride, k.a, k.b, k.lo, v.width(e.n), v.stride)
}

// normalise writes a row of the batch's pixels, (pixel − mean) / deviation, with the bands side by side.
func (e *executor) normalise(dst []float32, chip, y int) {
	bands, h, w := e.model.Graph.Bands, e.layout.config.Height, e.layout.config.Width
	for b := range bands {
		mean, scale := e.model.Mean[b], 1/e.model.Deviation[b]
		src := e.pixels[((chip*bands+b)*h+y)*w:][:w]
		for x, p := range src {
			dst[x*bands+b] = float32((p - mean) * scale)
		}
	}
}

// scatter gives the gradient of rows y0 to y1 (dense) to the values that the source is made of.
func (s *source) scatter(e *executor, targets []*target, dx []float32, chip, y0, y1 int) {
	w := s.width(e.n)
	row := w * s.stride
	switch s.kind {
	case sourcePlain:
		targets[0].put(e, dx, s.stride, chip, y0, y1)
	case sourcePooled:
		for y := y0; y < y1; y++ {
			s.scatterPooled(e, targets[0], dx[(y-y0)*row:], chip, y, w)
		}
	case sourceUpcat:
		if x := targets[0]; !x.value.noGrad {
			for y := y0; y < y1; y += 2 {
				above, below := dx[(y-y0)*row:], dx[(y-y0+1)*row:]
				e.kernels.downSum(x.value.rows(x.value.grad.data, e.n, chip, y/2, y/2+1), above, below, s.stride, w/2, s.x.stride, x.add)
			}
		}
		targets[1].put(e, dx[s.x.stride:], s.stride, chip, y0, y1)
	}
}

func (s *source) scatterPooled(e *executor, t *target, dy []float32, chip, y, w int) {
	v := t.value
	if v.noGrad {
		return
	}
	k := &v.coefs
	row := func(data []float32, y int) []float32 { return v.rows(data, e.n, chip, y, y+1) }
	e.kernels.poolBack(row(v.grad.data, 2*y), row(v.grad.data, 2*y+1), row(v.data.data, 2*y), row(v.data.data, 2*y+1),
		k.a, k.b, dy, s.stride, w, v.stride, t.add)
}

// put gives a dense or strided gradient of rows to the target.
func (t *target) put(e *executor, dx []float32, stride, chip, y0, y1 int) {
	v := t.value
	if v.noGrad {
		return
	}
	e.kernels.put(v.rows(v.grad.data, e.n, chip, y0, y1), v.stride, dx, stride, (y1-y0)*v.width(e.n), v.stride, t.add)
}

// sourceRows gives the rows of each of the source's values that belong to rows y0 to y1 of the source.
func (s *source) sourceRows(i, y0, y1 int) (int, int) {
	switch {
	case s.kind == sourcePooled:
		return 2 * y0, 2 * y1
	case s.kind == sourceUpcat && i == 0:
		return y0 / 2, y1 / 2
	default:
		return y0, y1
	}
}

// sumTargets computes the partial sums of the targets' gradients after the last contribution to their rows.
func (s *source) sumTargets(e *executor, targets []*target, task, chip, y0, y1 int) {
	for i, t := range targets {
		r0, r1 := s.sourceRows(i, y0, y1)
		t.sum(e, task, chip, r0, r1)
	}
}
