package hdf5

import (
	"hash/adler32"
	"math/rand/v2"
	"testing"
)

func TestAdler32IsThatOfTheStandardLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(random.Uint32())
			if n%3 == 0 {
				p[i] = 255
			}
		}
		if got, want := adler(p), adler32.Checksum(p); got != want {
			t.Fatalf("of %d bytes it is %08x, want %08x", n, got, want)
		}
	}
}
