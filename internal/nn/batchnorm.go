package nn

import "math"

// How many float32 a channel's coefficients have, and how many its moments, which are two float64, are worth.
const (
	coefficientFloats = 6
	momentFloats      = 4
)

func newCoefficients(stride int) coefficients {
	block := make([]float32, coefficientFloats*stride)
	cut := func(i int) []float32 { return block[i*stride : (i+1)*stride : (i+1)*stride] }
	c := coefficients{gradConstants: gradConstants{a: cut(0), b: cut(1), ka: cut(2), kb: cut(3), kc: cut(4), lo: negativeInfinity}, mean: cut(5)}
	for i := range c.a {
		c.a[i], c.ka[i] = 1, 1
	}
	return c
}

// pooledMoments are mean and sum of squared deviations of each channel over count values, joined by Chan, Golub and LeVeque's formula
// (1979), which loses nothing when means are far from zero.
type pooledMoments struct {
	count       float64
	mean, about []float64
}

func newMoments(channels int) pooledMoments {
	return pooledMoments{mean: make([]float64, channels), about: make([]float64, channels)}
}

func (m *pooledMoments) reset() {
	m.count = 0
	clear(m.mean)
	clear(m.about)
}

// joinChannel adds a channel's moments over n values; the caller counts them when all channels are done.
func (m *pooledMoments) joinChannel(c int, n, mean, about float64) {
	total := m.count + n
	delta := mean - m.mean[c]
	m.mean[c] += float64(delta * (n / total))
	m.about[c] += about + float64(float64(delta*delta)*(m.count*n/total))
}

func (m *pooledMoments) variance(c int) float64 { return m.about[c] / m.count }

// normalise joins the partial moments of a batch norm in the order of the tasks, and makes the coefficients of this batch.
func (s *convStage) normalise(e *executor) {
	v := s.out
	k, m := &v.coefs, &v.coefs.last
	m.reset()
	for task := range s.tasks(e.n) {
		_, y0, y1 := s.blocks.at(task)
		n := float64((y1 - y0) * v.width(e.n))
		p := partOf(s.parts, task, 3*v.stride)
		for c := range v.node.Channels {
			sum, square, shift := float64(p[c]), float64(p[v.stride+c]), float64(p[2*v.stride+c])
			m.joinChannel(c, n, shift+sum/n, max(square-float64(sum*sum)/n, 0))
		}
		m.count += n
	}
	scale, offset := e.model.Params[v.norm.Weight], e.model.Params[v.norm.Bias]
	for c := range v.node.Channels {
		inverse := 1 / math.Sqrt(m.variance(c)+BatchNormEpsilon)
		a := float64(scale[c]) * inverse
		k.a[c] = float32(a)
		k.b[c] = float32(float64(offset[c]) - float64(m.mean[c]*a))
		k.mean[c] = float32(m.mean[c])
	}
	for c := v.node.Channels; c < v.stride; c++ {
		k.a[c], k.b[c] = 0, 0
	}
}

// needsSums says that the backward pass needs sums of a value's gradient: for its batch norm or bias.
func (v *value) needsSums() bool {
	return v.norm != nil || v.node.Bias != None
}

// sum computes the partial sums of rows of the target's gradient, if they are needed and this was the last contribution.
func (t *target) sum(e *executor, task, chip, y0, y1 int) {
	if t.parts == nil {
		return
	}
	v, k := t.value, &t.value.coefs
	p := partOf(t.parts, task, 2*v.stride)
	e.kernels.gradSums(p[:v.stride], p[v.stride:], v.rows(v.grad.data, e.n, chip, y0, y1), v.rows(v.data.data, e.n, chip, y0, y1),
		k.a, k.b, k.mean, k.lo, (y1-y0)*v.width(e.n), v.stride)
}

// finish joins the partial sums of the target's gradient: they are the gradients of scale and offset, or of the bias, and give the
// constants of the gradient through the batch norm.
func (t *target) finish(e *executor, tasks int) {
	if t.parts == nil {
		return
	}
	v, k := t.value, &t.value.coefs
	for c := range v.node.Channels {
		sum, product := 0.0, 0.0
		for task := range tasks {
			p := partOf(t.parts, task, 2*v.stride)
			sum += float64(p[c])
			product += float64(p[v.stride+c])
		}
		if v.norm == nil {
			e.gradientOf(v.node.Bias)[c] = float32(sum)
			continue
		}
		inverse := 1 / math.Sqrt(k.last.variance(c)+BatchNormEpsilon)
		e.gradientOf(v.norm.Bias)[c] = float32(sum)
		e.gradientOf(v.norm.Weight)[c] = float32(product * inverse)
		// dz = a·(g − sum/n − x̂·(product/σ)/n), x̂ = (z − mean)/σ.
		a := float64(e.model.Params[v.norm.Weight][c]) * inverse
		slope := -float64(a*product) * float64(inverse*inverse) / k.last.count
		k.ka[c] = float32(a)
		k.kb[c] = float32(slope)
		k.kc[c] = float32(-a*sum/k.last.count - float64(slope*k.last.mean[c]))
	}
}

// eachNorm calls do for each value with a batch norm.
func (e *executor) eachNorm(do func(i int, v *value)) {
	i := 0
	for _, v := range e.layout.values {
		if v.norm != nil {
			do(i, v)
			i++
		}
	}
}

// updateRunning moves the running statistics towards the last batch's; the variance there is the unbiased one, as in PyTorch.
func (e *executor) updateRunning() {
	e.eachNorm(func(_ int, v *value) {
		mean, variance := e.model.Buffers[v.norm.Mean], e.model.Buffers[v.norm.Variance]
		m := &v.coefs.last
		unbiased := m.count / max(m.count-1, 1)
		for c := range mean {
			mean[c] += float32(BatchNormMomentum * (m.mean[c] - float64(mean[c])))
			variance[c] += float32(BatchNormMomentum * (float64(m.variance(c)*unbiased) - float64(variance[c])))
		}
	})
}

func (e *executor) newPooledMoments() []pooledMoments {
	var all []pooledMoments
	e.eachNorm(func(_ int, v *value) { all = append(all, newMoments(v.node.Channels)) })
	return all
}

// pool joins the moments of the last batch to those gathered before.
func (e *executor) pool(all []pooledMoments) {
	e.eachNorm(func(i int, v *value) {
		m, last := &all[i], &v.coefs.last
		for c := range m.mean {
			m.joinChannel(c, last.count, last.mean[c], last.about[c])
		}
		m.count += last.count
	})
}

func (e *executor) setRunning(all []pooledMoments) {
	e.eachNorm(func(i int, v *value) {
		for c := range all[i].mean {
			e.model.Buffers[v.norm.Mean][c] = float32(all[i].mean[c])
			e.model.Buffers[v.norm.Variance][c] = float32(all[i].variance(c))
		}
	})
}
