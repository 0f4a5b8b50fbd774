package main

import (
	"strconv"

	. "github.com/mmcloughlin/avo/build"   //nolint:revive // avo is a language of its own.
	. "github.com/mmcloughlin/avo/operand" //nolint:revive // See above.
	. "github.com/mmcloughlin/avo/reg"     //nolint:revive // See above.
)

// isa is an instruction set: AVX-512 with 16 floats to a register, or AVX2 with 8.
type isa struct {
	suffix    string
	bytes     int // Of a register.
	registers []VecPhysical
	// convTiles and wgradTiles are the greatest heights of tiles by their width in registers.
	convTiles, wgradTiles map[int]int
}

var avx512 = isa{
	suffix: "AVX512", bytes: 64,
	registers: []VecPhysical{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25,
		Z26, Z27, Z28, Z29, Z30, Z31},
	convTiles:  map[int]int{1: 16, 2: 12},
	wgradTiles: map[int]int{1: 16, 2: 12},
}

var avx2 = isa{
	suffix: "AVX2", bytes: 32,
	registers:  []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15},
	convTiles:  map[int]int{2: 6},
	wgradTiles: map[int]int{2: 6},
}

// v is the i-th vector register.
func (s isa) v(i int) VecPhysical { return s.registers[i] }

// scalar is the lowest part of the i-th vector register, which single floats are loaded into.
func (s isa) scalar(i int) VecPhysical {
	return []VecPhysical{X0, X1, X2, X3, X4, X5, X6, X7, X8, X9, X10, X11, X12, X13, X14, X15}[i]
}

func (s isa) function(name, signature, doc string) {
	TEXT(name+s.suffix, NOSPLIT, signature)
	Doc(name + s.suffix + " " + doc)
	Pragma("noescape")
}

// base loads the address of a slice argument.
func base(param string) Register { return Load(Param(param).Base(), GP64()) }

// count loads an integer argument.
func count(param string) Register { return Load(Param(param), GP64()) }

// floats loads an argument that counts floats, as bytes.
func floats(param string) Register {
	r := count(param)
	SHLQ(Imm(2), r)
	return r
}

// broadcast fills vector register i with a float argument.
func (s isa) broadcast(param string, i int) {
	Load(Param(param), s.scalar(i))
	VBROADCASTSS(s.scalar(i), s.v(i))
}

// greater is a > b ? a : b, as package nn's greater.
func greater(a, b, dst Op) { VMAXPS(b, a, dst) }

// keepGreater keeps value where x > y, and puts 0 elsewhere. x is overwritten with AVX2.
func (s isa) keepGreater(value, x, y, dst VecPhysical) {
	const orderedGreater = 0x1e
	if s.bytes == 64 {
		VCMPPS(Imm(orderedGreater), y, x, K1)
		VMOVAPS_Z(value, K1, dst)
		return
	}
	VCMPPS(Imm(orderedGreater), y, x, x)
	VANDPS(value, x, dst)
}

// while runs body as long as the counter is at least step, and takes step off it each time.
func while(label string, counter Register, step int, body func()) {
	CMPQ(counter, Imm(uint64(step)))
	JLT(LabelRef(label + "_end"))
	Label(label)
	body()
	SUBQ(Imm(uint64(step)), counter)
	CMPQ(counter, Imm(uint64(step)))
	JGE(LabelRef(label))
	Label(label + "_end")
}

// channels runs body for each group of channels; offset is that of the group in bytes.
func (s isa) channels(body func(offset Register)) {
	end, offset := floats("c"), GP64()
	XORQ(offset, offset)
	Label("channels")
	body(offset)
	ADDQ(Imm(uint64(s.bytes)), offset)
	CMPQ(offset, end)
	JLT(LabelRef("channels"))
	VZEROUPPER()
	RET()
}

// offsetBase is base + offset in a register of its own.
func offsetBase(base, offset Register) Register {
	r := GP64()
	LEAQ(Mem{Base: base, Index: offset, Scale: 1}, r)
	return r
}

func at(base Register, disp int) Mem { return Mem{Base: base, Disp: disp} }

func plus(base, index Register) Mem { return Mem{Base: base, Index: index, Scale: 1} }

func itoa(i int) string { return strconv.Itoa(i) }
