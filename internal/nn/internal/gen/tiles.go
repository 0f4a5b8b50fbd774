package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo is a language of its own.
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand" //nolint:revive // See above.
	. "github.com/mmcloughlin/avo/reg"     //nolint:revive // See above.
)

// tiles writes the kernels of convolutions and weight gradients, for each height of a tile up to the greatest.
func (s isa) tiles() {
	for _, nv := range []int{1, 2} {
		for mr := 1; mr <= s.convTiles[nv]; mr++ {
			s.conv(mr, nv)
		}
		for mr := 1; mr <= s.wgradTiles[nv]; mr++ {
			s.wgrad(mr, nv)
		}
	}
}

// acc is the accumulator in row i, column j of a tile; the first registers hold a row of b and a broadcast value of a.
func (s isa) acc(i, j, nv int) VecPhysical { return s.v(nv + 1 + i*nv + j) }

// pixels are the addresses of a tile's pixels: 0, 1 or 2 strides behind base registers that are three pixels apart.
type pixels struct {
	bases  []Register
	stride Register
}

func newPixels(n int, stride Register) pixels {
	p := pixels{stride: stride}
	for range (n + 2) / 3 {
		p.bases = append(p.bases, GP64())
	}
	return p
}

// start puts the first pixel at row.
func (p pixels) start(row Register) {
	MOVQ(row, p.bases[0])
	for i := 1; i < len(p.bases); i++ {
		LEAQ(Mem{Base: p.bases[i-1], Index: p.stride, Scale: 2}, p.bases[i])
		ADDQ(p.stride, p.bases[i])
	}
}

func (p pixels) at(pixel, disp int) Mem {
	m := Mem{Base: p.bases[pixel/3], Disp: disp}
	if pixel%3 != 0 {
		m.Index, m.Scale = p.stride, uint8(pixel%3)
	}
	return m
}

func (p pixels) advance(bytes int) {
	for _, b := range p.bases {
		ADDQ(Imm(uint64(bytes)), b)
	}
}

// conv keeps mr × nv accumulators. For each k it loads nv registers of weights, and multiplies them by one value of each pixel.
func (s isa) conv(mr, nv int) {
	s.function("conv"+itoa(mr)+"x"+itoa(nv), "func(t *convTile)", "computes "+itoa(mr)+" pixels × "+itoa(nv)+" registers of channels.")
	t := Dereference(Param("t"))
	bias := Load(t.Field("bias").Base(), GP64())
	for j := range nv {
		VMOVUPS(at(bias, j*s.bytes), s.acc(0, j, nv))
		for i := 1; i < mr; i++ {
			VMOVAPS(s.acc(0, j, nv), s.acc(i, j, nv))
		}
	}
	row, weights := Load(t.Field("a").Base(), GP64()), Load(t.Field("b").Base(), GP64())
	rows := Load(t.Field("rows"), GP64())
	p := newPixels(mr, fieldBytes(t, "aPixel"))
	bRow := fieldBytes(t, "bRow")
	k := GP64()
	Label("rows")
	p.start(row)
	Load(t.Field("k"), k)
	const unroll = 4
	while("k4", k, unroll, func() {
		for u := range unroll {
			s.convStep(mr, nv, p, 4*u, weights, bRow)
		}
		p.advance(4 * unroll)
	})
	while("k1", k, 1, func() {
		s.convStep(mr, nv, p, 0, weights, bRow)
		p.advance(4)
	})
	Load(t.Field("aRow"), k)
	LEAQ(Mem{Base: row, Index: k, Scale: 4}, row)
	DECQ(rows)
	JNZ(LabelRef("rows"))
	s.convStore(t, mr, nv)
}

// convStep is one k.
func (s isa) convStep(mr, nv int, p pixels, disp int, weights, bRow Register) {
	for j := range nv {
		VMOVUPS(at(weights, j*s.bytes), s.v(j))
	}
	ADDQ(bRow, weights)
	for i := range mr {
		VBROADCASTSS(p.at(i, disp), s.v(nv))
		for j := range nv {
			VFMADD231PS(s.v(nv), s.v(j), s.acc(i, j, nv))
		}
	}
}

func (s isa) convStore(t gotypes.Component, mr, nv int) {
	Load(t.Field("lo"), s.scalar(0))
	VBROADCASTSS(s.scalar(0), s.v(0))
	c, stride := Load(t.Field("c").Base(), GP64()), fieldBytes(t, "cPixel")
	for i := range mr {
		for j := range nv {
			a := s.acc(i, j, nv)
			greater(s.v(0), a, a)
			VMOVUPS(a, at(c, j*s.bytes))
		}
		ADDQ(stride, c)
	}
	VZEROUPPER()
	RET()
}

func fieldBytes(t gotypes.Component, field string) Register {
	r := Load(t.Field(field), GP64())
	SHLQ(Imm(2), r)
	return r
}

// wgrad keeps mr × nv accumulators, which start with what is in memory. For each pixel it loads nv registers of b, and multiplies them by
// mr neighbouring values of a.
func (s isa) wgrad(mr, nv int) {
	s.function("wgrad"+itoa(mr)+"x"+itoa(nv), "func(t *wgradTile)", "adds to "+itoa(mr)+" rows × "+itoa(nv)+" registers of weight gradients.")
	t := Dereference(Param("t"))
	s.wgradMove(t, mr, nv, func(m Mem, a VecPhysical) { VMOVUPS(m, a) })
	aRow, bRow := Load(t.Field("a").Base(), GP64()), Load(t.Field("b").Base(), GP64())
	aPixel, bPixel := fieldBytes(t, "aPixel"), fieldBytes(t, "bPixel")
	rows := Load(t.Field("rows"), GP64())
	width, a, b := GP64(), GP64(), GP64()
	Label("rows")
	MOVQ(aRow, a)
	MOVQ(bRow, b)
	Load(t.Field("width"), width)
	step := func() {
		for j := range nv {
			VMOVUPS(at(b, j*s.bytes), s.v(j))
		}
		ADDQ(bPixel, b)
		for i := range mr {
			VBROADCASTSS(at(a, 4*i), s.v(nv))
			for j := range nv {
				VFMADD231PS(s.v(nv), s.v(j), s.acc(i, j, nv))
			}
		}
		ADDQ(aPixel, a)
	}
	while("pixels2", width, 2, func() { step(); step() })
	while("pixels", width, 1, step)
	Load(t.Field("aRow"), width)
	LEAQ(Mem{Base: aRow, Index: width, Scale: 4}, aRow)
	Load(t.Field("bRow"), width)
	LEAQ(Mem{Base: bRow, Index: width, Scale: 4}, bRow)
	DECQ(rows)
	JNZ(LabelRef("rows"))
	s.wgradMove(t, mr, nv, func(m Mem, a VecPhysical) { VMOVUPS(a, m) })
	VZEROUPPER()
	RET()
}

// wgradMove moves all accumulators from or to memory.
func (s isa) wgradMove(t gotypes.Component, mr, nv int, move func(m Mem, a VecPhysical)) {
	c, stride := Load(t.Field("c").Base(), GP64()), fieldBytes(t, "cRow")
	for i := range mr {
		for j := range nv {
			move(at(c, j*s.bytes), s.acc(i, j, nv))
		}
		ADDQ(stride, c)
	}
}
