package nn

import "testing"

func TestSmoke(t *testing.T) {
	b := NewBuilder(3)
	x := b.ReLU("r", b.BatchNorm("bn", b.Conv("c", b.Input(), 16, 3)))
	y := b.ReLU("r2", b.BatchNorm("bn2", b.Conv("c2", b.MaxPool("p", x), 16, 3)))
	z := b.ReLU("r3", b.BatchNorm("bn3", b.Conv("c3", b.UpConcat("u", y, x), 16, 3)))
	g, err := b.Build(b.ConvBias("out", z, 3, 1))
	if err != nil {
		t.Fatal(err)
	}
	m := NewModel(g, 1)
	p, err := NewPlan(m, PlanConfig{MaxBatch: 4, Height: 8, Width: 8, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	opt := NewAdamW(m, AdamWConfig{WeightDecay: 0.01})
	r := NewRNG(1)
	px := make([]float32, 4*3*64)
	lab := make([]uint8, 4*64)
	for i := range px {
		px[i] = float32(r.Normal())
	}
	for i := range lab {
		if px[i/64*192+i%64] > 0 {
			lab[i] = 1
		}
		if px[i/64*192+64+i%64] > 1 {
			lab[i] = 2
		}
	}
	for i := range 60 {
		if err := p.Forward(Batch{4, px}); err != nil {
			t.Fatal(err)
		}
		res, err := p.Loss(Loss{IgnoreLabel: None}, lab)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Backward(); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			t.Log(i, res)
		}
		opt.Step(p.Gradients(), 0.01)
	}
}
