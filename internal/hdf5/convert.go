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
	raw, err := m.raw(len(dst), record)
	if err != nil {
		return err
	}
	return m.float32s(dst, raw)
}

// float32s converts the member's own bytes.
func (m Member) float32s(dst []float32, raw []byte) error {
	t := m.Type.Scalar()
	switch {
	case t.nativeFloat32():
		copy(bytesOf(dst), raw)
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
	raw, err := m.raw(len(dst), record)
	if err != nil {
		return err
	}
	return m.int64s(dst, raw)
}

// int64s converts the member's own bytes.
func (m Member) int64s(dst []int64, raw []byte) error {
	t := m.Type.Scalar()
	switch {
	case t.Class != Integer:
		return fmt.Errorf("member %q is of type %s, not of integers", m.Name, m.Type)
	case t.Size == 8 && t.Signed && !t.BigEndian:
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
		return nil
	}
	for i := range dst {
		dst[i] = t.int(raw[i*t.Size:])
		if !t.Signed && dst[i] < 0 {
			return &ValueError{Member: m.Name, Value: uint64(dst[i])}
		}
	}
	return nil
}

// raw cuts the member's bytes out of a record.
func (m Member) raw(n int, record []byte) ([]byte, error) {
	if err := m.checkLen(n); err != nil {
		return nil, err
	}
	if m.Offset+m.Type.Size > len(record) {
		return nil, fmt.Errorf("a record of %d bytes does not have member %q", len(record), m.Name)
	}
	return record[m.Offset : m.Offset+m.Type.Size], nil
}

func (m Member) checkLen(n int) error {
	if n != m.Type.Len() {
		return fmt.Errorf("member %q has %d values, not %d", m.Name, m.Type.Len(), n)
	}
	return nil
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
