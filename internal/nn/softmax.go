package nn

// lossState is what the loss needs beside the layout.
type lossState struct {
	logits *value
	blocks blocks
	sums   []lossSums // By task.
	task   func(worker, task int)
	loss   Loss
	labels []uint8
	scale  float32 // 1 / the batch's weight; 0 when there is none.
	focal  bool
	probs  [][]float32 // By worker.
}

type lossSums struct {
	sum float64
	_   [7]float64 // A cache line for each task.
}

func newLossState(l *layout, c PlanConfig) lossState {
	s := lossState{logits: l.logits, blocks: l.lossBlocks}
	if c.Mode == Infer {
		s.blocks = blocksOf(l.logits, l.logits.h)
	}
	s.sums = make([]lossSums, s.tasks(c.MaxBatch))
	for range c.Workers {
		s.probs = append(s.probs, make([]float32, l.logits.stride))
	}
	return s
}

func (s *lossState) tasks(n int) int { return s.logits.chips(n) * s.blocks.perChip }

// loss computes the loss, and when training its gradient with respect to the logits.
func (e *executor) loss(l Loss, labels []uint8) LossResult {
	s := &e.lossState
	s.loss, s.labels, s.focal = l, labels, l.FocalGamma > 0
	result := l.weigh(labels)
	s.scale = 0
	if result.Weight > 0 {
		s.scale = float32(1 / result.Weight)
	}
	if s.task == nil {
		s.task = e.lossTask
	}
	e.run(s.tasks(e.n), s.task)
	for _, t := range s.sums[:s.tasks(e.n)] {
		result.Sum += t.sum
	}
	if result.Weight > 0 {
		result.Mean = result.Sum / result.Weight
	}
	s.labels = nil
	return result
}

// weigh counts labels and their weights, class by class.
func (l Loss) weigh(labels []uint8) LossResult {
	var counts [MaxClasses]int
	for _, y := range labels {
		counts[y]++
	}
	var r LossResult
	for class, n := range counts {
		if n == 0 || class == l.IgnoreLabel {
			continue
		}
		r.Count += n
		r.Weight += float64(float64(n) * float64(l.weight(class)))
	}
	return r
}

func (l Loss) weight(class int) float32 {
	if l.ClassWeights == nil {
		return 1
	}
	return l.ClassWeights[class]
}

func (e *executor) lossTask(worker, task int) {
	s := &e.lossState
	chip, y0, y1 := s.blocks.at(task)
	v := s.logits
	w := v.width(e.n)
	logits := v.rows(v.data.data, e.n, chip, y0, y1)
	labels := s.labels[(chip*v.h+y0)*w:][:(y1-y0)*w]
	var grad []float32
	if v.grad != nil {
		grad = v.rows(v.grad.data, e.n, chip, y0, y1)
		clear(grad)
	}
	sum := 0.0
	classes := v.node.Channels
	p := s.probs[worker][:classes]
	for i, label := range labels {
		if int(label) == s.loss.IgnoreLabel {
			continue
		}
		weight := s.loss.weight(int(label))
		logP := softmax(p, logits[i*v.stride:][:classes], int(label))
		factor := float32(weight * s.scale)
		term := -logP
		if s.focal {
			var slope float64
			term, slope = focal(logP, s.loss.FocalGamma)
			factor = float32(float64(factor) * slope)
		}
		sum += float64(float64(weight) * term)
		if grad == nil {
			continue
		}
		g := grad[i*v.stride:][:classes]
		for j, q := range p {
			g[j] = float32(q * factor)
		}
		g[label] = float32((p[label] - 1) * factor)
	}
	s.sums[task].sum = sum
	if v.grad != nil {
		e.layout.lossTarget.sum(e, task, chip, y0, y1)
	}
}

// softmax writes the probabilities of a row of logits, and returns the logarithm of the label's.
func softmax(p, logits []float32, label int) float64 {
	most := logits[0]
	for _, x := range logits[1:] {
		most = greater(most, x)
	}
	sum := float32(0)
	for j, x := range logits {
		p[j] = exp32(x - most)
		sum += p[j]
	}
	inverse := 1 / sum
	for j := range p {
		p[j] = float32(p[j] * inverse)
	}
	return float64(logits[label]-most) - log64(float64(sum))
}

// focal is the focal loss (1 − p)^γ·(−log p), and the factor that it puts before the gradient of cross entropy.
func focal(logP, gamma float64) (term, slope float64) {
	rest := 1 - exp64(logP)
	if rest <= 0 {
		return 0, 0
	}
	power := exp64(gamma * log64(rest))
	p := 1 - rest
	return -power * logP, float64(power * (1 - float64(gamma*p*logP)/rest))
}

// logits copies the logits without the channels that are only there for the stride.
func (e *executor) logits(dst []float32, rows int) {
	v := e.layout.logits
	classes := v.node.Channels
	for i := range rows {
		copy(dst[i*classes:(i+1)*classes], v.data.data[i*v.stride:])
	}
}

func (e *executor) predict(dst []uint8) {
	v := e.layout.logits
	for i := range dst {
		best := 0
		row := v.data.data[i*v.stride:][:v.node.Channels]
		for j, x := range row {
			if x > row[best] {
				best = j
			}
		}
		dst[i] = uint8(best)
	}
}
