package nn

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// TestEveryMachineGivesTheSameBytes trains each network for some steps, the last batches being larger and smaller, with all kernels and
// several numbers of workers.
func TestEveryMachineGivesTheSameBytes(t *testing.T) {
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			want := ""
			for _, kernels := range KernelNames() {
				for _, workers := range []int{1, 2, 3, 7} {
					if kernels == portableKernels.name && workers != 3 {
						continue // They take too long to run four times.
					}
					got := runHash(t, network, kernels, workers, 8, 16)
					if want == "" {
						want = got
					}
					if got != want {
						t.Errorf("%s with %d workers: %s, and should be %s", kernels, workers, got, want)
					}
				}
			}
		})
	}
}

// TestLargeChipsGiveTheSameBytes has chips that are cut into several tasks each.
func TestLargeChipsGiveTheSameBytes(t *testing.T) {
	if KernelName() == portableKernels.name {
		t.Skip("the portable kernels alone would take minutes")
	}
	for _, name := range []string{"segmentation", "residual classifier"} {
		want := runHash(t, networks[name], KernelName(), 2, 128, 120)
		for _, workers := range []int{1, 3} {
			for _, kernels := range KernelNames()[:len(KernelNames())-1] {
				if got := runHash(t, networks[name], kernels, workers, 128, 120); got != want {
					t.Errorf("%s, %s with %d workers: %s, and should be %s", name, kernels, workers, got, want)
				}
			}
		}
	}
}

// runHash trains, calibrates and predicts, and digests all that came out.
func runHash(t *testing.T, network func(b *Builder) *Node, kernels string, workers, h, w int) string {
	must(t, UseKernels(kernels))
	defer chosenKernels.Store(nil)
	m := mustModel(t, network, 8)
	p := mustPlan(t, m, PlanConfig{MaxBatch: 6, Height: h, Width: w, Workers: workers})
	optimizer := NewAdamW(m, AdamWConfig{WeightDecay: 0.05})
	sum := sha256.New()
	for step, n := range []int{4, 6, 1, 5} {
		pixels, labels := example(m.Graph, n, h, w, uint64(step))
		must(t, p.Forward(Batch{n, pixels}))
		result, err := p.Loss(Loss{IgnoreLabel: None, FocalGamma: float64(step)}, labels)
		must(t, err)
		must(t, p.Backward())
		norm := ClipNorm(p.Gradients(), 1)
		must(t, optimizer.Step(p.Gradients(), 1e-2))
		fmt.Fprintln(sum, math.Float64bits(result.Mean), math.Float64bits(norm))
		must(t, binary.Write(sum, binary.LittleEndian, m.Weights))
	}
	calibration, err := p.Calibrate()
	must(t, err)
	pixels, labels := example(m.Graph, 6, h, w, 9)
	must(t, calibration.Add(Batch{6, pixels}))
	must(t, calibration.Apply())
	infer := mustPlan(t, m, PlanConfig{Mode: Infer, MaxBatch: 6, Height: h, Width: w, Workers: workers})
	must(t, infer.Forward(Batch{6, pixels}))
	logits := make([]float32, infer.Labels()*m.Graph.Classes())
	must(t, infer.Logits(logits))
	result, err := infer.Loss(Loss{IgnoreLabel: None}, labels)
	must(t, err)
	must(t, binary.Write(sum, binary.LittleEndian, m.Statistics))
	must(t, binary.Write(sum, binary.LittleEndian, logits))
	fmt.Fprintln(sum, math.Float64bits(result.Mean))
	return fmt.Sprintf("%x", sum.Sum(nil)[:8])
}
