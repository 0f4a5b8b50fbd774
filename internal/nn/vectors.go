package nn

import "math"

// meanStage is the mean of each channel over the image.
type meanStage struct {
	stageBase
	in *source
}

func (s *meanStage) reads() []*value { return s.in.values() }

func (s *meanStage) plan(l *layout) {
	s.byChip = true
	s.blocks = blocks{height: s.in.h, rows: s.in.h, perChip: 1}
	l.needScratch(s.in.h * s.in.w * s.out.stride)
}

func (s *meanStage) forward(e *executor, worker, chip int) {
	v := s.out
	n := s.in.h * s.in.w
	image := e.scratch(worker)[:n*s.in.stride]
	s.in.fill(e, image, chip, 0, s.in.h, 0)
	sum := v.data.data[chip*v.stride:][:v.stride]
	clear(sum)
	for p := range n {
		e.kernels.put(sum, v.stride, image[p*s.in.stride:], s.in.stride, 1, s.in.stride, true)
	}
	for c := range sum {
		sum[c] = float32(sum[c] * (1 / float32(n)))
	}
}

func (s *meanStage) backward(e *executor, worker, chip int) {
	v := s.out
	n := s.in.h * s.in.w
	dx := e.scratch(worker)[:n*v.stride]
	first := dx[:v.stride]
	for c, g := range v.grad.data[chip*v.stride:][:v.stride] {
		first[c] = float32(g * (1 / float32(n)))
	}
	for p := 1; p < n; p++ {
		copy(dx[p*v.stride:], first)
	}
	s.in.scatter(e, s.targets, dx, chip, 0, s.in.h)
	s.in.sumTargets(e, s.targets, chip, chip, 0, s.in.h)
}

// concatStage puts vectors behind each other, each at a multiple of lanes.
type concatStage struct {
	stageBase
	parts []*value
}

func (s *concatStage) reads() []*value { return s.parts }
func (s *concatStage) plan(*layout)    { s.blocks = blocksOf(s.out, 2) }

func (s *concatStage) forward(e *executor, _, _ int) {
	at := 0
	for _, p := range s.parts {
		p.show(e, s.out.data.data[at:], s.out.stride, 0, 0)
		at += p.stride
	}
}

func (s *concatStage) backward(e *executor, _, task int) {
	at := 0
	for i, p := range s.parts {
		t := s.targets[i]
		t.put(e, s.out.grad.data[at:], s.out.stride, 0, 0, 1)
		t.sum(e, task, 0, 0, 1)
		at += p.stride
	}
}

// bandStatsStage is mean and population deviation of each normalised band.
type bandStatsStage struct{ stageBase }

func (s *bandStatsStage) reads() []*value              { return nil }
func (s *bandStatsStage) backward(*executor, int, int) {}

func (s *bandStatsStage) plan(*layout) {
	s.byChip = true
	s.blocks = blocksOf(s.out, 2)
}

func (s *bandStatsStage) forward(e *executor, _, chip int) {
	bands, n := e.model.Graph.Bands, e.layout.config.Height*e.layout.config.Width
	out := s.out.data.data[chip*s.out.stride:][:s.out.stride]
	clear(out)
	for b := range bands {
		mean, deviation := meanAndDeviation(e.pixels[(chip*bands+b)*n:][:n])
		scale := 1 / float64(e.model.Deviation[b])
		out[b] = float32((mean - float64(e.model.Mean[b])) * scale)
		out[bands+b] = float32(deviation * scale)
	}
}

// meanAndDeviation takes two passes in float64, in the order of the values.
func meanAndDeviation(values []float32) (mean, deviation float64) {
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	mean = sum / float64(len(values))
	square := 0.0
	for _, v := range values {
		d := float64(v) - mean
		square += float64(d * d)
	}
	return mean, math.Sqrt(square / float64(len(values)))
}
