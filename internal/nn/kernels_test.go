package nn

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"
)

// arena hands out slices between canaries: anything that a kernel writes outside its arguments is seen afterwards. What it reads there
// are NaNs, which spoil the result.
type arena struct {
	t      testing.TB
	rng    *RNG
	blocks [][]float32
	place  func(n int) []float32 // Or nil for canaries.
}

const canaries = 40

var canary = math.Float32frombits(0x7fc0dead)

// floats gives n random values between canaries; some are zero or equal to others.
func (a *arena) floats(n int) []float32 {
	out := a.room(n)
	for i := range out {
		switch v := a.rng.Normal(); {
		case v > 1.5:
			out[i] = 0
		default:
			out[i] = float32(math.Round(v*64) / 64)
			if i%3 == 0 {
				out[i] = float32(v)
			}
		}
	}
	return out
}

func (a *arena) room(n int) []float32 {
	if a.place != nil {
		return a.place(n)
	}
	block := make([]float32, n+2*canaries)
	for i := range block {
		block[i] = canary
	}
	a.blocks = append(a.blocks, block)
	return block[canaries : canaries+n : canaries+n]
}

func (a *arena) check() {
	for _, b := range a.blocks {
		for i := range canaries {
			for _, v := range []float32{b[i], b[len(b)-1-i]} {
				if math.Float32bits(v) != math.Float32bits(canary) {
					a.t.Error("a kernel wrote outside its arguments")
					return
				}
			}
		}
	}
}

// kernelCalls are calls of each kernel with arguments drawn from an arena; what they return is what the kernel wrote.
var kernelCalls = map[string]func(k *kernels, a *arena) [][]float32{
	"conv": func(k *kernels, a *arena) [][]float32 {
		groups, kernel, inputs, extra := 1+a.rng.IntN(2), 1+2*a.rng.IntN(2), 1+a.rng.IntN(20), a.rng.IntN(5)
		mr, nr := 1+a.rng.IntN(6), groups*lanes
		if a.rng.IntN(2) == 0 {
			mr = 1 + a.rng.IntN(k.convMR[groups])
		}
		depth := kernel * inputs
		t := convTile{rows: kernel, k: depth, aPixel: inputs, bRow: nr, cPixel: nr + extra, lo: float32(a.rng.IntN(2) - 1), bias: a.floats(nr)}
		t.aRow = (mr-1)*inputs + depth + extra
		t.a = a.floats((kernel-1)*t.aRow + (mr-1)*inputs + depth)
		t.b = a.floats(kernel * depth * nr)
		t.c = a.floats((mr-1)*t.cPixel + nr)
		k.conv(&t, mr, groups)
		return [][]float32{t.c}
	},
	"wgrad": func(k *kernels, a *arena) [][]float32 {
		groups, extra := 1+a.rng.IntN(2), a.rng.IntN(5)
		mr, nr := 1+a.rng.IntN(6), groups*lanes
		if a.rng.IntN(2) == 0 {
			mr = 1 + a.rng.IntN(k.wgradMR[groups])
		}
		t := wgradTile{rows: 1 + a.rng.IntN(4), width: 1 + a.rng.IntN(9), aPixel: mr + extra, bPixel: nr + extra, cRow: nr + extra}
		t.aRow, t.bRow = t.width*t.aPixel+3, t.width*t.bPixel+2
		t.a = a.floats((t.rows-1)*t.aRow + (t.width-1)*t.aPixel + mr)
		t.b = a.floats((t.rows-1)*t.bRow + (t.width-1)*t.bPixel + nr)
		t.c = a.floats((mr-1)*t.cRow + nr)
		k.wgrad(&t, mr, groups)
		return [][]float32{t.c}
	},
	"affine": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		ds, ss := c+a.rng.IntN(9), c+a.rng.IntN(9)
		dst, src := a.floats((n-1)*ds+c), a.floats((n-1)*ss+c)
		k.affine(dst, ds, src, ss, a.floats(c), a.floats(c), a.floor(), n, c)
		return [][]float32{dst}
	},
	"affineAdd": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		dst := a.floats(n * c)
		k.affineAdd(dst, a.floats(n*c), a.floats(c), a.floats(c), a.floor(), a.floor(), n, c)
		return [][]float32{dst}
	},
	"put": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		ds, ss := c+a.rng.IntN(9), c+a.rng.IntN(9)
		dst := a.floats((n-1)*ds + c)
		k.put(dst, ds, a.floats((n-1)*ss+c), ss, n, c, a.rng.IntN(2) == 0)
		return [][]float32{dst}
	},
	"moments": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		sum, square := a.floats(c), a.floats(c)
		k.moments(sum, square, a.floats(c), a.floats(n*c), n, c)
		return [][]float32{sum, square}
	},
	"gradSums": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		sum, product := a.floats(c), a.floats(c)
		k.gradSums(sum, product, a.floats(n*c), a.floats(n*c), a.floats(c), a.floats(c), a.floats(c), a.floor(), n, c)
		return [][]float32{sum, product}
	},
	"gradient": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		ds := c + a.rng.IntN(9)
		dst := a.floats((n-1)*ds + c)
		g := gradConstants{a: a.floats(c), b: a.floats(c), ka: a.floats(c), kb: a.floats(c), kc: a.floats(c), lo: a.floor()}
		k.gradient(dst, ds, a.floats(n*c), a.floats(n*c), &g, n, c)
		return [][]float32{dst}
	},
	"pool": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		ds := c + a.rng.IntN(9)
		dst := a.floats((n-1)*ds + c)
		k.pool(dst, ds, a.floats(2*n*c), a.floats(2*n*c), a.floats(c), a.floats(c), a.floor(), n, c)
		return [][]float32{dst}
	},
	"poolBack": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		s := c + a.rng.IntN(9)
		d0, d1 := a.floats(2*n*c), a.floats(2*n*c)
		k.poolBack(d0, d1, a.floats(2*n*c), a.floats(2*n*c), a.floats(c), a.floats(c), a.floats((n-1)*s+c), s, n, c, a.rng.IntN(2) == 0)
		return [][]float32{d0, d1}
	},
	"downSum": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		s := c + a.rng.IntN(9)
		dst := a.floats(n * c)
		k.downSum(dst, a.floats((2*n-1)*s+c), a.floats((2*n-1)*s+c), s, n, c, a.rng.IntN(2) == 0)
		return [][]float32{dst}
	},
	"softmax": func(k *kernels, a *arena) [][]float32 {
		n, c := a.size()
		dst, mask, most, sums := a.floats(n*c), a.floats(c), a.floats(n), a.floats(n)
		clear(mask)
		for j := 1 + a.rng.IntN(c); j < c; j++ {
			mask[j] = negativeInfinity
		}
		logits := a.floats(n * c)
		for i := range logits {
			logits[i] *= float32(a.rng.IntN(60))
		}
		k.softmax(dst, logits, mask, a.floats(n), most, sums, n, c)
		return [][]float32{dst, most, sums}
	},
	"adam": func(k *kernels, a *arena) [][]float32 {
		n := 1 + a.rng.IntN(70)
		w, m, v := a.floats(n), a.floats(n), a.floats(n)
		for i, x := range v {
			v[i] = x * x
		}
		c := adamConstants{beta1: 0.9, rest1: 0.1, beta2: 0.999, rest2: 0.001, scale: 1.7, root: 3, epsilon: 1e-8, rate: -0.01, keep: 0.999}
		k.adam(w, m, v, a.floats(n), &c)
		return [][]float32{w, m, v}
	},
}

