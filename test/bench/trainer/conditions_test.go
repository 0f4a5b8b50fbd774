//go:build linux

package main

import (
	"slices"
	"testing"
)

func TestTheProcessorIsNamedWithItsFlags(t *testing.T) {
	const info = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu fma avx2 avx512f avx512_vnni\nprocessor\t: 1\nmodel name\t: other\n"
	if model, flags := cpuOf(info); model != "AMD EPYC" || flags != "avx2 fma avx512f avx512_vnni" {
		t.Errorf("got %q and %q", model, flags)
	}
}

func TestThePeakOfMemoryIsRead(t *testing.T) {
	if got, err := peakMiB("VmPeak:\t 4096 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n"); err != nil || got != 2 {
		t.Errorf("got %v MiB and error %v, want 2", got, err)
	}
	for name, status := range map[string]string{"no peak": "VmRSS:\t1 kB\n", "no number": "VmHWM:\tmuch kB\n"} {
		t.Run(name, func(t *testing.T) {
			if got, err := peakMiB(status); err == nil {
				t.Errorf("got %v and no error", got)
			}
		})
	}
}

func TestPyTorchIsGivenItsInstructionsAndNoOldSettings(t *testing.T) {
	got := torchEnvironment([]string{"PATH=/bin", "OPENBLAS_CORETYPE=x", "ATEN_CPU_CAPABILITY=default"}, "avx512")
	if want := []string{"PATH=/bin", "ATEN_CPU_CAPABILITY=avx512"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
