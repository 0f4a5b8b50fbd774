package nn

import (
	"errors"
	"math"
	"testing"
)

func segmentation(t testing.TB, mode Mode) (*Model, *Plan) {
	m := mustModel(t, networks["segmentation"], 2)
	return m, mustPlan(t, m, PlanConfig{Mode: mode, MaxBatch: 4, Height: 16, Width: 16, Workers: 2})
}

func TestStepsAllocateNothing(t *testing.T) {
	for name, network := range networks {
		m := mustModel(t, network, 2)
		pixels, labels := example(m.Graph, 4, 16, 16, 1)
		train := mustPlan(t, m, PlanConfig{MaxBatch: 4, Height: 16, Width: 16, Workers: 2})
		infer := mustPlan(t, m, PlanConfig{Mode: Infer, MaxBatch: 4, Height: 16, Width: 16, Workers: 2})
		optimizer := NewAdamW(m, AdamWConfig{})
		predictions := make([]uint8, len(labels))
		step := func() {
			must(t, train.Forward(Batch{4, pixels}))
			_, err := train.Loss(Loss{IgnoreLabel: None}, labels)
			must(t, err)
			must(t, train.Predict(predictions))
			must(t, train.Backward())
			must(t, optimizer.Step(train.Gradients(), 1e-3))
			must(t, infer.Forward(Batch{4, pixels}))
		}
		step()
		if n := testing.AllocsPerRun(5, step); n > 0 {
			t.Errorf("%s: a step allocates %v times", name, n)
		}
	}
}

func TestPlanBytesAreKnownBeforehand(t *testing.T) {
	for name, network := range networks {
		m := mustModel(t, network, 2)
		for _, mode := range []Mode{Train, Infer} {
			c := PlanConfig{Mode: mode, MaxBatch: 5, Height: 32, Width: 16, Workers: 3}
			want, err := PlanBytes(m.Graph, c)
			must(t, err)
			p := mustPlan(t, m, c)
			held := int64(4 * (len(p.exec.arena) + len(p.exec.gradients)))
			for _, v := range p.exec.layout.values {
				held += int64(4*coefficientFloats*len(v.coefs.a)) + int64(8*(len(v.coefs.last.mean)+len(v.coefs.last.about)))
			}
			if p.Bytes() != want || held != want {
				t.Errorf("%s: %d bytes beforehand, %d said, %d held", name, want, p.Bytes(), held)
			}
		}
	}
}

func TestBuffersThatLiveTogetherDoNotOverlap(t *testing.T) {
	for name, network := range networks {
		m := mustModel(t, network, 2)
		l, err := compile(m.Graph, PlanConfig{MaxBatch: 3, Height: 16, Width: 16, Workers: 1})
		must(t, err)
		for i, a := range l.buffers {
			if a.offset+a.floats > l.floats {
				t.Errorf("%s: buffer %d ends behind the arena", name, i)
			}
			for _, b := range l.buffers[:i] {
				if a.first <= b.last && b.first <= a.last && a.offset < b.offset+b.floats && b.offset < a.offset+a.floats {
					t.Errorf("%s: two buffers that live together overlap", name)
				}
			}
		}
	}
}

// TestNothingIsReadThatWasNotWritten fills all memory that is not kept between steps with NaNs.
func TestNothingIsReadThatWasNotWritten(t *testing.T) {
	for name, network := range networks {
		for _, mode := range []Mode{Train, Infer} {
			m := mustModel(t, network, 2)
			p := mustPlan(t, m, PlanConfig{Mode: mode, MaxBatch: 4, Height: 16, Width: 16, Workers: 2})
			poison(p.exec)
			pixels, labels := example(m.Graph, 3, 16, 16, 1)
			must(t, p.Forward(Batch{3, pixels}))
			result, err := p.Loss(Loss{IgnoreLabel: None}, labels)
			must(t, err)
			if math.IsNaN(result.Mean) {
				t.Errorf("%s, mode %d: the loss is NaN", name, mode)
			}
			if mode == Infer {
				continue
			}
			must(t, p.Backward())
			if !Finite(p.Gradients()) {
				t.Errorf("%s: a gradient is NaN", name)
			}
		}
	}
}