func (a *arena) size() (n, c int) { return 1 + a.rng.IntN(14), lanes * (1 + a.rng.IntN(4)) }

// floor is a lower bound as images have it: none, or that of a ReLU.
func (a *arena) floor() float32 {
	if a.rng.IntN(2) == 0 {
		return negativeInfinity
	}
	return 0
}

// compareKernels runs one kernel on the same arguments in each instruction set.
func compareKernels(t testing.TB, name string, seed uint64) {
	var want [][]float32
	for _, kind := range KernelNames() {
		k, err := kernelsByName(kind)
		must(t, err)
		limits := *k
		limits.convMR, limits.wgradMR = [3]int{0, 6, 6}, [3]int{0, 6, 6}
		a := &arena{t: t, rng: NewRNG(seed, 3)}
		got := kernelCalls[name](&limits, a)
		a.check()
		if want == nil {
			want = got
			continue
		}
		for i := range want {
			if !slices.EqualFunc(want[i], got[i], sameBits) {
				t.Errorf("%s, seed %d: %s gives other bits than %s", name, seed, kind, KernelNames()[0])
			}
		}
	}
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

func TestKernelsGiveTheSameBits(t *testing.T) {
	for name := range kernelCalls {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				compareKernels(t, name, seed)
			}
		})
	}
}

