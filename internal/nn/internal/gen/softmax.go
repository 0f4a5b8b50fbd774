package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own.
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand" //nolint:revive // See above.
	. "github.com/mmcloughlin/avo/reg"     //nolint:revive // See above.
)

// lanesBytes is the width of package nn's lanes: one register of AVX-512, two of AVX2.
const lanesBytes = 64

// softmax goes over each row three times: for the greatest, for exponentials and their sum, and to scale them.
func (s isa) softmax() {
	s.function("softmax", "func(dst, logits, mask, factor, most, sums []float32, k *expConstants, n, c int)", "turns rows of logits into probabilities times a factor.")
	dst, logits, mask, factor, most, sums := base("dst"), base("logits"), base("mask"), base("factor"), base("most"), base("sums")
	k, n, c, j := Dereference(Param("k")), count("n"), floats("c"), GP64()
	parts := lanesBytes / s.bytes
	row := func(label string, body func(part int)) {
		XORQ(j, j)
		Label(label)
		for part := range parts {
			body(part)
			ADDQ(Imm(uint64(s.bytes)), j)
		}
		CMPQ(j, c)
		JLT(LabelRef(label))
	}
	acc := s.v // By part.
	greatest, x := s.v(2), s.v(3)
	Label("rows")
	for part := range parts {
		VMOVUPS(at(logits, part*s.bytes), acc(part))
		VADDPS(at(mask, part*s.bytes), acc(part), acc(part))
	}
	row("greatest", func(part int) {
		VMOVUPS(plus(logits, j), x)
		VADDPS(plus(mask, j), x, x)
		greater(x, acc(part), acc(part))
	})
	s.fold(parts, func(a, b, dst Op) { greater(a, b, dst) })
	VMOVSS(X0, at(most, 0))
	VBROADCASTSS(X0, greatest)
	for part := range parts {
		VXORPS(acc(part), acc(part), acc(part))
	}
	row("exponentials", func(part int) {
		VMOVUPS(plus(logits, j), x)
		VADDPS(plus(mask, j), x, x)
		VSUBPS(greatest, x, x)
		s.exp(k, x, s.v(4), s.v(5), s.v(6), s.v(7))
		VMOVUPS(s.v(4), plus(dst, j))
		VADDPS(s.v(4), acc(part), acc(part))
	})
	s.fold(parts, func(a, b, dst Op) { VADDPS(b, a, dst) })
	VMOVSS(X0, at(sums, 0))
	s.inverse(k)
	VBROADCASTSS(at(factor, 0), s.v(3))
	row("scale", func(int) {
		VMULPS(plus(dst, j), s.v(2), s.v(0))
		VMULPS(s.v(3), s.v(0), s.v(0))
		VMOVUPS(s.v(0), plus(dst, j))
	})
	for _, r := range []Register{factor, most, sums} {
		ADDQ(Imm(4), r)
	}
	ADDQ(c, logits)
	ADDQ(c, dst)
	DECQ(n)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// inverse fills register 2 with 1 divided by the lowest lane of register 0.
func (s isa) inverse(k gotypes.Component) {
	Load(k.Field("one"), X1)
	VDIVSS(X0, X1, X1)
	VBROADCASTSS(X1, s.v(2))
}

// fold joins the lanes' upper half with the lower until one is left, in the lowest lane of register 0. It uses register 1.
func (s isa) fold(parts int, join func(a, b, dst Op)) {
	if parts == 1 {
		VEXTRACTF64X4(Imm(1), Z0, Y1)
	}
	join(Y0, Y1, Y0)
	VEXTRACTF128(Imm(1), Y0, X1)
	join(X0, X1, X0)
	VPSHUFD(Imm(0b1110), X0, X1)
	join(X0, X1, X0)
	VPSHUFD(Imm(0b01), X0, X1)
	join(X0, X1, X0)
}

// exp computes e^x into dst with the steps of package nn's exp32; x is kept.
func (s isa) exp(k gotypes.Component, x, dst, n, r, tmp VecPhysical) {
	constant := func(name string) VecPhysical {
		VBROADCASTSS(mustAddr(k, name), tmp)
		return tmp
	}
	const nearestEven, notLess = 8, 0x15
	VMULPS(constant("log2E"), x, n)
	if s.bytes == 64 {
		VRNDSCALEPS(Imm(nearestEven), n, n)
	} else {
		VROUNDPS(Imm(nearestEven), n, n)
	}
	VMOVAPS(x, r)
	VFMADD231PS(constant("minusLn2High"), n, r)
	VFMADD231PS(constant("minusLn2Low"), n, r)
	VCVTPS2DQ(n, n)
	VPSLLD(Imm(23), n, n)
	VBROADCASTSS(mustAddr(k, "p0"), dst)
	for _, p := range []string{"p1", "p2", "p3", "p4", "p5"} {
		VFMADD213PS(constant(p), r, dst)
	}
	VMULPS(r, r, tmp)
	VFMADD213PS(r, tmp, dst)
	VADDPS(constant("one"), dst, dst)
	VPADDD(n, dst, dst)
	VBROADCASTSS(mustAddr(k, "least"), tmp)
	if s.bytes == 64 {
		VCMPPS(Imm(notLess), tmp, x, K1)
		VMOVAPS_Z(dst, K1, dst)
		return
	}
	VCMPPS(Imm(notLess), tmp, x, tmp)
	VANDPS(tmp, dst, dst)
}

func mustAddr(k gotypes.Component, field string) Mem {
	b, err := k.Field(field).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
