package nn

import "golang.org/x/sys/cpu"

//go:generate go run ./internal/gen -isa avx512 -out avx512_amd64.s -stubs avx512_amd64.go -pkg nn
//go:generate go run ./internal/gen -isa avx2 -out avx2_amd64.s -stubs avx2_amd64.go -pkg nn

func availableKernels() []*kernels {
	var all []*kernels
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW {
		all = append(all, avx512Kernels)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		all = append(all, avx2Kernels)
	}
	return append(all, portableKernels)
}

var avx512Kernels = &kernels{
	name:      "avx512",
	convMR:    [3]int{0, 16, 12},
	conv:      convAVX512,
	wgradMR:   [3]int{0, 16, 12},
	wgrad:     wgradAVX512,
	affine:    affineAVX512,
	affineAdd: affineAddAVX512,
	put: func(dst []float32, dstStride int, src []float32, srcStride int, n, c int, add bool) {
		either(add, addAVX512, copyAVX512)(dst, dstStride, src, srcStride, n, c)
	},
	moments:  momentsAVX512,
	gradSums: gradSumsAVX512,
	gradient: func(dst []float32, dstStride int, dy, z []float32, k *gradConstants, n, c int) {
		gradientAVX512(dst, dstStride, dy, z, k.a, k.b, k.ka, k.kb, k.kc, k.lo, n, c)
	},
	pool: poolAVX512,
	poolBack: func(d0, d1, row0, row1, a, b, dy []float32, dyStride int, n, c int, add bool) {
		either(add, poolBackAddAVX512, poolBackAVX512)(d0, d1, row0, row1, a, b, dy, dyStride, n, c)
	},
	downSum: func(dst, row0, row1 []float32, srcStride int, n, c int, add bool) {
		either(add, downSumAddAVX512, downSumAVX512)(dst, row0, row1, srcStride, n, c)
	},
	softmax: func(dst, logits, mask, factor, most, sums []float32, n, c int) {
		softmaxAVX512(dst, logits, mask, factor, most, sums, &expNumbers, n, c)
	},
	adam: func(w, m, v, g []float32, k *adamConstants) {
		whole := len(g) &^ 15
		adamAVX512(w, m, v, g[:whole], k)
		adamPortable(w[whole:], m[whole:], v[whole:], g[whole:], k)
	},
}

var avx2Kernels = &kernels{
	name:      "avx2",
	convMR:    [3]int{0, 6, 6},
	conv:      convAVX2,
	wgradMR:   [3]int{0, 6, 6},
	wgrad:     wgradAVX2,
	affine:    affineAVX2,
	affineAdd: affineAddAVX2,
	put: func(dst []float32, dstStride int, src []float32, srcStride int, n, c int, add bool) {
		either(add, addAVX2, copyAVX2)(dst, dstStride, src, srcStride, n, c)
	},
	moments:  momentsAVX2,
	gradSums: gradSumsAVX2,
	gradient: func(dst []float32, dstStride int, dy, z []float32, k *gradConstants, n, c int) {
		gradientAVX2(dst, dstStride, dy, z, k.a, k.b, k.ka, k.kb, k.kc, k.lo, n, c)
	},
	pool: poolAVX2,
	poolBack: func(d0, d1, row0, row1, a, b, dy []float32, dyStride int, n, c int, add bool) {
		either(add, poolBackAddAVX2, poolBackAVX2)(d0, d1, row0, row1, a, b, dy, dyStride, n, c)
	},
	downSum: func(dst, row0, row1 []float32, srcStride int, n, c int, add bool) {
		either(add, downSumAddAVX2, downSumAVX2)(dst, row0, row1, srcStride, n, c)
	},
	softmax: func(dst, logits, mask, factor, most, sums []float32, n, c int) {
		softmaxAVX2(dst, logits, mask, factor, most, sums, &expNumbers, n, c)
	},
	adam: func(w, m, v, g []float32, k *adamConstants) {
		whole := len(g) &^ 7
		adamAVX2(w, m, v, g[:whole], k)
		adamPortable(w[whole:], m[whole:], v[whole:], g[whole:], k)
	},
}

