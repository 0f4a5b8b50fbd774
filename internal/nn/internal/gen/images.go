package main

import (
	. "github.com/mmcloughlin/avo/build"   //nolint:revive // avo is a language of its own.
	. "github.com/mmcloughlin/avo/operand" //nolint:revive // See above.
	. "github.com/mmcloughlin/avo/reg"     //nolint:revive // See above.
)

func (s isa) affine() {
	s.function("affine", "func(dst []float32, dstStride int, src []float32, srcStride int, a, b []float32, lo float32, n, c int)", "is dst = max(src·a + b, lo).")
	dst, src, a, b := base("dst"), base("src"), base("a"), base("b")
	dstStride, srcStride := floats("dstStride"), floats("srcStride")
	s.broadcast("lo", 0)
	s.channels(func(offset Register) {
		VMOVUPS(plus(a, offset), s.v(1))
		VMOVUPS(plus(b, offset), s.v(2))
		d, p, n := offsetBase(dst, offset), offsetBase(src, offset), count("n")
		while("pixels", n, 1, func() {
			VMOVUPS(at(p, 0), s.v(3))
			VFMADD213PS(s.v(2), s.v(1), s.v(3))
			greater(s.v(0), s.v(3), s.v(3))
			VMOVUPS(s.v(3), at(d, 0))
			ADDQ(srcStride, p)
			ADDQ(dstStride, d)
		})
	})
}

func (s isa) affineAdd() {
	s.function("affineAdd", "func(dst, src, a, b []float32, srcLo, lo float32, n, c int)", "is dst = max(max(src·a + b, srcLo) + dst, lo).")
	dst, src, a, b, stride := base("dst"), base("src"), base("a"), base("b"), floats("c")
	s.broadcast("lo", 0)
	s.broadcast("srcLo", 4)
	s.channels(func(offset Register) {
		VMOVUPS(plus(a, offset), s.v(1))
		VMOVUPS(plus(b, offset), s.v(2))
		d, p, n := offsetBase(dst, offset), offsetBase(src, offset), count("n")
		while("pixels", n, 1, func() {
			VMOVUPS(at(p, 0), s.v(3))
			VFMADD213PS(s.v(2), s.v(1), s.v(3))
			greater(s.v(4), s.v(3), s.v(3))
			VADDPS(at(d, 0), s.v(3), s.v(3))
			greater(s.v(0), s.v(3), s.v(3))
			VMOVUPS(s.v(3), at(d, 0))
			ADDQ(stride, p)
			ADDQ(stride, d)
		})
	})
}

func (s isa) put(add bool) {
	name, doc := "copy", "is dst = src."
	if add {
		name, doc = "add", "is dst = dst + src."
	}
	s.function(name, "func(dst []float32, dstStride int, src []float32, srcStride int, n, c int)", doc)
	dst, src, dstStride, srcStride := base("dst"), base("src"), floats("dstStride"), floats("srcStride")
	s.channels(func(offset Register) {
		d, p, n := offsetBase(dst, offset), offsetBase(src, offset), count("n")
		while("pixels", n, 1, func() {
			VMOVUPS(at(p, 0), s.v(0))
			if add {
				VADDPS(at(d, 0), s.v(0), s.v(0))
			}
			VMOVUPS(s.v(0), at(d, 0))
			ADDQ(srcStride, p)
			ADDQ(dstStride, d)
		})
	})
}

func (s isa) pool() {
	s.function("pool", "func(dst []float32, dstStride int, row0, row1, a, b []float32, lo float32, n, c int)", "is the greatest of four values of affine.")
	dst, row0, row1, a, b := base("dst"), base("row0"), base("row1"), base("a"), base("b")
	dstStride, stride := floats("dstStride"), floats("c")
	s.broadcast("lo", 0)
	s.channels(func(offset Register) {
		VMOVUPS(plus(a, offset), s.v(1))
		VMOVUPS(plus(b, offset), s.v(2))
		d, p, q, n := offsetBase(dst, offset), offsetBase(row0, offset), offsetBase(row1, offset), count("n")
		while("pixels", n, 1, func() {
			s.four(p, q, stride, 1, 2)
			greater(s.v(3), s.v(4), s.v(3))
			greater(s.v(5), s.v(6), s.v(5))
			greater(s.v(3), s.v(5), s.v(3))
			greater(s.v(0), s.v(3), s.v(3))
			VMOVUPS(s.v(3), at(d, 0))
			LEAQ(Mem{Base: p, Index: stride, Scale: 2}, p)
			LEAQ(Mem{Base: q, Index: stride, Scale: 2}, q)
			ADDQ(dstStride, d)
		})
	})
}

// four computes x·a + b of two pixels of each of two rows into registers 3 to 6.
func (s isa) four(p, q, stride Register, a, b int) {
	for i, m := range []Mem{at(p, 0), plus(p, stride), at(q, 0), plus(q, stride)} {
		VMOVUPS(m, s.v(3+i))
		VFMADD213PS(s.v(b), s.v(a), s.v(3+i))
	}
}

