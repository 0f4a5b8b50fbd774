package nn

// maxShards is the number of partial weight gradients that are summed one after the other; their sum has a fixed order.
const maxShards = 16

// convStage is a convolution, or a linear layer: a 1×1 convolution over an image of one row, whose pixels are the chips.
type convStage struct {
	stageBase
	in     *source
	kernel int

	packed     *buffer // Weights in panels, for the forward pass.
	packedBack *buffer // Weights turned round, for the gradient of the input.
	bias       *buffer
}

// depth is the number of products in each output.
func (s *convStage) depth() int     { return s.kernel * s.kernel * s.in.stride }
func (s *convStage) depthBack() int { return s.kernel * s.kernel * s.out.stride }
func (s *convStage) pad() int       { return s.kernel / 2 }
func (s *convStage) reads() []*value {
	return s.in.values()
}

// needsInputGradient says that there is something to train before the convolution.
func (s *convStage) needsInputGradient() bool { return !s.in.noGrad() }

func (s *convStage) plan(l *layout) {
	v, pad := s.out, s.pad()
	w := v.width(l.chips)
	perRow := (w + 2*pad) * s.in.stride
	s.packed = l.buffer(s.depth() * v.stride)
	s.bias = l.buffer(v.stride)
	if l.config.Mode == Train {
		perRow += (w+2*pad)*v.stride + w*s.in.stride
	}
	s.blocks = blocksOf(v, rowsWithin(perRow))
	l.needScratch((s.blocks.rows + 2*pad) * perRow)
	if l.config.Mode == Infer {
		return
	}
	if v.norm != nil {
		s.parts = l.buffer(3 * v.stride * s.tasks(l.chips))
	}
	s.shards = l.buffer(s.depth() * v.stride * min(maxShards, s.tasks(l.chips)))
	if s.needsInputGradient() {
		s.packedBack = l.buffer(s.depthBack() * s.in.stride)
	}
}

func (s *convStage) forward(e *executor, worker, task int) {
	chip, y0, y1 := s.blocks.at(task)
	pad, w := s.pad(), s.in.width(e.n)
	row := (w + 2*pad) * s.in.stride
	image := e.scratch(worker)[:(y1-y0+2*pad)*row]
	s.in.fill(e, image, chip, y0-pad, y1+pad, pad)
	v := s.out
	dst := v.rows(v.data.data, e.n, chip, y0, y1)
	c := convolution{
		kernel: s.kernel, width: w, inStride: s.in.stride, outStride: v.stride,
		weights: s.packed.data, bias: s.bias.data, lo: s.floor(e),
	}
	c.rows(e.kernels, &e.tiles[worker].conv, dst, image, y1-y0)
	if s.parts != nil {
		p := partOf(s.parts, task, 3*v.stride)
		shift := p[2*v.stride:]
		copy(shift, dst[:v.stride])
		e.kernels.moments(p[:v.stride], p[v.stride:2*v.stride], shift, dst, (y1-y0)*w, v.stride)
	}
}

// floor is what the stored values are clamped to: when training they are stored raw, and read with the ReLU.
func (s *convStage) floor(e *executor) float32 {
	if e.layout.config.Mode == Train {
		return negativeInfinity
	}
	return s.out.coefs.lo
}

// partOf gives a task's part of a buffer of partial sums.
func partOf(b *buffer, task, size int) []float32 { return b.data[task*size : (task+1)*size] }

// shardCount is the number of partial weight gradients for n chips.
func (s *convStage) shardCount(n int) int { return min(maxShards, s.tasks(n)) }

// backward works on one shard: all its tasks in ascending order.
func (s *convStage) backward(e *executor, worker, shard int) {
	count, tasks := s.shardCount(e.n), s.tasks(e.n)
	weights := partOf(s.shards, shard, s.depth()*s.out.stride)
	clear(weights)
	for task := shard * tasks / count; task < (shard+1)*tasks/count; task++ {
		s.backwardTask(e, worker, task, weights)
	}
}

