// Command gen writes the vector kernels of package nn in assembler, for one instruction set:
//
//	go run ./internal/gen -isa avx512 -out avx512_amd64.s -stubs avx512_amd64.go -pkg nn
//
// What each kernel computes stands beside the portable ones in package nn; all give the same bits. One loop runs over groups of
// channels that fit a register, an inner one over pixels.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/build"
)

func main() {
	name := flag.String("isa", "avx512", "avx512 or avx2")
	sets := map[string]isa{"avx512": avx512, "avx2": avx2}
	build.Package("github.com/swath-dev/swath/internal/nn")
	// Generate parses the flags, so the instruction set is read from them beforehand.
	for i, arg := range os.Args[:len(os.Args)-1] {
		if arg == "-isa" {
			*name = os.Args[i+1]
		}
	}
	set, ok := sets[*name]
	if !ok {
		fmt.Fprintf(os.Stderr, "gen: there is no instruction set %q\n", *name)
		os.Exit(2)
	}
	build.ConstraintExpr("amd64")
	set.tiles()
	set.affine()
	set.affineAdd()
	set.put(false)
	set.put(true)
	set.moments()
	set.gradSums()
	set.gradient()
	set.pool()
	set.poolBack(false)
	set.poolBack(true)
	set.downSum(false)
	set.downSum(true)
	set.softmax()
	set.adam()
	build.Generate()
}
