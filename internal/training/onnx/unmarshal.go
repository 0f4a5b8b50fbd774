package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrFormat says that bytes are not an ONNX model that this package can read.
var ErrFormat = errors.New("not an ONNX model that can be read here")

// maxElements bounds the elements of one tensor, so that false dimensions cannot make the reader allocate.
const maxElements = 1 << 30

// maxFields bounds the fields of a file, and the whole numbers in them. A field of two bytes may become a structure of a
// hundred, so that without it a file could take fifty times its size. The largest models have a tenth of it.
const maxFields = 1 << 15

// errTooManyFields says that a file has more structure than any model.
var errTooManyFields = fmt.Errorf("it has more than %d fields", maxFields)

// Unmarshal reads an ONNX file. Fields that this package does not know are passed over; what it cannot represent, such
// as weights of another type, is [ErrFormat].
func Unmarshal(data []byte) (*Model, error) {
	m, d := &Model{}, &decoder{left: maxFields}
	err := d.fields(data, func(f field) error {
		switch f.number {
		case 2:
			m.Producer = string(f.bytes)
		case 3:
			m.ProducerVersion = string(f.bytes)
		case 7:
			return m.Graph.read(d, f.bytes)
		case 8:
			return readOperatorSet(d, f.bytes)
		case 14:
			m.Metadata = append(m.Metadata, Metadata{})
			return m.Metadata[len(m.Metadata)-1].read(d, f.bytes)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(m.Graph.Nodes) == 0 || len(m.Graph.Inputs) == 0 || len(m.Graph.Outputs) == 0 {
		return nil, fmt.Errorf("%w: it has no graph", ErrFormat)
	}
	return m, nil
}

// field is one field of a message; which of the values counts depends on its type.
type field struct {
	number protowire.Number
	kind   protowire.Type
	varint uint64
	bits   uint32
	bytes  []byte
}

// decoder reads messages. It counts what it reads, so that memory follows from the size of the file.
type decoder struct{ left int }

// take counts one field, or one whole number of a packed field.
func (d *decoder) take() error {
	if d.left--; d.left < 0 {
		return errTooManyFields
	}
	return nil
}

// fields calls f for each field of a message.
func (d *decoder) fields(data []byte, f func(field) error) error {
	for len(data) > 0 {
		if err := d.take(); err != nil {
			return err
		}
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		got := field{number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			got.varint, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			got.bits, n = protowire.ConsumeFixed32(data)
		case protowire.BytesType:
			got.bytes, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		if err := f(got); err != nil {
			return err
		}
	}
	return nil
}

// ints appends a repeated whole number, which may be packed or not.
func (d *decoder) ints(f field, to []int64) ([]int64, error) {
	if f.kind == protowire.VarintType {
		return append(to, int64(f.varint)), nil
	}
	for data := f.bytes; len(data) > 0; {
		value, n := protowire.ConsumeVarint(data)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		if err := d.take(); err != nil {
			return nil, err
		}
		to, data = append(to, int64(value)), data[n:]
	}
	return to, nil
}

func readOperatorSet(d *decoder, data []byte) error {
	return d.fields(data, func(f field) error {
		if f.number == 2 && (f.varint < 13 || f.varint > 20) {
			return fmt.Errorf("operator set %d is not between 13 and 20", f.varint)
		}
		return nil
	})
}

func (m *Metadata) read(d *decoder, data []byte) error {
	return d.fields(data, func(f field) error {
		switch f.number {
		case 1:
			m.Key = string(f.bytes)
		case 2:
			m.Value = string(f.bytes)
		}
		return nil
	})
}

func (g *Graph) read(d *decoder, data []byte) error {
	return d.fields(data, func(f field) error {
		switch f.number {
		case 1:
			g.Nodes = append(g.Nodes, Node{})
			return g.Nodes[len(g.Nodes)-1].read(d, f.bytes)
		case 2:
			g.Name = string(f.bytes)
		case 5:
			g.Initializers = append(g.Initializers, Tensor{})
			return g.Initializers[len(g.Initializers)-1].read(d, f.bytes)
		case 11:
			g.Inputs = append(g.Inputs, Value{})
			return g.Inputs[len(g.Inputs)-1].read(d, f.bytes)
		case 12:
			g.Outputs = append(g.Outputs, Value{})
			return g.Outputs[len(g.Outputs)-1].read(d, f.bytes)
		}
		return nil
	})
}

func (n *Node) read(d *decoder, data []byte) error {
	return d.fields(data, func(f field) error {
		switch f.number {
		case 1:
			n.Inputs = append(n.Inputs, string(f.bytes))
		case 2:
			n.Outputs = append(n.Outputs, string(f.bytes))
		case 3:
			n.Name = string(f.bytes)
		case 4:
			n.Op = string(f.bytes)
		case 5:
			n.Attributes = append(n.Attributes, Attribute{})
			return n.Attributes[len(n.Attributes)-1].read(d, f.bytes)
		}
		return nil
	})
}

func (a *Attribute) read(d *decoder, data []byte) error {
	return d.fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			a.Name = string(f.bytes)
		case 2:
			a.Float = math.Float32frombits(f.bits)
		case 3:
			a.Int = int64(f.varint)
		case 4:
			a.String = string(f.bytes)
		case 8:
			a.Ints, err = d.ints(f, a.Ints)
		case 20:
			a.Kind = AttributeKind(f.varint)
		}
		return err
	})
}

func (t *Tensor) read(d *decoder, data []byte) error {
	var raw []byte
	var kind uint64
	err := d.fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			t.Dims, err = d.ints(f, t.Dims)
		case 2:
			kind = f.varint
		case 8:
			t.Name = string(f.bytes)
		case 9:
			raw = f.bytes
		}
		return err
	})
	if err != nil {
		return err
	}
	elements := int64(1)
	for _, size := range t.Dims {
		if size < 0 || size > maxElements || elements*size > maxElements {
			return fmt.Errorf("tensor %s has dimensions %v", t.Name, t.Dims)
		}
		elements *= size
	}
	switch {
	case kind == elementFloat && int64(len(raw)) == 4*elements:
		t.Floats = make([]float32, elements)
		for i := range t.Floats {
			t.Floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case kind == elementInt64 && int64(len(raw)) == 8*elements:
		t.Ints = make([]int64, elements)
		for i := range t.Ints {
			t.Ints[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	default:
		return fmt.Errorf("tensor %s of type %d has %d bytes for dimensions %v", t.Name, kind, len(raw), t.Dims)
	}
	return nil
}

func (v *Value) read(d *decoder, data []byte) error {
	return d.fields(data, func(f field) error {
		switch f.number {
		case 1:
			v.Name = string(f.bytes)
		case 2:
			return d.fields(f.bytes, func(f field) error { return v.readType(d, f) })
		}
		return nil
	})
}

func (v *Value) readType(d *decoder, f field) error {
	if f.number != 1 {
		return errors.New("an input or output is not a tensor")
	}
	return d.fields(f.bytes, func(f field) error {
		switch f.number {
		case 1:
			if f.varint != elementFloat {
				return fmt.Errorf("%s has elements of type %d, not float32", v.Name, f.varint)
			}
		case 2:
			return d.fields(f.bytes, func(f field) error { return v.readDim(d, f) })
		}
		return nil
	})
}

func (v *Value) readDim(d *decoder, f field) error {
	if f.number != 1 {
		return nil
	}
	dim := Dim{}
	err := d.fields(f.bytes, func(f field) error {
		switch f.number {
		case 1:
			dim.Size = int64(f.varint)
		case 2:
			dim.Name = string(f.bytes)
		}
		return nil
	})
	v.Dims = append(v.Dims, dim)
	return err
}
