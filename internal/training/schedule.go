package training

// schedule gives the learning rate of each step: it rises in a line during the warm-up and then falls with half a
// cosine (Loshchilov and Hutter 2017, arXiv:1608.03983) to zero.
type schedule struct {
	peak          float64
	warmup, total int
}

func newSchedule(s Settings, steps int) schedule {
	return schedule{peak: s.LearningRate, warmup: int(s.Warmup * float64(steps)), total: steps}
}

// rate is the learning rate of a step, counted from 0.
func (s schedule) rate(step int) float64 {
	if step < s.warmup {
		return s.peak * (float64(step+1) / float64(s.warmup+1))
	}
	left := float64(s.total-step) / float64(s.total-s.warmup+1)
	// (1 + cos π(1−left)) / 2 = sin²(π·left/2).
	root := sine(halfPi * left)
	return s.peak * float64(root*root)
}

const halfPi = 1.5707963267948966

// sine is sin(x) for x in 0 to π/2 by its power series. The standard library's differs between machines in the last
// bit, which would make the weights differ; here each product is rounded before it is used.
func sine(x float64) float64 {
	square := float64(x * x)
	term, sum := x, x
	for k := 2; k <= 24; k += 2 {
		term = -float64(term*square) / float64(k*(k+1))
		sum += term
	}
	return sum
}
