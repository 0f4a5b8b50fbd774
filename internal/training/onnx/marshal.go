package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Marshal gives the bytes of an ONNX file. The same model always gives the same bytes.
func Marshal(m *Model) []byte {
	var e encoder
	e.int(1, irVersion)
	e.text(2, m.Producer)
	e.text(3, m.ProducerVersion)
	e.message(7, func(e *encoder) { e.graph(&m.Graph) })
	e.message(8, func(e *encoder) {
		e.text(1, "")
		e.int(2, OperatorSet)
	})
	for _, pair := range m.Metadata {
		e.message(14, func(e *encoder) {
			e.text(1, pair.Key)
			e.text(2, pair.Value)
		})
	}
	return e.bytes
}

// encoder appends protocol buffer fields.
type encoder struct{ bytes []byte }

func (e *encoder) int(field protowire.Number, value int64) {
	e.bytes = protowire.AppendTag(e.bytes, field, protowire.VarintType)
	e.bytes = protowire.AppendVarint(e.bytes, uint64(value))
}

func (e *encoder) float(field protowire.Number, value float32) {
	e.bytes = protowire.AppendTag(e.bytes, field, protowire.Fixed32Type)
	e.bytes = protowire.AppendFixed32(e.bytes, math.Float32bits(value))
}

func (e *encoder) text(field protowire.Number, value string) {
	e.bytes = protowire.AppendTag(e.bytes, field, protowire.BytesType)
	e.bytes = protowire.AppendString(e.bytes, value)
}

func (e *encoder) message(field protowire.Number, fill func(*encoder)) {
	var inner encoder
	fill(&inner)
	e.bytes = protowire.AppendTag(e.bytes, field, protowire.BytesType)
	e.bytes = protowire.AppendBytes(e.bytes, inner.bytes)
}

func (e *encoder) graph(g *Graph) {
	for i := range g.Nodes {
		e.message(1, func(e *encoder) { e.node(&g.Nodes[i]) })
	}
	e.text(2, g.Name)
	for i := range g.Initializers {
		e.message(5, func(e *encoder) { e.tensor(&g.Initializers[i]) })
	}
	for _, v := range g.Inputs {
		e.message(11, func(e *encoder) { e.value(v) })
	}
	for _, v := range g.Outputs {
		e.message(12, func(e *encoder) { e.value(v) })
	}
}

func (e *encoder) node(n *Node) {
	for _, name := range n.Inputs {
		e.text(1, name)
	}
	for _, name := range n.Outputs {
		e.text(2, name)
	}
	e.text(3, n.Name)
	e.text(4, n.Op)
	for i := range n.Attributes {
		e.message(5, func(e *encoder) { e.attribute(&n.Attributes[i]) })
	}
}

func (e *encoder) attribute(a *Attribute) {
	e.text(1, a.Name)
	switch a.Kind {
	case KindFloat:
		e.float(2, a.Float)
	case KindInt:
		e.int(3, a.Int)
	case KindString:
		e.text(4, a.String)
	case KindInts:
		for _, value := range a.Ints {
			e.int(8, value)
		}
	}
	e.int(20, int64(a.Kind))
}

func (e *encoder) tensor(t *Tensor) {
	for _, d := range t.Dims {
		e.int(1, d)
	}
	var raw []byte
	if t.Ints != nil {
		e.int(2, elementInt64)
		for _, value := range t.Ints {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(value))
		}
	} else {
		e.int(2, elementFloat)
		raw = make([]byte, 0, 4*len(t.Floats))
		for _, value := range t.Floats {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(value))
		}
	}
	e.text(8, t.Name)
	e.bytes = protowire.AppendTag(e.bytes, 9, protowire.BytesType)
	e.bytes = protowire.AppendBytes(e.bytes, raw)
}

func (e *encoder) value(v Value) {
	e.text(1, v.Name)
	e.message(2, func(e *encoder) {
		e.message(1, func(e *encoder) {
			e.int(1, elementFloat)
			e.message(2, func(e *encoder) {
				for _, d := range v.Dims {
					e.message(1, func(e *encoder) {
						if d.Name != "" {
							e.text(2, d.Name)
						} else {
							e.int(1, d.Size)
						}
					})
				}
			})
		})
	})
}
