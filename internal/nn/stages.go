package nn

// stage is a step of the forward pass that stores one value, with its step of the backward pass.
type stage interface {
	common() *stageBase
	// reads are the values that the stage needs, in the order of its targets.
	reads() []*value
	// plan decides blocks and buffers and says what scratch is needed.
	plan(l *layout)
	// forward and backward work on one task each.
	forward(e *executor, worker, task int)
	backward(e *executor, worker, task int)
}

// stageBase is what all stages have.
type stageBase struct {
	out     *value
	blocks  blocks
	byChip  bool    // A task for each chip, though the value is a vector.
	parts   *buffer // Partial moments of out, by task.
	shards  *buffer // Partial weight gradients, by shard.
	targets []*target

	forwardTask, backwardTask, reduceTask func(worker, task int)
}

func (b *stageBase) common() *stageBase { return b }

// tasks of a pass over n chips.
func (b *stageBase) tasks(n int) int {
	if b.byChip {
		return n
	}
	return b.out.chips(n) * b.blocks.perChip
}

// copyStage makes an image real that several nodes read.
type copyStage struct {
	stageBase
	in *source
}

func (s *copyStage) reads() []*value { return s.in.values() }

func (s *copyStage) plan(l *layout) {
	s.blocks = blocksOf(s.out, rowsWithin(s.out.w*s.out.stride))
	l.needScratch(s.in.w * s.in.stride)
}

func (s *copyStage) forward(e *executor, worker, task int) {
	chip, y0, y1 := s.blocks.at(task)
	dst := s.out.rows(s.out.data.data, e.n, chip, y0, y1)
	if s.in.stride == s.out.stride {
		s.in.fill(e, dst, chip, y0, y1, 0)
		return
	}
	// Only the input's bands are not rounded up to lanes.
	clear(dst)
	w, bands := s.in.width(e.n), s.in.stride
	scratch := e.scratch(worker)[:w*bands]
	for y := y0; y < y1; y++ {
		s.in.fill(e, scratch, chip, y, y+1, 0)
		for x := range w {
			copy(dst[((y-y0)*w+x)*s.out.stride:], scratch[x*bands:(x+1)*bands])
		}
	}
}

func (s *copyStage) backward(e *executor, _, task int) {
	if s.out.noGrad {
		return
	}
	chip, y0, y1 := s.blocks.at(task)
	s.in.scatter(e, s.targets, s.out.rows(s.out.grad.data, e.n, chip, y0, y1), chip, y0, y1)
	s.in.sumTargets(e, s.targets, task, chip, y0, y1)
}

// addStage is the sum of two images, and the ReLU behind it if there is one.
type addStage struct {
	stageBase
	x, y *value
}

func (s *addStage) reads() []*value { return []*value{s.x, s.y} }

func (s *addStage) plan(l *layout) {
	s.blocks = blocksOf(s.out, rowsWithin(s.out.w*s.out.stride))
	l.needScratch((s.blocks.rows) * s.out.w * s.out.stride)
}

func (s *addStage) forward(e *executor, _, task int) {
	chip, y0, y1 := s.blocks.at(task)
	v := s.out
	n := (y1 - y0) * v.w
	dst := v.rows(v.data.data, e.n, chip, y0, y1)
	x, y := &s.x.coefs, &s.y.coefs
	e.kernels.affine(dst, v.stride, s.x.rows(s.x.data.data, e.n, chip, y0, y1), v.stride, x.a, x.b, x.lo, n, v.stride)
	e.kernels.affineAdd(dst, s.y.rows(s.y.data.data, e.n, chip, y0, y1), y.a, y.b, y.lo, v.coefs.lo, n, v.stride)
}

func (s *addStage) backward(e *executor, worker, task int) {
	if s.out.noGrad {
		return
	}
	chip, y0, y1 := s.blocks.at(task)
	v := s.out
	n := (y1 - y0) * v.w
	g := e.scratch(worker)[:n*v.stride]
	e.kernels.gradient(g, v.stride, v.rows(v.grad.data, e.n, chip, y0, y1), v.rows(v.data.data, e.n, chip, y0, y1), &v.coefs.gradConstants, n, v.stride)
	for _, t := range s.targets {
		t.put(e, g, v.stride, chip, y0, y1)
	}
	for _, t := range s.targets {
		t.sum(e, task, chip, y0, y1)
	}
}
