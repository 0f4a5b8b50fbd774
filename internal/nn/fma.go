package nn

import "math"

// fma32 is a·b + c rounded once, as the processors' fused multiply-add in single precision does it. The product of two float32 is exact
// in float64; the sum is rounded there, and rounding it again is wrong only next to a tie of float32 or below its normal range. There the
// sum is first rounded to odd (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums"), which makes the second
// rounding right.
func fma32(a, b, c float32) float32 {
	p := float64(float64(a) * float64(b))
	q := float64(c)
	s := p + q
	bits := math.Float64bits(s)
	const half, low = 1 << 28, 1<<29 - 1
	if bits&low != half && (math.Abs(s) >= 0x1p-126 || s == 0) {
		return float32(s)
	}
	return float32(roundToOdd(p, q, s))
}

// roundToOdd gives p + q rounded to odd, where s is the sum rounded to nearest.
func roundToOdd(p, q, s float64) float64 {
	if math.IsInf(s, 0) || math.IsNaN(s) {
		return s
	}
	t := s - p
	rest := (p - (s - t)) + (q - t) // Knuth's exact error of the sum.
	bits := math.Float64bits(s)
	if rest == 0 || bits&1 != 0 {
		return s
	}
	if (rest > 0) == (s > 0) {
		return math.Float64frombits(bits + 1)
	}
	return math.Float64frombits(bits - 1)
}

// greater is a if a > b, and else b: what VMAXPS does, also with NaN and zeros.
func greater(a, b float32) float32 {
	if a > b {
		return a
	}
	return b
}

var negativeInfinity = float32(math.Inf(-1))

// exp32 is e^x for x ≤ 0, to within 2 units in the last place; below −87 it is 0. Every kernel computes it with the same operations:
// 2^n · p(r) with r = x − n·ln 2 in two steps and the polynomial of Cephes' expf.
func exp32(x float32) float32 {
	if !(x >= expLeast) {
		if x != x {
			return x
		}
		return 0
	}
	n := float32(math.RoundToEven(float64(float32(x * expLog2E))))
	r := fma32(n, -expLn2High, x)
	r = fma32(n, -expLn2Low, r)
	p := float32(expP0)
	p = fma32(p, r, expP1)
	p = fma32(p, r, expP2)
	p = fma32(p, r, expP3)
	p = fma32(p, r, expP4)
	p = fma32(p, r, expP5)
	p = fma32(p, float32(r*r), r)
	p = float32(p + 1)
	return float32(p * math.Float32frombits(uint32(int32(n)+127)<<23))
}

// Constants of exp32: those of Cephes' expf (Moshier 1989).
const (
	expLeast   = -87
	expLog2E   = 1.44269504088896341
	expLn2High = 0.693359375
	expLn2Low  = -2.12194440e-4
	expP0      = 1.9875691500e-4
	expP1      = 1.3981999507e-3
	expP2      = 8.3334519073e-3
	expP3      = 4.1665795894e-2
	expP4      = 1.6666665459e-1
	expP5      = 5.0000001201e-1
)

// Exp is e^x for x ≤ 0, to within a few units in the last place; 0 below −700. It is the package's own for the same reason as Log.
func Exp(x float64) float64 {
	if !(x > -700) {
		return 0
	}
	n := math.Floor(float64(x*math.Log2E) + 0.5)
	r := (x - float64(n*6.93147180369123816490e-01)) - float64(n*1.90821492927058770002e-10)
	sum := 1.0
	for k := 14.0; k >= 1; k-- {
		sum = 1 + float64(sum*r)/k
	}
	return math.Ldexp(sum, int(n))
}

// oddReciprocals are the coefficients of atanh, the last first.
var oddReciprocals = [...]float64{1. / 23, 1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5, 1. / 3, 1}

// Log is the natural logarithm of a positive, finite, normal number, to within a few units in the last place. It is the package's own
// because math.Log differs between architectures, and what training leaves must not: log x = n·ln 2 + 2·atanh(s) with
// s = (m − 1)/(m + 1), m in [√½, √2).
func Log(x float64) float64 {
	m, n := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		n--
	}
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	sum := 0.0
	for _, c := range oddReciprocals {
		sum = float64(sum*z) + c
	}
	return float64(float64(n)*math.Ln2) + float64(2*float64(s*sum))
}