func poison(e *executor) {
	kept := map[*buffer]bool{}
	for _, c := range e.convolutions {
		kept[c.packed], kept[c.packedBack], kept[c.bias] = true, true, true
	}
	nan := float32(math.NaN())
	fill := func(data []float32) {
		for i := range data {
			data[i] = nan
		}
	}
	for _, b := range e.layout.buffers {
		if !kept[b] {
			fill(b.data)
		}
	}
	for _, s := range e.scratches {
		fill(s)
	}
	fill(e.gradients)
}

func TestIgnoredLabels(t *testing.T) {
	m, p := segmentation(t, Train)
	pixels, labels := example(m.Graph, 4, 16, 16, 1)
	loss := Loss{IgnoreLabel: 255}
	for i := range labels {
		labels[i] = 255
	}
	must(t, p.Forward(Batch{4, pixels}))
	result, err := p.Loss(loss, labels)
	must(t, err)
	must(t, p.Backward())
	if result != (LossResult{}) {
		t.Errorf("a batch of ignored labels has %+v", result)
	}
	for i, g := range p.Gradients() {
		if g != 0 {
			t.Fatalf("gradient %d is %v with nothing but ignored labels", i, g)
		}
	}
	labels[7], labels[500] = 3, 0
	must(t, p.Forward(Batch{4, pixels}))
	result, err = p.Loss(loss, labels)
	must(t, err)
	if result.Count != 2 || result.Weight != 2 || !(result.Mean > 0) {
		t.Errorf("two labels give %+v", result)
	}
}

func TestLargeLogitsStayFinite(t *testing.T) {
	m, p := segmentation(t, Train)
	for i := range m.Params[m.Graph.Logits.Weight] {
		m.Params[m.Graph.Logits.Weight][i] *= 1e6
	}
	pixels, labels := example(m.Graph, 4, 16, 16, 1)
	for _, gamma := range []float64{0, 0.5, 2, 16} {
		must(t, p.Forward(Batch{4, pixels}))
		result, err := p.Loss(Loss{FocalGamma: gamma, IgnoreLabel: None}, labels)
		must(t, err)
		must(t, p.Backward())
		if math.IsNaN(result.Mean) || math.IsInf(result.Mean, 0) || !Finite(p.Gradients()) {
			t.Errorf("gamma %v: loss %v, or gradients that are not finite", gamma, result.Mean)
		}
	}
}

func TestPixelsThatAreNotFiniteAreSeenInTheLoss(t *testing.T) {
	m, p := segmentation(t, Train)
	pixels, labels := example(m.Graph, 4, 16, 16, 1)
	pixels[99] = float32(math.NaN())
	must(t, p.Forward(Batch{4, pixels}))
	result, err := p.Loss(Loss{IgnoreLabel: None}, labels)
	must(t, err)
	if !math.IsNaN(result.Mean) {
		t.Errorf("the loss is %v", result.Mean)
	}
}

func TestCalibrationPoolsExactly(t *testing.T) {
	m, p := segmentation(t, Train)
	norm := m.Graph.Nodes[2]
	if norm.Kind != KindBatchNorm {
		t.Fatalf("%s is no batch norm", norm.Name)
	}
	weights := append([]float32(nil), m.Weights...)
	c, err := p.Calibrate()
	must(t, err)
	var all []float32
	for i, n := range []int{4, 1, 3} {
		pixels, _ := example(m.Graph, n, 16, 16, uint64(i))
		all = append(all, pixels...)
		must(t, c.Add(Batch{n, pixels}))
	}
	must(t, c.Apply())
	// The first batch norm's input does not depend on how the chips were batched.
	r := newReference(m, 8, 16, 16, all, false)
	r.logits()
	for ch := range norm.Channels {
		if got, want := float64(m.Buffers[norm.Mean][ch]), r.batchMean[norm.ID][ch]; math.Abs(got-want) > 1e-5 {
			t.Errorf("mean of channel %d is %v, and should be %v", ch, got, want)
		}
		if got, want := float64(m.Buffers[norm.Variance][ch]), r.batchVariance[norm.ID][ch]; math.Abs(got-want) > 1e-5*want {
			t.Errorf("variance of channel %d is %v, and should be %v", ch, got, want)
		}
	}
	for i := range weights {
		if weights[i] != m.Weights[i] {
			t.Fatal("a calibration changed a weight")
		}
	}
}

