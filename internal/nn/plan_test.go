package nn

import (
	"math"
	"testing"
)

func TestLogitsAreTheReferences(t *testing.T) {
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			m := mustModel(t, network, 3)
			pixels, _ := example(m.Graph, 3, 8, 12, 9)
			for _, mode := range []Mode{Train, Infer} {
				want := newReference(m, 3, 8, 12, pixels, mode == Infer).logits()
				p := mustPlan(t, m, PlanConfig{Mode: mode, MaxBatch: 4, Height: 8, Width: 12, Workers: 2})
				must(t, p.Forward(Batch{3, pixels}))
				got := make([]float32, len(want))
				must(t, p.Logits(got))
				for i := range want {
					if math.Abs(float64(got[i])-want[i]) > 2e-5*max(1, math.Abs(want[i])) {
						t.Fatalf("mode %d: logit %d is %v, and should be %v", mode, i, got[i], want[i])
					}
				}
			}
		})
	}
}

func TestGradientsAreFiniteDifferencesOfTheReference(t *testing.T) {
	losses := map[string]Loss{
		"cross entropy":   {IgnoreLabel: None},
		"focal, weighted": {FocalGamma: 2, IgnoreLabel: 1, ClassWeights: []float32{0.5, 1, 2, 3, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4}},
	}
	for name, network := range networks {
		for lossName, loss := range losses {
			t.Run(name+", "+lossName, func(t *testing.T) {
				m := mustModel(t, network, 4)
				if loss.ClassWeights != nil {
					loss.ClassWeights = loss.ClassWeights[:m.Graph.Classes()]
				}
				checkGradients(t, m, loss)
			})
		}
	}
}

// checkGradients compares directional derivatives: along the gradient of one parameter at a time the loss changes by the gradient's
// squared length.
func checkGradients(t *testing.T, m *Model, loss Loss) {
	const n, h, w = 3, 8, 8
	pixels, labels := example(m.Graph, n, h, w, 11)
	p := mustPlan(t, m, PlanConfig{MaxBatch: n, Height: h, Width: w, Workers: 3})
	must(t, p.Forward(Batch{n, pixels}))
	result, err := p.Loss(loss, labels)
	must(t, err)
	must(t, p.Backward())
	r := newReference(m, n, h, w, pixels, false)
	if want := r.loss(loss, r.logits(), labels); math.Abs(result.Mean-want) > 1e-5*max(1, want) {
		t.Errorf("the loss is %v, and should be %v", result.Mean, want)
	}
	at := 0
	for i, s := range m.Graph.Params {
		g := p.Gradients()[at : at+s.Len()]
		at += s.Len()
		for _, direction := range directions(g, uint64(i)) {
			slope := r.slope(loss, labels, i, direction)
			want := 0.0
			for j, d := range direction {
				want += d * float64(g[j])
			}
			if math.Abs(slope-want) > 2e-3*math.Abs(want)+2e-5 {
				t.Errorf("%s: the loss changes by %v, and the gradient says %v", s.Name, slope, want)
			}
		}
	}
}

// directions are unit vectors: along the gradient, and a random one.
func directions(gradient []float32, seed uint64) [][]float64 {
	rng := NewRNG(seed, 31)
	along, random := make([]float64, len(gradient)), make([]float64, len(gradient))
	for i, g := range gradient {
		along[i], random[i] = float64(g), rng.Normal()
	}
	for _, d := range [][]float64{along, random} {
		length := 0.0
		for _, v := range d {
			length += v * v
		}
		for i := range d {
			d[i] /= max(math.Sqrt(length), 1e-30)
		}
	}
	return [][]float64{along, random}
}

// slope is the derivative of the loss along a direction of a parameter, by central differences. The step is small, so that few
// rectifiers and maxima change sides.
func (r *reference) slope(loss Loss, labels []uint8, param int, direction []float64) float64 {
	const step = 1e-6
	at := func(step float64) float64 {
		saved := r.params[param]
		moved := make([]float64, len(saved))
		for i, v := range saved {
			moved[i] = v + step*direction[i]
		}
		r.params[param] = moved
		l := r.loss(loss, r.logits(), labels)
		r.params[param] = saved
		return l
	}
	return (at(step) - at(-step)) / (2 * step)
}
