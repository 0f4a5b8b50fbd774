package nn

import "math"

// portableKernels are plain Go: slow, and what the others are tested against.
var portableKernels = &kernels{
	name:      "portable",
	convMR:    [3]int{0, 8, 8},
	conv:      convPortable,
	wgradMR:   [3]int{0, 8, 8},
	wgrad:     wgradPortable,
	affine:    affinePortable,
	affineAdd: affineAddPortable,
	put:       putPortable,
	moments:   momentsPortable,
	gradSums:  gradSumsPortable,
	gradient:  gradientPortable,
	pool:      poolPortable,
	poolBack:  poolBackPortable,
	downSum:   downSumPortable,
	softmax:   softmaxPortable,
	adam:      adamPortable,
}

func convPortable(t *convTile, mr, groups int) {
	nr := groups * lanes
	var acc [2 * lanes]float32
	for i := range mr {
		copy(acc[:nr], t.bias)
		for ky := range t.rows {
			a := t.a[ky*t.aRow+i*t.aPixel:][:t.k]
			for k, x := range a {
				b := t.b[(ky*t.k+k)*t.bRow:][:nr]
				for j, y := range b {
					acc[j] = fma32(x, y, acc[j])
				}
			}
		}
		for j, v := range acc[:nr] {
			t.c[i*t.cPixel+j] = greater(t.lo, v)
		}
	}
}

func wgradPortable(t *wgradTile, mr, groups int) {
	nr := groups * lanes
	for i := range mr {
		c := t.c[i*t.cRow:][:nr]
		for y := range t.rows {
			for x := range t.width {
				a := t.a[y*t.aRow+x*t.aPixel+i]
				b := t.b[y*t.bRow+x*t.bPixel:][:nr]
				for j, v := range b {
					c[j] = fma32(a, v, c[j])
				}
			}
		}
	}
}

func affinePortable(dst []float32, dstStride int, src []float32, srcStride int, a, b []float32, lo float32, n, c int) {
	for i := range n {
		d, s := dst[i*dstStride:][:c], src[i*srcStride:][:c]
		for j, x := range s {
			d[j] = greater(lo, fma32(x, a[j], b[j]))
		}
	}
}

func affineAddPortable(dst, src, a, b []float32, srcLo, lo float32, n, c int) {
	for i := range n {
		d, s := dst[i*c:][:c], src[i*c:][:c]
		for j, x := range s {
			d[j] = greater(lo, greater(srcLo, fma32(x, a[j], b[j]))+d[j])
		}
	}
}

func putPortable(dst []float32, dstStride int, src []float32, srcStride int, n, c int, add bool) {
	for i := range n {
		d, s := dst[i*dstStride:][:c], src[i*srcStride:][:c]
		if !add {
			copy(d, s)
			continue
		}
		for j, x := range s {
			d[j] += x
		}
	}
}

func momentsPortable(sum, square, shift, src []float32, n, c int) {
	for j := range c {
		var s, q [partials]float32
		for i := range n {
			x := src[i*c+j] - shift[j]
			s[i%partials] += x
			q[i%partials] = fma32(x, x, q[i%partials])
		}
		sum[j], square[j] = join(s), join(q)
	}
}

func join(s [partials]float32) float32 { return (s[0] + s[1]) + (s[2] + s[3]) }

func gradSumsPortable(sum, product, dy, z, a, b, mean []float32, lo float32, n, c int) {
	for j := range c {
		var s, q [partials]float32
		for i := range n {
			x := z[i*c+j]
			var g float32
			if fma32(x, a[j], b[j]) > lo {
				g = dy[i*c+j]
			}
			s[i%partials] += g
			q[i%partials] = fma32(g, x-mean[j], q[i%partials])
		}
		sum[j], product[j] = join(s), join(q)
	}
}

func gradientPortable(dst []float32, dstStride int, dy, z []float32, k *gradConstants, n, c int) {
	for i := range n {
		d := dst[i*dstStride:][:c]
		for j := range d {
			x := z[i*c+j]
			var g float32
			if fma32(x, k.a[j], k.b[j]) > k.lo {
				g = dy[i*c+j]
			}
			d[j] = fma32(g, k.ka[j], fma32(x, k.kb[j], k.kc[j]))
		}
	}
}

func poolPortable(dst []float32, dstStride int, row0, row1, a, b []float32, lo float32, n, c int) {
	for i := range n {
		d := dst[i*dstStride:][:c]
		for j := range d {
			at := 2*i*c + j
			x := greater(fma32(row0[at], a[j], b[j]), fma32(row0[at+c], a[j], b[j]))
			y := greater(fma32(row1[at], a[j], b[j]), fma32(row1[at+c], a[j], b[j]))
			d[j] = greater(lo, greater(x, y))
		}
	}
}

func poolBackPortable(d0, d1, row0, row1, a, b, dy []float32, dyStride int, n, c int, add bool) {
	for i := range n {
		for j := range c {
			at := 2*i*c + j
			v := [4]float32{fma32(row0[at], a[j], b[j]), fma32(row0[at+c], a[j], b[j]), fma32(row1[at], a[j], b[j]), fma32(row1[at+c], a[j], b[j])}
			var g [4]float32
			g[firstGreatest(v)] = dy[i*dyStride+j]
			if add {
				g[0] += d0[at]
				g[1] += d0[at+c]
				g[2] += d1[at]
				g[3] += d1[at+c]
			}
			d0[at], d0[at+c], d1[at], d1[at+c] = g[0], g[1], g[2], g[3]
		}
	}
}

func firstGreatest(v [4]float32) int {
	best := 0
	for i := 1; i < len(v); i++ {
		if v[i] > v[best] {
			best = i
		}
	}
	return best
}

func downSumPortable(dst, row0, row1 []float32, srcStride int, n, c int, add bool) {
	for i := range n {
		d := dst[i*c:][:c]
		for j := range d {
			at := 2*i*srcStride + j
			sum := ((row0[at] + row0[at+srcStride]) + row1[at]) + row1[at+srcStride]
			if add {
				sum += d[j]
			}
			d[j] = sum
		}
	}
}

func softmaxPortable(dst, logits, mask, factor, most, sums []float32, n, c int) {
	for i := range n {
		x, d := logits[i*c:][:c], dst[i*c:][:c]
		greatest := x[0] + mask[0]
		for j, v := range x {
			greatest = greater(v+mask[j], greatest)
		}
		var acc [lanes]float32
		for j, v := range x {
			d[j] = exp32((v + mask[j]) - greatest)
			acc[j%lanes] += d[j]
		}
		sum := sumLanes(acc)
		inverse := 1 / sum
		for j, v := range d {
			d[j] = float32(float32(v*inverse) * factor[i])
		}
		most[i], sums[i] = greatest, sum
	}
}

// sumLanes adds the upper half of the lanes to the lower until one is left.
func sumLanes(acc [lanes]float32) float32 {
	for half := lanes / 2; half > 0; half /= 2 {
		for j := range half {
			acc[j] += acc[j+half]
		}
	}
	return acc[0]
}

func adamPortable(w, m, v, g []float32, k *adamConstants) {
	for i, x := range g {
		m[i] = fma32(k.beta1, m[i], float32(k.rest1*x))
		v[i] = fma32(k.beta2, v[i], float32(float32(k.rest2*x)*x))
		root := float32(math.Sqrt(float64(float32(v[i] * k.root))))
		step := float32(m[i]*k.scale) / float32(root+k.epsilon)
		w[i] = fma32(k.rate, step, float32(k.keep*w[i]))
	}
}