func TestVarianceFarFromZero(t *testing.T) {
	b := NewBuilder(1)
	x := b.BatchNorm("norm", b.Conv("conv", b.Input(), 16, 1))
	g, err := b.Build(b.ConvBias("out", x, 2, 1))
	must(t, err)
	m := NewModel(g, 1)
	for i := range m.Params[0] {
		m.Params[0][i] = 1
	}
	p := mustPlan(t, m, PlanConfig{MaxBatch: 4, Height: 64, Width: 64})
	pixels, _ := example(g, 4, 64, 64, 1)
	for i := range pixels {
		pixels[i] = pixels[i]/4 + 3000
	}
	must(t, p.Forward(Batch{4, pixels}))
	mean, deviation := meanAndDeviation(pixels)
	got := p.exec.layout.values[0].coefs.last
	if math.Abs(got.mean[3]-mean) > 1e-3 || math.Abs(math.Sqrt(got.variance(3))-deviation) > 1e-3*deviation {
		t.Errorf("mean %v and deviation %v, and they should be %v and %v", got.mean[3], math.Sqrt(got.variance(3)), mean, deviation)
	}
}

func TestRunningStatisticsFollowTheBatches(t *testing.T) {
	m, p := segmentation(t, Train)
	norm := m.Graph.Nodes[2]
	pixels, _ := example(m.Graph, 4, 16, 16, 1)
	before := float64(m.Buffers[norm.Variance][0])
	r := newReference(m, 4, 16, 16, pixels, false)
	r.logits()
	must(t, p.Forward(Batch{4, pixels}))
	const n = 4 * 16 * 16
	want := 0.9*before + 0.1*r.batchVariance[norm.ID][0]*n/(n-1)
	if got := float64(m.Buffers[norm.Variance][0]); math.Abs(got-want) > 1e-6 {
		t.Errorf("the running variance is %v, and should be %v", got, want)
	}
}

func TestAdamWIsThePapers(t *testing.T) {
	m, _ := segmentation(t, Infer)
	a := NewAdamW(m, AdamWConfig{Beta1: 0.8, WeightDecay: 0.1})
	w := widen([][]float32{m.Weights})[0]
	first, second := make([]float64, len(w)), make([]float64, len(w))
	rng := NewRNG(4)
	const rate = 0.01
	for step := 1; step <= 5; step++ {
		g := make([]float32, len(w))
		for i := range g {
			g[i] = float32(rng.Normal())
		}
		must(t, a.Step(g, rate))
		at := 0
		for _, s := range m.Graph.Params {
			for range s.Len() {
				x := float64(g[at])
				first[at] = 0.8*first[at] + 0.2*x
				second[at] = 0.999*second[at] + 0.001*x*x
				if s.Decay {
					w[at] -= rate * 0.1 * w[at]
				}
				w[at] -= rate * first[at] / (1 - math.Pow(0.8, float64(step))) / (math.Sqrt(second[at]/(1-math.Pow(0.999, float64(step)))) + 1e-8)
				at++
			}
		}
	}
	for i := range w {
		if math.Abs(w[i]-float64(m.Weights[i])) > 1e-6 {
			t.Fatalf("weight %d is %v, and should be %v", i, m.Weights[i], w[i])
		}
	}
}

func TestClipNorm(t *testing.T) {
	g := []float32{3, 4}
	if n := ClipNorm(g, 10); n != 5 || g[0] != 3 {
		t.Errorf("a short gradient became %v", g)
	}
	if n := ClipNorm(g, 1); n != 5 || math.Abs(float64(g[0])-0.6) > 1e-7 || math.Abs(float64(g[1])-0.8) > 1e-7 {
		t.Errorf("a long gradient became %v", g)
	}
}

