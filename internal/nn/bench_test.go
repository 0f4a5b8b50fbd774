package nn

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// cpuTime is the processor time of this process, which other processes disturb less than the clock on the wall.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkConvTile(b *testing.B) {
	for _, kind := range KernelNames() {
		k, _ := kernelsByName(kind)
		for groups := 1; groups <= 2; groups++ {
			for _, mr := range []int{6, 8, 10, 11, 12, 14, 16} {
				if mr > k.convMR[groups] {
					continue
				}
				b.Run(fmt.Sprintf("%s/%dx%d", kind, mr, groups*lanes), func(b *testing.B) {
					nr, in := groups*lanes, 16
					t := convTile{rows: 3, k: 3 * in, aRow: 66 * in, aPixel: in, bRow: nr, cPixel: nr}
					t.a, t.b, t.c, t.bias = make([]float32, 3*t.aRow), make([]float32, 9*in*nr), make([]float32, mr*nr), make([]float32, nr)
					start := cpuTime()
					for b.Loop() {
						k.conv(&t, mr, groups)
					}
					b.ReportMetric(float64(b.N)*float64(2*9*in*mr*nr)/float64(cpuTime()-start), "GFLOPS")
				})
			}
		}
	}
}

func BenchmarkWgradTile(b *testing.B) {
	for _, kind := range KernelNames() {
		k, _ := kernelsByName(kind)
		for groups := 1; groups <= 2; groups++ {
			mr := k.wgradMR[groups]
			b.Run(fmt.Sprintf("%s/%dx%d", kind, mr, groups*lanes), func(b *testing.B) {
				nr, in := groups*lanes, 16
				t := wgradTile{rows: 8, width: 64, aRow: 66 * in, aPixel: in, bRow: 66 * nr, bPixel: nr, cRow: nr}
				t.a, t.b, t.c = make([]float32, 8*t.aRow), make([]float32, 8*t.bRow), make([]float32, mr*nr)
				start := cpuTime()
				for b.Loop() {
					k.wgrad(&t, mr, groups)
				}
				b.ReportMetric(float64(b.N)*float64(2*8*64*mr*nr)/float64(cpuTime()-start), "GFLOPS")
			})
		}
	}
}
