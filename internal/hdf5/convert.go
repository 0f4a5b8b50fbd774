package hdf5

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Float32s puts the numbers of member m in a record into dst, whose length must
// be m.Type.Len(). Integers and other floats are converted, rounding to the
// nearest float32; what is too large becomes infinite.
func (m Member) Float32s(dst []float32, record []byte) error {
	t := m.Type.Scalar()
	raw, err := m.raw(len(dst), record)
	if err != nil {
		return err
	}
	switch {
	case t.Class == Float && t.Size == 4 && !t.BigEndian:
		copyFloat32LE(dst, raw)
	case t.Class == Float:
		for i := range dst {
			dst[i] = float32(t.float(raw[i*t.Size:]))
		}
	case t.Class == Integer && t.Signed:
		for i := range dst {
			dst[i] = float32(t.int(raw[i*t.Size:]))
		}
	case t.Class == Integer:
		for i := range dst {
			dst[i] = float32(t.bits(raw[i*t.Size:]))
		}
	default:
		return fmt.Errorf("member %q is of type %s, not of numbers", m.Name, m.Type)
	}
	return nil
}

// Int64s puts the integers of member m in a record into dst, whose length must
// be m.Type.Len(). An unsigned number beyond int64 is an error.
func (m Member) Int64s(dst []int64, record []byte) error {
	t := m.Type.Scalar()
	raw, err := m.raw(len(dst), record)
	if err != nil {
		return err
	}
	if t.Class != Integer {
		return fmt.Errorf("member %q is of type %s, not of integers", m.Name, m.Type)
	}
	for i := range dst {
		dst[i] = t.int(raw[i*t.Size:])
		if !t.Signed && dst[i] < 0 {
			return fmt.Errorf("member %q has the value %d, which is too large", m.Name, uint64(dst[i]))
		}
	}
	return nil
}

// raw cuts the member's bytes out of a record.
func (m Member) raw(n int, record []byte) ([]byte, error) {
	if n != m.Type.Len() {
		return nil, fmt.Errorf("member %q has %d values, not %d", m.Name, m.Type.Len(), n)
	}
	if m.Offset+m.Type.Size > len(record) {
		return nil, fmt.Errorf("a record of %d bytes does not have member %q", len(record), m.Name)
	}
	return record[m.Offset : m.Offset+m.Type.Size], nil
}

// copyFloat32LE is the way that nearly all pixels go; the compiler makes a plain
// load and store of each step.
func copyFloat32LE(dst []float32, raw []byte) {
	for len(dst) >= 4 && len(raw) >= 16 {
		dst[0] = math.Float32frombits(binary.LittleEndian.Uint32(raw))
		dst[1] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4:]))
		dst[2] = math.Float32frombits(binary.LittleEndian.Uint32(raw[8:]))
		dst[3] = math.Float32frombits(binary.LittleEndian.Uint32(raw[12:]))
		dst, raw = dst[4:], raw[16:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
}

// bits is the number at the start of b as unsigned bits.
func (t *Type) bits(b []byte) uint64 {
	var order binary.ByteOrder = binary.LittleEndian
	if t.BigEndian {
		order = binary.BigEndian
	}
	switch t.Size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(order.Uint16(b))
	case 4:
		return uint64(order.Uint32(b))
	}
	return order.Uint64(b)
}

func (t *Type) int(b []byte) int64 {
	v := t.bits(b)
	if !t.Signed {
		return int64(v)
	}
	unused := 64 - 8*t.Size
	return int64(v<<unused) >> unused
}

func (t *Type) float(b []byte) float64 {
	v := t.bits(b)
	switch t.Size {
	case 2:
		return half(uint16(v))
	case 4:
		return float64(math.Float32frombits(uint32(v)))
	}
	return math.Float64frombits(v)
}

// half is the value of an IEEE 754 binary16 number.
func half(h uint16) float64 {
	sign := 1.0
	if h>>15 != 0 {
		sign = -1
	}
	exponent, fraction := int(h>>10&31), float64(h&1023)
	switch exponent {
	case 0:
		return math.Copysign(math.Ldexp(fraction, -24), sign)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}
