package nn

// lossState is what the loss needs beside the layout.
type lossState struct {
	sums   []lossSums // By task.
	mask   []float32  // 0 for classes, −∞ for channels that are only there for the stride.
	task   func(worker, task int)
	loss   Loss
	labels []uint8
	scale  float32 // 1 / the batch's weight; 0 when there is none.
}

type lossSums struct {
	sum float64
	_   [7]float64 // A cache line for each task.
}

// planLoss cuts the logits into tasks.
func (l *layout) planLoss() {
	v := l.logits
	perRow := v.width(l.config.MaxBatch) * (v.stride + 3)
	l.lossBlocks = blocksOf(v, rowsWithin(perRow))
	l.needScratch(l.lossBlocks.rows*perRow + 4*lanes)
}

func newLossState(e *executor) lossState {
	v := e.layout.logits
	s := lossState{sums: make([]lossSums, e.lossTasks(e.layout.config.MaxBatch)), mask: make([]float32, v.stride), task: e.lossTask}
	for j := v.node.Channels; j < v.stride; j++ {
		s.mask[j] = negativeInfinity
	}
	return s
}

func (e *executor) lossTasks(n int) int {
	return e.layout.logits.chips(n) * e.layout.lossBlocks.perChip
}

// loss computes the loss, and when training its gradient with respect to the logits.
func (e *executor) loss(l Loss, labels []uint8) LossResult {
	s := &e.lossState
	s.loss, s.labels = l, labels
	result := l.weigh(labels)
	s.scale = 0
	if result.Weight > 0 {
		s.scale = float32(1 / result.Weight)
	}
	tasks := e.lossTasks(e.n)
	e.run(tasks, s.task)
	for _, t := range s.sums[:tasks] {
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

// lossTask computes loss and gradient of some rows. The gradient is (p − 1 at the label)·factor, where factor is the label's share of the
// batch's weight, and for focal loss its slope.
func (e *executor) lossTask(worker, task int) {
	s, v := &e.lossState, e.layout.logits
	chip, y0, y1 := e.layout.lossBlocks.at(task)
	w := v.width(e.n)
	n := (y1 - y0) * w
	labels := s.labels[(chip*v.h+y0)*w:][:n]
	rows := lossRows{stride: v.stride, logits: v.rows(v.data.data, e.n, chip, y0, y1)}
	scratch := e.scratch(worker)
	rows.factor, rows.most, rows.sums = scratch[:n], scratch[n:2*n], scratch[2*n:3*n]
	rows.grad = scratch[toLanes(3*n):][:n*v.stride]
	if v.grad != nil {
		rows.grad = v.rows(v.grad.data, e.n, chip, y0, y1)
	}
	for i, label := range labels {
		rows.factor[i] = s.factor(label)
	}
	e.kernels.softmax(rows.grad, rows.logits, s.mask, rows.factor, rows.most, rows.sums, n, v.stride)
	if s.loss.FocalGamma > 0 {
		s.sums[task].sum = rows.focal(s.loss, labels)
	} else {
		s.sums[task].sum = rows.crossEntropy(s.loss, labels)
	}
	if v.grad != nil {
		e.layout.lossTarget.sum(e, task, chip, y0, y1)
	}
}

func (s *lossState) factor(label uint8) float32 {
	if int(label) == s.loss.IgnoreLabel {
		return 0
	}
	return float32(s.loss.weight(int(label)) * s.scale)
}

// lossRows are the rows of a task; grad has the probabilities times the factor.
type lossRows struct {
	stride                           int
	logits, grad, factor, most, sums []float32
}

// productLimit keeps products of sums of exponentials, which are at least 1, from overflow; one logarithm serves all factors.
const productLimit = 0x1p500

// crossEntropy subtracts the labels' share from the gradient, and returns the sum of the losses. −log p = most − logit + log(sum).
func (r *lossRows) crossEntropy(l Loss, labels []uint8) float64 {
	total, product := 0.0, 1.0
	for i, label := range labels {
		if int(label) == l.IgnoreLabel {
			continue
		}
		at := i*r.stride + int(label)
		r.grad[at] -= r.factor[i]
		term := float64(r.most[i] - r.logits[at])
		if l.ClassWeights != nil {
			total += float64(float64(l.ClassWeights[label]) * (term + Log(float64(r.sums[i]))))
			continue
		}
		total += term
		product *= float64(r.sums[i])
		if product > productLimit {
			total += Log(product)
			product = 1
		}
	}
	return total + Log(product)
}

// focal is like crossEntropy, with the focal loss's term and slope.
func (r *lossRows) focal(l Loss, labels []uint8) float64 {
	total := 0.0
	for i, label := range labels {
		if int(label) == l.IgnoreLabel {
			continue
		}
		row := i * r.stride
		at := row + int(label)
		logP := float64(r.logits[at]-r.most[i]) - Log(float64(r.sums[i]))
		term, slope := focal(logP, l.FocalGamma)
		total += float64(float64(l.weight(int(label))) * term)
		r.grad[at] -= r.factor[i]
		for j := range r.grad[row : row+r.stride] {
			r.grad[row+j] *= float32(slope)
		}
	}
	return total
}

// focal is the focal loss (1 − p)^γ·(−log p), and the factor that it puts before the gradient of cross entropy.
func focal(logP, gamma float64) (term, slope float64) {
	rest := 1 - Exp(logP)
	if rest <= 0 {
		return 0, 0
	}
	power := Exp(gamma * Log(rest))
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
	excluded, first := e.model.excluded(), 0
	if excluded == 0 && v.node.Channels > 1 {
		first = 1 // The answer where no logit is a number.
	}
	for i := range dst {
		best := first
		row := v.data.data[i*v.stride:][:v.node.Channels]
		for j, x := range row {
			if x > row[best] && j != excluded {
				best = j
			}
		}
		dst[i] = uint8(best)
	}
}
