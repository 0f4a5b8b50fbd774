package nn

import "testing"

// networks are small graphs that between them have every kind of node, in every place where a plan treats it differently.
var networks = map[string]func(b *Builder) *Node{
	"linear classifier on band statistics": func(b *Builder) *Node {
		return b.Linear("head", b.BandStats("stats"), 3)
	},
	"plain classifier": func(b *Builder) *Node {
		x := block(b, "a", b.Input(), 16)
		x = block(b, "b", b.MaxPool("pool", x), 24)
		return b.Linear("head", b.GlobalAvgPool("mean", x), 5)
	},
	"pooled mean": func(b *Builder) *Node {
		x := block(b, "a", b.Input(), 20)
		return b.Linear("head", b.GlobalAvgPool("mean", b.MaxPool("pool", x)), 2)
	},
	"residual classifier": func(b *Builder) *Node {
		x := residual(b, "a", b.Input(), 16)
		x = residual(b, "b", b.MaxPool("pool1", x), 20)
		x = residual(b, "c", x, 20)
		x = b.MaxPool("pool2", x)
		return b.Linear("head", b.Concat("join", b.GlobalAvgPool("mean", x), b.BandStats("stats")), 18)
	},
	"sum of two rectified images": func(b *Builder) *Node {
		x, y := block(b, "a", b.Input(), 8), block(b, "b", b.Input(), 8)
		return b.ConvBias("out", b.Add("sum", x, y), 2, 1)
	},
	"sum of pooled images": func(b *Builder) *Node {
		x, y := block(b, "a", b.Input(), 8), block(b, "b", b.Input(), 8)
		sum := b.Add("sum", b.MaxPool("pa", x), b.MaxPool("pb", y))
		return b.ConvBias("out", b.UpConcat("up", sum, x), 17, 3)
	},
	"sum with the input": func(b *Builder) *Node {
		x := b.BatchNorm("bn", b.Conv("c", b.Input(), 3, 3))
		return b.ConvBias("out", b.ReLU("r", b.Add("sum", x, b.Input())), 4, 3)
	},
	"convolution with bias and rectifier": func(b *Builder) *Node {
		return b.ConvBias("out", b.ReLU("r", b.ConvBias("c", b.Input(), 12, 3)), 3, 1)
	},
	"segmentation": func(b *Builder) *Node {
		e1 := block(b, "e1", b.Input(), 16)
		e2 := block(b, "e2", b.MaxPool("p1", e1), 40)
		e3 := block(b, "e3", b.MaxPool("p2", e2), 48)
		d2 := block(b, "d2", b.UpConcat("u2", e3, e2), 24)
		d1 := block(b, "d1", b.UpConcat("u1", d2, e1), 16)
		return b.ConvBias("out", d1, 7, 1)
	},
	"residual segmentation": func(b *Builder) *Node {
		e1 := residual(b, "e1", b.Input(), 16)
		e2 := residual(b, "e2", b.MaxPool("p1", e1), 32)
		d1 := residual(b, "d1", b.UpConcat("u1", e2, e1), 16)
		return b.ConvBias("out", d1, 3, 1)
	},
}

func block(b *Builder, name string, x *Node, channels int) *Node {
	return b.ReLU(name+".relu", b.BatchNorm(name+".norm", b.Conv(name+".conv", x, channels, 3)))
}

func residual(b *Builder, name string, x *Node, channels int) *Node {
	y := block(b, name+".1", x, channels)
	y = b.BatchNorm(name+".2.norm", b.Conv(name+".2.conv", y, channels, 3))
	if x.Channels != channels {
		x = b.BatchNorm(name+".short.norm", b.Conv(name+".short", x, channels, 1))
	}
	return b.ReLU(name+".relu", b.Add(name+".sum", y, x))
}

// testBands is the number of bands of the test networks' images.
const testBands = 3

func mustModel(t testing.TB, network func(b *Builder) *Node, seed uint64) *Model {
	t.Helper()
	b := NewBuilder(testBands)
	g, err := b.Build(network(b))
	if err != nil {
		t.Fatal(err)
	}
	m := NewModel(g, seed)
	if err := m.SetNormalisation([]float32{0.3, -0.2, 1}, []float32{0.7, 1.5, 0.4}); err != nil {
		t.Fatal(err)
	}
	// Batch norms and biases that differ by channel show mistakes which ones and zeros hide.
	rng := NewRNG(seed, 77)
	for i, s := range g.Params {
		if !s.Decay {
			for j := range m.Params[i] {
				m.Params[i][j] += float32(0.3 * rng.Normal())
			}
		}
	}
	for i := range m.Statistics {
		m.Statistics[i] += float32(0.2 * rng.Float64())
	}
	return m
}

func mustPlan(t testing.TB, m *Model, c PlanConfig) *Plan {
	t.Helper()
	p, err := NewPlan(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// example draws pixels and labels.
func example(g *Graph, n, h, w int, seed uint64) ([]float32, []uint8) {
	rng := NewRNG(seed, 5)
	pixels := make([]float32, n*g.Bands*h*w)
	for i := range pixels {
		pixels[i] = float32(rng.Normal())
	}
	labels := make([]uint8, n)
	if g.PerPixel() {
		labels = make([]uint8, n*h*w)
	}
	for i := range labels {
		labels[i] = uint8(rng.IntN(g.Classes()))
	}
	return pixels, labels
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