func (s *convStage) backwardTask(e *executor, worker, task int, weights []float32) {
	chip, y0, y1 := s.blocks.at(task)
	v, pad, w, rows := s.out, s.pad(), s.in.width(e.n), y1-y0
	outRow, inRow := (w+2*pad)*v.stride, (w+2*pad)*s.in.stride
	scratch := e.scratch(worker)
	dz := scratch[:(rows+2*pad)*outRow]
	image := scratch[len(dz):][:(rows+2*pad)*inRow]

	s.fillGradient(e, dz, chip, y0-pad, y1+pad)
	s.in.fill(e, image, chip, y0-pad, y1+pad, pad)
	s.weightGradient(e, worker, weights, image, dz, rows, w)
	if !s.needsInputGradient() {
		return
	}
	c := convolution{
		kernel: s.kernel, width: w, inStride: v.stride, outStride: s.in.stride,
		weights: s.packedBack.data, bias: e.zeros, lo: negativeInfinity,
	}
	if x := s.in.x; s.in.kind == sourcePlain && !s.targets[0].add {
		c.rows(e.kernels, &e.tiles[worker].conv, x.rows(x.grad.data, e.n, chip, y0, y1), dz, rows)
	} else {
		dx := scratch[len(dz)+len(image):][:rows*w*s.in.stride]
		c.rows(e.kernels, &e.tiles[worker].conv, dx, dz, rows)
		s.in.scatter(e, s.targets, dx, chip, y0, y1)
	}
	s.in.sumTargets(e, s.targets, task, chip, y0, y1)
}

// fillGradient writes the gradient of the convolution's result for rows y0 to y1, with zeros around the image.
func (s *convStage) fillGradient(e *executor, dst []float32, chip, y0, y1 int) {
	v, pad := s.out, s.pad()
	w := v.width(e.n)
	margin, row := pad*v.stride, (w+2*pad)*v.stride
	for y := y0; y < y1; y++ {
		d := dst[(y-y0)*row:][:row]
		if y < 0 || y >= v.h {
			clear(d)
			continue
		}
		clear(d[:margin])
		e.kernels.gradient(d[margin:], v.stride, v.rows(v.grad.data, e.n, chip, y, y+1), v.rows(v.data.data, e.n, chip, y, y+1), &v.coefs.gradConstants, w, v.stride)
		clear(d[row-margin:])
	}
}

// weightGradient adds the products of image and gradient to weights, which has a row for each input of an output.
func (s *convStage) weightGradient(e *executor, worker int, weights, image, dz []float32, rows, w int) {
	v, pad := s.out, s.pad()
	outRow, inRow := (w+2*pad)*v.stride, (w+2*pad)*s.in.stride
	t := &e.tiles[worker].wgrad
	t.rows, t.width = rows, w
	t.aRow, t.aPixel, t.bRow, t.bPixel, t.cRow = inRow, s.in.stride, outRow, v.stride, v.stride
	depth := s.kernel * s.in.stride // Of one row of the kernel.
	inner := dz[pad*outRow+pad*v.stride:]
	for j := 0; j < v.stride; {
		groups := min((v.stride-j)/lanes, 2)
		t.b = inner[j:]
		for ky := range s.kernel {
			eachTile(depth, e.kernels.wgradMR[groups], func(k, size int) {
				t.a = image[ky*inRow+k:]
				t.c = weights[(ky*depth+k)*v.stride+j:]
				e.kernels.wgrad(t, size, groups)
			})
		}
		j += groups * lanes
	}
}

// eachTile cuts n into parts of at most size, as even as can be.
func eachTile(n, size int, do func(at, size int)) {
	count := (n + size - 1) / size
	for i := range count {
		at := i * n / count
		do(at, (i+1)*n/count-at)
	}
}

// convolution is what a convolution does to rows that were filled in with zeros around them.
type convolution struct {
	kernel, width       int
	inStride, outStride int
	weights, bias       []float32
	lo                  float32
}

// rows computes count dense rows of dst from count + 2·pad padded rows of src.
func (c *convolution) rows(k *kernels, t *convTile, dst, src []float32, count int) {
	inRow := (c.width + c.kernel - 1) * c.inStride
	t.rows, t.k = c.kernel, c.kernel*c.inStride
	t.aRow, t.aPixel, t.cPixel, t.lo = inRow, c.inStride, c.outStride, c.lo
	for j := 0; j < c.outStride; {
		groups := min((c.outStride-j)/lanes, 2)
		t.b, t.bRow, t.bias = c.weights[j*t.rows*t.k:], groups*lanes, c.bias[j:]
		for y := range count {
			eachTile(c.width, k.convMR[groups], func(x, size int) {
				t.a = src[y*inRow+x*c.inStride:]
				t.c = dst[(y*c.width+x)*c.outStride+j:]
				k.conv(t, size, groups)
			})
		}
		j += groups * lanes
	}
}
