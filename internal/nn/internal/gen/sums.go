package main

import (
	. "github.com/mmcloughlin/avo/build"   //nolint:revive // avo is a language of its own.
	. "github.com/mmcloughlin/avo/operand" //nolint:revive // See above.
	. "github.com/mmcloughlin/avo/reg"     //nolint:revive // See above.
)

// partials is the number of interleaved accumulators, as in package nn.
const partials = 4

// interleaved runs step for n pixels: pixel i goes to accumulator i mod partials. Accumulators are registers 8 to 8 + 2·partials − 1,
// the even ones for the first sum; in the end both sums are in registers 8 and 9.
func (s isa) interleaved(n Register, step func(first, second VecPhysical)) {
	acc := func(i, which int) VecPhysical { return s.v(8 + 2*i + which) }
	for i := range partials {
		VXORPS(acc(i, 0), acc(i, 0), acc(i, 0))
		VXORPS(acc(i, 1), acc(i, 1), acc(i, 1))
	}
	while("pixels4", n, partials, func() {
		for i := range partials {
			step(acc(i, 0), acc(i, 1))
		}
	})
	for i := range partials - 1 {
		TESTQ(n, n)
		JZ(LabelRef("join"))
		step(acc(i, 0), acc(i, 1))
		DECQ(n)
	}
	Label("join")
	for which := range 2 {
		VADDPS(acc(1, which), acc(0, which), acc(0, which))
		VADDPS(acc(3, which), acc(2, which), acc(2, which))
		VADDPS(acc(2, which), acc(0, which), acc(0, which))
	}
}

func (s isa) moments() {
	s.function("moments", "func(sum, square, shift, src []float32, n, c int)", "sums x − shift and its square.")
	sum, square, shift, src, stride := base("sum"), base("square"), base("shift"), base("src"), floats("c")
	s.channels(func(offset Register) {
		VMOVUPS(plus(shift, offset), s.v(0))
		p, n := offsetBase(src, offset), count("n")
		s.interleaved(n, func(first, second VecPhysical) {
			VMOVUPS(at(p, 0), s.v(1))
			VSUBPS(s.v(0), s.v(1), s.v(1))
			VADDPS(s.v(1), first, first)
			VFMADD231PS(s.v(1), s.v(1), second)
			ADDQ(stride, p)
		})
		VMOVUPS(s.v(8), plus(sum, offset))
		VMOVUPS(s.v(9), plus(square, offset))
	})
}

func (s isa) gradSums() {
	s.function("gradSums", "func(sum, product, dy, z, a, b, mean []float32, lo float32, n, c int)", "sums g and g·(z − mean) where z·a + b > lo.")
	stride := floats("c")
	s.broadcast("lo", 0)
	s.channels(func(offset Register) {
		for i, param := range []string{"a", "b", "mean"} {
			VMOVUPS(plus(base(param), offset), s.v(1+i))
		}
		p, g, n := offsetBase(base("z"), offset), offsetBase(base("dy"), offset), count("n")
		s.interleaved(n, func(first, second VecPhysical) {
			s.masked(p, g)
			VSUBPS(s.v(3), s.v(4), s.v(4))
			VADDPS(s.v(6), first, first)
			VFMADD231PS(s.v(6), s.v(4), second)
			ADDQ(stride, p)
			ADDQ(stride, g)
		})
		VMOVUPS(s.v(8), plus(base("sum"), offset))
		VMOVUPS(s.v(9), plus(base("product"), offset))
	})
}

// masked loads z into register 4, and dy into register 6 where z·a + b > lo; lo, a and b are in registers 0 to 2.
func (s isa) masked(z, dy Register) {
	VMOVUPS(at(z, 0), s.v(4))
	VMOVUPS(at(dy, 0), s.v(6))
	VMOVAPS(s.v(4), s.v(5))
	VFMADD213PS(s.v(2), s.v(1), s.v(5))
	s.keepGreater(s.v(6), s.v(5), s.v(0), s.v(6))
}

func (s isa) gradient() {
	s.function("gradient", "func(dst []float32, dstStride int, dy, z, a, b, ka, kb, kc []float32, lo float32, n, c int)", "is dst = g·ka + (z·kb + kc) with g = dy where z·a + b > lo.")
	s.broadcast("lo", 0)
	s.channels(func(offset Register) {
		for i, param := range []string{"a", "b"} {
			VMOVUPS(plus(base(param), offset), s.v(1+i))
		}
		for i, param := range []string{"ka", "kb", "kc"} {
			VMOVUPS(plus(base(param), offset), s.v(7+i))
		}
		d, p, g, n := offsetBase(base("dst"), offset), offsetBase(base("z"), offset), offsetBase(base("dy"), offset), count("n")
		stride, dstStride := floats("c"), floats("dstStride")
		while("pixels", n, 1, func() {
			s.masked(p, g)
			VFMADD213PS(s.v(9), s.v(8), s.v(4))
			VFMADD231PS(s.v(6), s.v(7), s.v(4))
			VMOVUPS(s.v(4), at(d, 0))
			ADDQ(stride, p)
			ADDQ(stride, g)
			ADDQ(dstStride, d)
		})
	})
}

// adamConstants are the fields of package nn's adamConstants in the order of their registers, from 0.
var adamConstants = []string{"beta1", "rest1", "beta2", "rest2", "scale", "root", "epsilon", "rate", "keep"}

func (s isa) adam() {
	s.function("adam", "func(w, m, v, g []float32, k *adamConstants)", "is a step of AdamW; the number of values must be a multiple of the register's.")
	k := Dereference(Param("k"))
	for i, field := range adamConstants {
		Load(k.Field(field), s.scalar(i))
		VBROADCASTSS(s.scalar(i), s.v(i))
	}
	constant := func(name string) VecPhysical {
		for i, field := range adamConstants {
			if field == name {
				return s.v(i)
			}
		}
		panic("no constant " + name)
	}
	w, m, v, g := base("w"), base("m"), base("v"), base("g")
	n := Load(Param("g").Len(), GP64())
	grad, x, y := s.v(9), s.v(10), s.v(11)
	while("values", n, s.bytes/4, func() {
		VMOVUPS(at(g, 0), grad)
		VMULPS(constant("rest1"), grad, x)
		VFMADD231PS(at(m, 0), constant("beta1"), x)
		VMOVUPS(x, at(m, 0))
		VMULPS(constant("rest2"), grad, y)
		VMULPS(grad, y, y)
		VFMADD231PS(at(v, 0), constant("beta2"), y)
		VMOVUPS(y, at(v, 0))
		VMULPS(constant("root"), y, y)
		VSQRTPS(y, y)
		VADDPS(constant("epsilon"), y, y)
		VMULPS(constant("scale"), x, x)
		VDIVPS(y, x, x)
		VMULPS(at(w, 0), constant("keep"), y)
		VFMADD231PS(x, constant("rate"), y)
		VMOVUPS(y, at(w, 0))
		for _, r := range []Register{w, m, v, g} {
			ADDQ(Imm(uint64(s.bytes)), r)
		}
	})
	VZEROUPPER()
	RET()
}