func TestMistakesAreErrors(t *testing.T) {
	m, p := segmentation(t, Train)
	pixels, labels := example(m.Graph, 4, 16, 16, 1)
	bad := append([]uint8(nil), labels...)
	bad[5] = 7
	cases := map[string]struct {
		do   func() error
		want error
	}{
		"loss first":     {func() error { _, err := p.Loss(Loss{IgnoreLabel: None}, labels); return err }, ErrOrder},
		"logits first":   {func() error { return p.Logits(nil) }, ErrOrder},
		"backward first": {p.Backward, ErrOrder},
		"too many chips": {func() error { return p.Forward(Batch{5, pixels}) }, ErrShape},
		"no chips":       {func() error { return p.Forward(Batch{0, nil}) }, ErrShape},
		"too few pixels": {func() error { return p.Forward(Batch{4, pixels[1:]}) }, ErrShape},
		"side of 10":     {func() error { _, err := NewPlan(m, PlanConfig{MaxBatch: 1, Height: 10, Width: 16}); return err }, ErrShape},
		"no batch":       {func() error { _, err := NewPlan(m, PlanConfig{Height: 16, Width: 16}); return err }, ErrShape},
		"unknown kernels": {func() error {
			_, err := NewPlan(m, PlanConfig{MaxBatch: 1, Height: 16, Width: 16, Kernels: "sse"})
			return err
		}, ErrKernels},
		"unknown in the environment": {func() error {
			t.Setenv(kernelsVariable, "sse9")
			_, err := NewPlan(m, PlanConfig{MaxBatch: 1, Height: 16, Width: 16})
			return err
		}, ErrKernels},
		"unknown default":     {func() error { return UseKernels("mmx") }, ErrKernels},
		"deviation of zero":   {func() error { return m.SetNormalisation([]float32{0, 0, 0}, []float32{1, 0, 1}) }, ErrNormalisation},
		"two means":           {func() error { return m.SetNormalisation([]float32{0, 0}, []float32{1, 1}) }, ErrNormalisation},
		"few gradients":       {func() error { return NewAdamW(m, AdamWConfig{}).Step(nil, 1) }, ErrShape},
		"calibration of none": {func() error { c, _ := p.Calibrate(); return c.Apply() }, ErrOrder},
	}
	for name, c := range cases {
		if err := c.do(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, and it should be %v", name, err, c.want)
		}
	}
	must(t, p.Forward(Batch{4, pixels}))
	for name, l := range map[string]Loss{"label 7 of 7 classes": {IgnoreLabel: None}, "two weights": {IgnoreLabel: 7, ClassWeights: []float32{1, 1}}, "gamma": {IgnoreLabel: 7, FocalGamma: -1}} {
		if _, err := p.Loss(l, bad); !errors.Is(err, ErrLabel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBuilderRefusesWhatPlansCannotDo(t *testing.T) {
	cases := map[string]func(b *Builder) *Node{
		"kernel of 5":              func(b *Builder) *Node { return b.Conv("c", b.Input(), 2, 5) },
		"name used twice":          func(b *Builder) *Node { return b.Conv("c", b.Conv("c", b.Input(), 2, 3), 2, 3) },
		"no channels":              func(b *Builder) *Node { return b.Conv("c", b.Input(), 0, 3) },
		"one class":                func(b *Builder) *Node { return b.Conv("c", b.Input(), 1, 3) },
		"image into linear":        func(b *Builder) *Node { return b.Linear("l", b.Input(), 2) },
		"vector into convolution":  func(b *Builder) *Node { return b.Conv("c", b.BandStats("s"), 2, 3) },
		"logits at half size":      func(b *Builder) *Node { return b.Conv("c", b.MaxPool("p", b.Input()), 2, 3) },
		"sum of different shapes":  func(b *Builder) *Node { return b.Conv("c", b.Add("s", b.Input(), b.Conv("d", b.Input(), 5, 3)), 2, 3) },
		"concat of the same scale": func(b *Builder) *Node { return b.Conv("c", b.UpConcat("u", b.Input(), b.Input()), 2, 3) },
		"node that nobody reads": func(b *Builder) *Node {
			b.Conv("lost", b.Input(), 2, 3)
			return b.Conv("c", b.Input(), 2, 3)
		},
		"two readers before a rectifier": func(b *Builder) *Node {
			x := b.Conv("x", b.Input(), 3, 3)
			return b.Conv("c", b.Add("s", x, b.ReLU("r", x)), 2, 3)
		},
	}
	for name, network := range cases {
		b := NewBuilder(testBands)
		if _, err := b.Build(network(b)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
