package nn

// panelOffset is where weight (k, j) lies among packed weights of depth products and stride outputs: panels of 2·lanes outputs (the last
// may have lanes), each with depth rows.
func panelOffset(k, j, depth, stride int) int {
	panel := j / (2 * lanes) * (2 * lanes)
	width := min(stride-panel, 2*lanes)
	return panel*depth + k*width + j - panel
}

// pack brings weights ({kernel, kernel, in, out}) into panels; channels that are only there for the stride get zeros.
func (s *convStage) pack(weights, bias []float32) {
	clear(s.packed.data)
	s.eachWeight(func(ky, kx, in, out, at int) {
		k := (ky*s.kernel+kx)*s.in.stride + in
		s.packed.data[panelOffset(k, out, s.depth(), s.out.stride)] = weights[at]
	})
	clear(s.bias.data)
	copy(s.bias.data, bias)
	if s.packedBack == nil {
		return
	}
	clear(s.packedBack.data)
	last := s.kernel - 1
	s.eachWeight(func(ky, kx, in, out, at int) {
		k := ((last-ky)*s.kernel+last-kx)*s.out.stride + out
		s.packedBack.data[panelOffset(k, in, s.depthBack(), s.in.stride)] = weights[at]
	})
}

// eachWeight calls do for each weight with its position among the parameters; in counts the source's channels with those in between that
// are only there for the stride.
func (s *convStage) eachWeight(do func(ky, kx, in, out, at int)) {
	at := 0
	for ky := range s.kernel {
		for kx := range s.kernel {
			for _, g := range s.in.segments {
				for c := range g.channels {
					for out := range s.out.node.Channels {
						do(ky, kx, g.at+c, out, at)
						at++
					}
				}
			}
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
