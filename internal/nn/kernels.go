package nn

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// lanes is the number of channels that kernels treat as a unit: images are stored with a multiple of it, the rest being zeros.
const lanes = 16

// partials is the number of interleaved accumulators of a sum over pixels: pixel i goes to accumulator i mod 4, and in the end the
// four are added as (0 + 1) + (2 + 3). It hides the latency of additions and is the same in all kernels.
const partials = 4

// kernels are the inner loops for one kind of processor. All kinds give the same bits. n counts pixels, c channels (a multiple of
// lanes); a stride is the number of floats from one pixel to the next.
type kernels struct {
	name string
	// convMR is the greatest number of pixels of a tile, by the number of lanes groups in its width (1 or 2).
	convMR [3]int
	// conv computes mr pixels × (groups · lanes) channels of a convolution.
	conv func(t *convTile, mr, groups int)
	// wgradMR is like convMR, of the number of rows of a tile of weight gradients.
	wgradMR [3]int
	// wgrad adds to mr × (groups · lanes) weight gradients.
	wgrad func(t *wgradTile, mr, groups int)
	// affine is dst = max(src·a + b, lo).
	affine func(dst []float32, dstStride int, src []float32, srcStride int, a, b []float32, lo float32, n, c int)
	// affineAdd is dst = max(max(src·a + b, srcLo) + dst, lo).
	affineAdd func(dst, src, a, b []float32, srcLo, lo float32, n, c int)
	// put is dst = src, or dst = dst + src.
	put func(dst []float32, dstStride int, src []float32, srcStride int, n, c int, add bool)
	// moments sums x − shift and its square over n dense pixels, with partials.
	moments func(sum, square, shift, src []float32, n, c int)
	// gradSums sums g and g·(z − mean) over n dense pixels with partials, where g = dy if z·a + b > lo, and else 0.
	gradSums func(sum, product, dy, z, a, b, mean []float32, lo float32, n, c int)
	// gradient is dst = g·ka + (z·kb + kc), with g as in gradSums.
	gradient func(dst []float32, dstStride int, dy, z []float32, k *gradConstants, n, c int)
	// pool is the greatest of four values of affine: of pixels 2i and 2i+1 of two rows.
	pool func(dst []float32, dstStride int, row0, row1, a, b []float32, lo float32, n, c int)
	// poolBack gives dy to the first greatest of the four pixels and 0 to the others, or adds it.
	poolBack func(d0, d1, row0, row1, a, b, dy []float32, dyStride int, n, c int, add bool)
	// downSum is the sum of pixels 2i and 2i+1 of two rows: dst = ((s0[2i] + s0[2i+1]) + s1[2i]) + s1[2i+1], or adds it.
	downSum func(dst, row0, row1 []float32, srcStride int, n, c int, add bool)
	// softmax turns n rows of c logits (plus mask, which is −∞ where there is no class) into probabilities times the row's factor, and
	// gives each row's greatest logit and sum of exponentials. The sum's order is that of sumLanes.
	softmax func(dst, logits, mask, factor, most, sums []float32, n, c int)
	// adam is a step of AdamW on any number of values.
	adam func(w, m, v, g []float32, k *adamConstants)
}

// convTile is a tile of a convolution: c[i][j] = max(bias[j] + Σ a[ky·aRow + i·aPixel + k]·b[(ky·k + k)·bRow + j], lo), with ky and k
// ascending. All strides are in floats.
type convTile struct {
	a, b, c, bias []float32
	rows, k       int
	aRow, aPixel  int
	bRow, cPixel  int
	lo            float32
}

// wgradTile is a tile of weight gradients: c[i][j] += Σ a[y·aRow + x·aPixel + i]·b[y·bRow + x·bPixel + j], with y and x ascending.
type wgradTile struct {
	a, b, c      []float32
	rows, width  int
	aRow, aPixel int
	bRow, bPixel int
	cRow         int
}

// gradConstants are those of the gradient through a batch norm and a ReLU; see kernels.gradient.
type gradConstants struct {
	a, b       []float32
	ka, kb, kc []float32
	lo         float32
}

// ErrKernels says that kernels are unknown, or not for this machine.
var ErrKernels = errors.New("kernels are not available")

// kernelsVariable names the environment variable that chooses kernels, for tests and for finding faults.
const kernelsVariable = "SWATH_KERNELS"

var chosenKernels atomic.Pointer[kernels]

// UseKernels makes "avx512", "avx2" or "portable" the default of plans made from now on. They differ in speed, never in results.
func UseKernels(name string) error {
	k, err := kernelsByName(name)
	if err != nil {
		return err
	}
	chosenKernels.Store(k)
	return nil
}

// KernelName is the default of plans: what UseKernels or the environment's SWATH_KERNELS chose, else the best of this machine. A plan with
// a name that the environment has wrong is an error.
func KernelName() string {
	if k := chosenKernels.Load(); k != nil {
		return k.name
	}
	if name := os.Getenv(kernelsVariable); name != "" {
		return name
	}
	return availableKernels()[0].name
}

// KernelNames are the kernels of this machine, the best first.
func KernelNames() []string {
	var names []string
	for _, k := range availableKernels() {
		names = append(names, k.name)
	}
	return names
}

// defaultKernels are those of KernelName, or the best if it is wrong.
func defaultKernels() *kernels {
	if k, err := kernelsByName(KernelName()); err == nil {
		return k
	}
	return availableKernels()[0]
}

func kernelsByName(name string) (*kernels, error) {
	for _, k := range availableKernels() {
		if k.name == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%w: %q; this machine has %v", ErrKernels, name, KernelNames())
}