// poolBack finds out which of the four is the first greatest by comparing each with the greatest so far.
func (s isa) poolBack(add bool) {
	name, doc := "poolBack", "gives dy to the first greatest of four pixels and 0 to the others."
	if add {
		name, doc = "poolBackAdd", "adds dy to the first greatest of four pixels."
	}
	s.function(name, "func(d0, d1, row0, row1, a, b, dy []float32, dyStride int, n, c int)", doc)
	s.channels(func(offset Register) {
		VMOVUPS(plus(base("a"), offset), s.v(1))
		VMOVUPS(plus(base("b"), offset), s.v(2))
		p, q := offsetBase(base("row0"), offset), offsetBase(base("row1"), offset)
		o0, o1, g := offsetBase(base("d0"), offset), offsetBase(base("d1"), offset), offsetBase(base("dy"), offset)
		n, stride, dyStride := count("n"), floats("c"), floats("dyStride")
		while("pixels", n, 1, func() {
			s.four(p, q, stride, 1, 2)
			VMOVUPS(at(g, 0), s.v(7))
			s.route()
			for i, m := range []Mem{at(o0, 0), plus(o0, stride), at(o1, 0), plus(o1, stride)} {
				if add {
					VADDPS(m, s.v(3+i), s.v(3+i))
				}
				VMOVUPS(s.v(3+i), m)
			}
			for _, r := range []Register{p, q, o0, o1} {
				LEAQ(Mem{Base: r, Index: stride, Scale: 2}, r)
			}
			ADDQ(dyStride, g)
		})
	})
}

// route turns the four values in registers 3 to 6 into the gradients of register 7: a value has won if it is greater than all before it
// and not less than any after it.
func (s isa) route() {
	if s.bytes == 64 {
		s.routeMasks()
		return
	}
	const orderedGreater = 0x1e
	y := s.v
	VMAXPS(y(3), y(4), y(8))                       // Of 0 and 1: 1 if it is greater, else 0.
	VMAXPS(y(8), y(5), y(9))                       // Of 0 to 2.
	VCMPPS(Imm(orderedGreater), y(9), y(6), y(10)) // 3 wins.
	VCMPPS(Imm(orderedGreater), y(8), y(5), y(11)) // 2 is greater than 0 and 1.
	VCMPPS(Imm(orderedGreater), y(3), y(4), y(12)) // 1 is greater than 0.
	VANDPS(y(7), y(10), y(6))
	VANDNPS(y(7), y(10), y(13)) // What is left for 0 to 2.
	VANDPS(y(13), y(11), y(5))
	VANDNPS(y(13), y(11), y(13)) // What is left for 0 and 1.
	VANDPS(y(13), y(12), y(4))
	VANDNPS(y(13), y(12), y(3))
}

func (s isa) routeMasks() {
	const orderedGreater = 0x1e
	z := s.v
	VMAXPS(z(3), z(4), z(8))
	VMAXPS(z(8), z(5), z(9))
	VCMPPS(Imm(orderedGreater), z(9), z(6), K1)
	VCMPPS(Imm(orderedGreater), z(8), z(5), K2)
	VCMPPS(Imm(orderedGreater), z(3), z(4), K3)
	KANDNW(K2, K1, K4) // Go's order: K4 = not K1 and K2.
	KORW(K1, K2, K5)
	KANDNW(K3, K5, K6)
	KORW(K5, K3, K5)
	KNOTW(K5, K5)
	VMOVAPS_Z(z(7), K1, z(6))
	VMOVAPS_Z(z(7), K4, z(5))
	VMOVAPS_Z(z(7), K6, z(4))
	VMOVAPS_Z(z(7), K5, z(3))
}

func (s isa) downSum(add bool) {
	name, doc := "downSum", "is the sum of two pixels of each of two rows."
	if add {
		name, doc = "downSumAdd", "adds the sum of two pixels of each of two rows."
	}
	s.function(name, "func(dst, row0, row1 []float32, srcStride int, n, c int)", doc)
	dst, row0, row1, stride, dstStride := base("dst"), base("row0"), base("row1"), floats("srcStride"), floats("c")
	s.channels(func(offset Register) {
		d, p, q, n := offsetBase(dst, offset), offsetBase(row0, offset), offsetBase(row1, offset), count("n")
		while("pixels", n, 1, func() {
			VMOVUPS(at(p, 0), s.v(0))
			VADDPS(plus(p, stride), s.v(0), s.v(0))
			VADDPS(at(q, 0), s.v(0), s.v(0))
			VADDPS(plus(q, stride), s.v(0), s.v(0))
			if add {
				VADDPS(at(d, 0), s.v(0), s.v(0))
			}
			VMOVUPS(s.v(0), at(d, 0))
			LEAQ(Mem{Base: p, Index: stride, Scale: 2}, p)
			LEAQ(Mem{Base: q, Index: stride, Scale: 2}, q)
			ADDQ(dstStride, d)
		})
	})
}