// TestTilesOfEveryHeight compares all tiles that an instruction set has with the portable ones.
func TestTilesOfEveryHeight(t *testing.T) {
	for _, kind := range KernelNames() {
		k, err := kernelsByName(kind)
		must(t, err)
		for groups := 1; groups <= 2; groups++ {
			for mr := 1; mr <= k.convMR[groups]; mr++ {
				t.Run(fmt.Sprintf("%s conv %d×%d", kind, mr, groups), func(t *testing.T) { compareConv(t, k, mr, groups) })
			}
			for mr := 1; mr <= k.wgradMR[groups]; mr++ {
				t.Run(fmt.Sprintf("%s wgrad %d×%d", kind, mr, groups), func(t *testing.T) { compareWgrad(t, k, mr, groups) })
			}
		}
	}
}

func compareConv(t *testing.T, k *kernels, mr, groups int) {
	var results [2][]float32
	for i, kind := range []*kernels{portableKernels, k} {
		a := &arena{t: t, rng: NewRNG(uint64(mr))}
		nr := groups * lanes
		tile := convTile{rows: 3, k: 39, aRow: mr*13 + 26, aPixel: 13, bRow: nr, cPixel: nr, lo: 0}
		tile.a, tile.b, tile.c, tile.bias = a.floats(3*tile.aRow), a.floats(3*39*nr), a.floats(mr*nr), a.floats(nr)
		kind.conv(&tile, mr, groups)
		a.check()
		results[i] = tile.c
	}
	if !slices.EqualFunc(results[0], results[1], sameBits) {
		t.Error("other bits than the portable kernel's")
	}
}

func compareWgrad(t *testing.T, k *kernels, mr, groups int) {
	var results [2][]float32
	for i, kind := range []*kernels{portableKernels, k} {
		a := &arena{t: t, rng: NewRNG(uint64(mr))}
		nr := groups * lanes
		tile := wgradTile{rows: 3, width: 5, aRow: 5 * mr, aPixel: mr, bRow: 5 * nr, bPixel: nr, cRow: nr}
		tile.a, tile.b, tile.c = a.floats(3*5*mr), a.floats(3*5*nr), a.floats(mr*nr)
		kind.wgrad(&tile, mr, groups)
		a.check()
		results[i] = tile.c
	}
	if !slices.EqualFunc(results[0], results[1], sameBits) {
		t.Error("other bits than the portable kernel's")
	}
}

func FuzzKernels(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		for name := range kernelCalls {
			compareKernels(t, name, seed)
		}
	})
}

// exactFMA is a·b + c with no rounding but the last.
func exactFMA(a, b, c float32) float32 {
	x := new(big.Float).SetPrec(1000).SetFloat64(float64(a))
	x.Mul(x, new(big.Float).SetPrec(1000).SetFloat64(float64(b)))
	x.Add(x, new(big.Float).SetPrec(1000).SetFloat64(float64(c)))
	f, _ := x.Float32()
	return f
}

func TestFMAIsRoundedOnce(t *testing.T) {
	rng := NewRNG(5)
	draw := func() float32 {
		// Few bits in the significand and many exponents make ties likely.
		bits := uint32(rng.Uint64())
		if rng.IntN(2) == 0 {
			bits &= 0xffe00003 | uint32(1)<<rng.IntN(23)
		}
		v := math.Float32frombits(bits)
		if v-v != 0 {
			return 1
		}
		if rng.IntN(2) == 0 {
			return float32(math.Ldexp(float64(1+v-float32(math.Trunc(float64(v)))), rng.IntN(60)-30))
		}
		return v
	}
	for range 2_000_000 {
		a, b := draw(), draw()
		c := draw()
		if rng.IntN(3) == 0 {
			// A sum next to a tie: half a unit of the product, and a little more or less.
			c = float32(math.Ldexp(float64(a)*float64(b), 24)) * (1 + float32(rng.IntN(3)-1)*0x1p-23)
		}
		got, want := fma32(a, b, c), exactFMA(a, b, c)
		if !sameBits(got, want) && !(got == 0 && want == 0) && got == got {
			t.Fatalf("%x·%x + %x is %x, and should be %x", a, b, c, got, want)
		}
	}
}

func TestExponentialAndLogarithm(t *testing.T) {
	for x := float32(0); x > -87; x -= 0.00731 {
		want := math.Exp(float64(x))
		if got := float64(exp32(x)); math.Abs(got-want) > 2.5e-7*want {
			t.Fatalf("exp32(%v) is %v, and should be %v", x, got, want)
		}
		if got := Exp(float64(x)); math.Abs(got-want) > 1e-14*want {
			t.Fatalf("Exp(%v) is %v, and should be %v", x, got, want)
		}
	}
	for x := 1e-300; x < 1e300; x *= 1.37 {
		want := math.Log(x)
		if got := Log(x); math.Abs(got-want) > 4e-15*max(1, math.Abs(want)) {
			t.Fatalf("Log(%v) is %v, and should be %v", x, got, want)
		}
	}
}
