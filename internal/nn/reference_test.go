package nn

import "math"

// reference computes a graph node by node in float64, as it is written down, with nothing fused. It is what plans are tested against.
type reference struct {
	graph         *Graph
	params        [][]float64
	mean, dev     []float64
	buffers       [][]float64 // Running statistics, or nil for those of the batch.
	n, h, w       int
	pixels        []float32
	images        [][]float64 // By node.
	batchMean     map[int][]float64
	batchVariance map[int][]float64
}

func newReference(m *Model, n, h, w int, pixels []float32, running bool) *reference {
	r := &reference{graph: m.Graph, params: widen(m.Params), n: n, h: h, w: w, pixels: pixels, mean: widen([][]float32{m.Mean})[0], dev: widen([][]float32{m.Deviation})[0]}
	if running {
		r.buffers = widen(m.Buffers)
	}
	return r
}

func widen(all [][]float32) [][]float64 {
	var out [][]float64
	for _, p := range all {
		q := make([]float64, len(p))
		for i, v := range p {
			q[i] = float64(v)
		}
		out = append(out, q)
	}
	return out
}

func (r *reference) size(n *Node) (h, w int) {
	if n.Vector {
		return 1, 1
	}
	return r.h >> n.Scale, r.w >> n.Scale
}

// logits computes everything; the result is labels × classes.
func (r *reference) logits() []float64 {
	r.images = make([][]float64, len(r.graph.Nodes))
	r.batchMean, r.batchVariance = map[int][]float64{}, map[int][]float64{}
	for _, n := range r.graph.Nodes {
		h, w := r.size(n)
		out := make([]float64, r.n*h*w*n.Channels)
		r.images[n.ID] = out
		r.node(n, out, h, w)
	}
	return r.images[r.graph.Logits.ID]
}

func (r *reference) node(n *Node, out []float64, h, w int) {
	var x, y []float64
	if len(n.Inputs) > 0 {
		x = r.images[n.Inputs[0].ID]
	}
	if len(n.Inputs) > 1 {
		y = r.images[n.Inputs[1].ID]
	}
	c := n.Channels
	switch n.Kind {
	case KindInput:
		for i := range out {
			p, b := i/c, i%c
			chip, at := p/(h*w), p%(h*w)
			out[i] = (float64(r.pixels[(chip*c+b)*h*w+at]) - r.mean[b]) / r.dev[b]
		}
	case KindBandStats:
		r.bandStats(out, x, c/2)
	case KindConv:
		r.conv(n, out, x, h, w)
	case KindBatchNorm:
		r.norm(n, out, x, c)
	case KindReLU:
		for i, v := range x {
			out[i] = max(v, 0)
		}
	case KindAdd:
		for i, v := range x {
			out[i] = v + y[i]
		}
	case KindMaxPool:
		maxPool(out, x, h, w, c)
	case KindUpConcat:
		upConcat(out, x, y, h, w, c, n.Inputs[0].Channels)
	case KindGlobalAvgPool:
		hh, ww := r.size(n.Inputs[0])
		for i, v := range x {
			out[i/(hh*ww*c)*c+i%c] += v / float64(hh*ww)
		}
	case KindConcat:
		at := 0
		for _, in := range n.Inputs {
			for i, v := range r.images[in.ID] {
				out[i/in.Channels*c+at+i%in.Channels] = v
			}
			at += in.Channels
		}
	case KindLinear:
		in := n.Inputs[0].Channels
		for i := range out {
			out[i] = r.params[n.Bias][i%c]
			for k := range in {
				out[i] += x[i/c*in+k] * r.params[n.Weight][k*c+i%c]
			}
		}
	}
}

func maxPool(out, x []float64, h, w, c int) {
	for i := range out {
		ch, px, py, chip := i%c, i/c%w, i/c/w%h, i/c/w/h
		at := func(dy, dx int) float64 { return x[((chip*2*h+2*py+dy)*2*w+2*px+dx)*c+ch] }
		out[i] = max(at(0, 0), at(0, 1), at(1, 0), at(1, 1))
	}
}

func upConcat(out, x, y []float64, h, w, c, low int) {
	for i := range out {
		ch, px, py, chip := i%c, i/c%w, i/c/w%h, i/c/w/h
		if ch < low {
			out[i] = x[((chip*h/2+py/2)*(w/2)+px/2)*low+ch]
		} else {
			out[i] = y[((chip*h+py)*w+px)*(c-low)+ch-low]
		}
	}
}

func (r *reference) bandStats(out, x []float64, bands int) {
	size := r.h * r.w
	for chip := range r.n {
		for b := range bands {
			var sum, square float64
			for p := range size {
				sum += x[(chip*size+p)*bands+b]
			}
			mean := sum / float64(size)
			for p := range size {
				d := x[(chip*size+p)*bands+b] - mean
				square += d * d
			}
			out[chip*2*bands+b] = mean
			out[chip*2*bands+bands+b] = math.Sqrt(square / float64(size))
		}
	}
}

func (r *reference) conv(n *Node, out, x []float64, h, w int) {
	in, c, pad := n.Inputs[0].Channels, n.Channels, n.Kernel/2
	for i := range out {
		co, px, py, chip := i%c, i/c%w, i/c/w%h, i/c/w/h
		if n.Bias != None {
			out[i] = r.params[n.Bias][co]
		}
		for ky := range n.Kernel {
			for kx := range n.Kernel {
				sy, sx := py+ky-pad, px+kx-pad
				if sy < 0 || sx < 0 || sy >= h || sx >= w {
					continue
				}
				for ci := range in {
					out[i] += x[((chip*h+sy)*w+sx)*in+ci] * r.params[n.Weight][((ky*n.Kernel+kx)*in+ci)*c+co]
				}
			}
		}
	}
}

func (r *reference) norm(n *Node, out, x []float64, c int) {
	count := float64(len(x) / c)
	mean, variance := make([]float64, c), make([]float64, c)
	if r.buffers != nil {
		mean, variance = r.buffers[n.Mean], r.buffers[n.Variance]
	} else {
		for i, v := range x {
			mean[i%c] += v / count
		}
		for i, v := range x {
			variance[i%c] += (v - mean[i%c]) * (v - mean[i%c]) / count
		}
	}
	r.batchMean[n.ID], r.batchVariance[n.ID] = mean, variance
	for i, v := range x {
		ch := i % c
		out[i] = (v-mean[ch])/math.Sqrt(variance[ch]+BatchNormEpsilon)*r.params[n.Weight][ch] + r.params[n.Bias][ch]
	}
}

// loss is the weighted mean loss of logits.
func (r *reference) loss(l Loss, logits []float64, labels []uint8) float64 {
	c := r.graph.Classes()
	sum, weights := 0.0, 0.0
	for i, label := range labels {
		if int(label) == l.IgnoreLabel {
			continue
		}
		row := logits[i*c : (i+1)*c]
		total := 0.0
		for _, v := range row {
			total += math.Exp(v - row[label])
		}
		p := 1 / total
		w := float64(l.weight(int(label)))
		sum += w * math.Pow(1-p, l.FocalGamma) * -math.Log(p)
		weights += w
	}
	if weights == 0 {
		return 0
	}
	return sum / weights
}
