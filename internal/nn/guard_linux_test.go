package nn

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// guarded gives n floats that end right before memory that cannot be touched, or begin right behind it.
func guarded(t testing.TB, n int, atEnd bool) []float32 {
	t.Helper()
	page := unix.Getpagesize()
	size := (4*n + page - 1) / page * page
	block, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	must(t, err)
	t.Cleanup(func() { must(t, unix.Munmap(block)) })
	must(t, unix.Mprotect(block[:page], unix.PROT_NONE))
	must(t, unix.Mprotect(block[page+size:], unix.PROT_NONE))
	inner := block[page : page+size]
	if atEnd {
		inner = inner[size-4*n:]
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(inner))), n)
}

// TestKernelsStayInBounds runs each kernel with arguments next to memory that ends the process when it is read or written.
func TestKernelsStayInBounds(t *testing.T) {
	for name, call := range kernelCalls {
		t.Run(name, func(t *testing.T) {
			for _, kind := range KernelNames() {
				k, err := kernelsByName(kind)
				must(t, err)
				for seed := range uint64(40) {
					a := &arena{t: t, rng: NewRNG(seed, 9)}
					a.place = func(n int) []float32 { return guarded(t, n, seed%2 == 0) }
					call(k, a)
				}
			}
		})
	}
}
