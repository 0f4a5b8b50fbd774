package nn

// panelOffset is where weight (k, j) lies among packed weights of depth products and stride outputs: panels of 2·lanes outputs (the last
// may have lanes), each with depth rows.
func panelOffset(k, j, depth, stride int) int {
	panel := j / (2 * lanes) * (2 * lanes)
	width := min(stride-panel, 2*lanes)
	return panel*depth + k*width + j - panel
}

// pack brings row ky of the kernel of weights ({kernel, kernel, in, out}) into panels. Channels that are only there for the stride have
// zeros, which the buffers have from the start.
func (s *convStage) pack(weights []float32, ky int) {
	out, real := s.out.node.Channels, channels(s.in.segments)
	for kx := range s.kernel {
		row := weights[(ky*s.kernel+kx)*real*out:]
		for _, g := range s.in.segments {
			for c := range g.channels {
				s.packRow(row[:out], (ky*s.kernel+kx)*s.in.stride+g.at+c)
				row = row[out:]
			}
		}
	}
	if s.packedBack == nil {
		return
	}
	last := s.kernel - 1
	for kx := range s.kernel {
		s.packBack(weights[(ky*s.kernel+kx)*real*out:], ((last-ky)*s.kernel+last-kx)*s.out.stride)
	}
}

func (s *convStage) packRow(row []float32, k int) {
	for j := 0; j < len(row); j += 2 * lanes {
		copy(s.packed.data[panelOffset(k, j, s.depth(), s.out.stride):], row[j:min(j+2*lanes, len(row))])
	}
}

// packBack turns one position of the kernel round: its outputs become rows from k on, its inputs columns.
func (s *convStage) packBack(weights []float32, k int) {
	out, stride := s.out.node.Channels, s.in.stride
	for _, g := range s.in.segments {
		for c := range g.channels {
			column := panelOffset(k, g.at+c, s.depthBack(), stride)
			width := min(stride-(g.at+c)/(2*lanes)*(2*lanes), 2*lanes)
			for _, w := range weights[:out] {
				s.packedBack.data[column] = w
				column += width
			}
			weights = weights[out:]
		}
	}
}

// reduce sums the shards of one part of the weight gradients in ascending order, and takes them over into the gradients.
func (s *convStage) reduce(e *executor, part int) {
	count := s.shardCount(e.n)
	size := s.depth() * s.out.stride
	per := s.kernel * s.in.stride * s.out.stride // A row of the kernel.
	from, to := part*per, (part+1)*per
	sum := s.shards.data[from:to]
	for i := 1; i < count; i++ {
		e.kernels.put(sum, lanes, s.shards.data[i*size+from:i*size+to], lanes, per/lanes, lanes, true)
	}
	n := s.out.node
	gradient := e.gradientOf(n.Weight)
	if s.in.stride == channels(s.in.segments) && s.out.stride == n.Channels {
		copy(gradient[from:to], sum)
		return
	}
	at := part * s.kernel * channels(s.in.segments) * n.Channels
	for kx := range s.kernel {
		for _, g := range s.in.segments {
			for c := range g.channels {
				row := (kx*s.in.stride + g.at + c) * s.out.stride
				at += copy(gradient[at:at+n.Channels], sum[row:])
			}
		}
	}
}

func channels(segments []segment) int {
	n := 0
	for _, g := range segments {
		n += g.channels
	}
	return n
}