// expConstants are those of exp32, for the kernels.
type expConstants struct {
	least, log2E, minusLn2High, minusLn2Low, p0, p1, p2, p3, p4, p5, one float32
}

var expNumbers = expConstants{
	least: expLeast, log2E: expLog2E, minusLn2High: -expLn2High, minusLn2Low: -expLn2Low,
	p0: expP0, p1: expP1, p2: expP2, p3: expP3, p4: expP4, p5: expP5, one: 1,
}

func either[F any](first bool, a, b F) F {
	if first {
		return a
	}
	return b
}

func convAVX512(t *convTile, mr, groups int) {
	if groups == 1 {
		convAVX512x16[mr](t)
		return
	}
	convAVX512x32[mr](t)
}

func wgradAVX512(t *wgradTile, mr, groups int) {
	if groups == 1 {
		wgradAVX512x16[mr](t)
		return
	}
	wgradAVX512x32[mr](t)
}

// convAVX2 does tiles of two groups one after the other: 16 channels fill two registers.
func convAVX2(t *convTile, mr, groups int) {
	convAVX2x16[mr](t)
	if groups == 1 {
		return
	}
	second := *t
	second.b, second.c, second.bias = t.b[lanes:], t.c[lanes:], t.bias[lanes:]
	*t, second = second, *t
	convAVX2x16[mr](t)
	*t = second
}

func wgradAVX2(t *wgradTile, mr, groups int) {
	wgradAVX2x16[mr](t)
	if groups == 1 {
		return
	}
	second := *t
	second.b, second.c = t.b[lanes:], t.c[lanes:]
	*t, second = second, *t
	wgradAVX2x16[mr](t)
	*t = second
}

// The tiles by their height.
var convAVX512x16 = []func(*convTile){nil,
	conv1x1AVX512, conv2x1AVX512, conv3x1AVX512, conv4x1AVX512, conv5x1AVX512, conv6x1AVX512, conv7x1AVX512, conv8x1AVX512, conv9x1AVX512,
	conv10x1AVX512, conv11x1AVX512, conv12x1AVX512, conv13x1AVX512, conv14x1AVX512, conv15x1AVX512, conv16x1AVX512,
}

var convAVX512x32 = []func(*convTile){nil,
	conv1x2AVX512, conv2x2AVX512, conv3x2AVX512, conv4x2AVX512, conv5x2AVX512, conv6x2AVX512, conv7x2AVX512, conv8x2AVX512, conv9x2AVX512,
	conv10x2AVX512, conv11x2AVX512, conv12x2AVX512,
}

var wgradAVX512x16 = []func(*wgradTile){nil,
	wgrad1x1AVX512, wgrad2x1AVX512, wgrad3x1AVX512, wgrad4x1AVX512, wgrad5x1AVX512, wgrad6x1AVX512, wgrad7x1AVX512, wgrad8x1AVX512,
	wgrad9x1AVX512, wgrad10x1AVX512, wgrad11x1AVX512, wgrad12x1AVX512, wgrad13x1AVX512, wgrad14x1AVX512, wgrad15x1AVX512, wgrad16x1AVX512,
}

var wgradAVX512x32 = []func(*wgradTile){nil,
	wgrad1x2AVX512, wgrad2x2AVX512, wgrad3x2AVX512, wgrad4x2AVX512, wgrad5x2AVX512, wgrad6x2AVX512, wgrad7x2AVX512, wgrad8x2AVX512,
	wgrad9x2AVX512, wgrad10x2AVX512, wgrad11x2AVX512, wgrad12x2AVX512,
}

var convAVX2x16 = []func(*convTile){nil,
	conv1x2AVX2, conv2x2AVX2, conv3x2AVX2, conv4x2AVX2, conv5x2AVX2, conv6x2AVX2,
}

var wgradAVX2x16 = []func(*wgradTile){nil,
	wgrad1x2AVX2, wgrad2x2AVX2, wgrad3x2AVX2, wgrad4x2AVX2, wgrad5x2AVX2, wgrad6x2AVX2,
}
